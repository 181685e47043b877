"""Ours against torch, from the same arrays: run by `make test-peers` in an environment of its own, not by `make test`.
In: functions, layers and models of both. Out: values, gradients and second derivatives that agree."""
