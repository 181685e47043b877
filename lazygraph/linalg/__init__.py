"""Linear algebra under the names of the Array API and of NumPy: `lg.linalg.norm`, `lg.linalg.matrix_power`, ...

In: tensors, arrays, numbers; matrices are the last two axes, every axis before them a batch, extents may be symbolic or
0. Out: tensors. float32, float64, complex64 and complex128; integers become float64, half types are refused.
"""

from lazygraph.contraction import matmul, tensordot, vecdot
from lazygraph.linalg.choice import use
from lazygraph.linalg.determinants import det, slogdet
from lazygraph.linalg.exponential import expm
from lazygraph.linalg.factors import cholesky, lu, qr
from lazygraph.linalg.norms import matrix_norm, norm, vector_norm
from lazygraph.linalg.products import cross, diagonal, matrix_power, multi_dot, outer, trace
from lazygraph.linalg.solving import cho_solve, inv, lstsq, solve, solve_triangular
from lazygraph.linalg.spectral import cond, eigh, eigvalsh, matrix_rank, pinv, sqrtm, svd, svdvals
from lazygraph.manipulation import matrix_transpose

__all__ = [
    "cho_solve",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "expm",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "lu",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "use",
    "vecdot",
    "vector_norm",
]
