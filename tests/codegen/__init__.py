"""Tests of code generation: kernels, contractions, the entry, the thread pool."""
