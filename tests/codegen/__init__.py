"""Machine code from kernels: vectors, contractions, control flow, the entry, the pool, every target.
In: kernels and programs made by hand. Out: the results that differ from NumPy's."""
