"""Sparse matrices: `lg.sparse.CSR` and `lg.sparse.CSC`, compressed by rows and by columns.

In: matrices of SciPy, entries as triplets, svmlight files; as constants, variables, or arguments of compiled functions
(`lg.sparse.placeholder`). Out: handles whose entries are ordinary tensors, with products, arithmetic that keeps the
pattern, and reductions; derivatives with respect to dense operands and to the values of entries.
"""

from lazygraph.sparse.construction import constant, from_coo, placeholder, variable
from lazygraph.sparse.files import load_svmlight
from lazygraph.sparse.matrix import CSC, CSR

__all__ = ["CSC", "CSR", "constant", "from_coo", "load_svmlight", "placeholder", "variable"]
