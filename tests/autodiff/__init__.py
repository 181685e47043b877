"""Differentiation and batching as graph transforms.
In: small graphs. Out: their derivatives against finite differences, analysis and each other."""
