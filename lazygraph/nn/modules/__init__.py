"""Layers that own their weights, and the small system that names, saves and loads them.
In: sizes and seeds. Out: modules, whose parameters `lg.optim` trains."""
