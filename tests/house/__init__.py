"""Tests of the house: what every file of the repository must keep.
In: the source tree. Out: a list of violations, each naming its file and line."""
