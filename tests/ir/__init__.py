"""Tests of the graph form and its extents.
In: the smallest graphs and expressions that show a claim. Out: the ones where it fails."""
