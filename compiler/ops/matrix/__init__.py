"""What factorisations and solves share: types, products of nodes, register tiles, references, matrices to try them on.

In: the records of matrices (`cholesky`, `lu`, `qr`, ...). Out: the pieces they are written in. Matrices are the
last two axes; every axis before them is a batch.
"""
