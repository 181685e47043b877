"""Differentiation and batching as graph transforms over the rules in the op records.
In: a graph and what to differentiate. Out: a graph of the same primitives."""
