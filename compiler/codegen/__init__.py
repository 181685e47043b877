"""Backends: each prints programs for one kind of machine.
In: a program. Out: an artifact that the runtime can load."""
