"""Tests of what a user imports.
In: the smallest graphs that show a claim. Out: its proof, or both programs side by side."""
