"""The passes over graphs, one file each.
In: a graph. Out: a graph with the same values; compiler/pipeline.py says in which order they run."""
