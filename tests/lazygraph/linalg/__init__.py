"""Tests of `lg.linalg`: values and backward errors against NumPy's and SciPy's LAPACK, derivatives, failures."""
