"""Tests of the runtime.
In: the smallest graphs that show a claim. Out: its proof, or both programs side by side."""
