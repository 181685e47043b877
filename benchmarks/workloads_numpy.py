"""The workloads that NumPy and SciPy are yardsticks for: matrix products (BLAS), sparse ones, factorisations (LAPACK),
Fourier transforms, the cost of a call.

In: a row's shape. Out: a call that runs the workload once and returns its result.
"""

import numpy as np

from benchmarks import workloads_fft, workloads_linalg
from benchmarks.workload import Builders, Call, array
from benchmarks.workloads_sparse import THEIRS


def gemm(m: int, n: int, k: int) -> Call:
    a, b, out = array(m, k), array(k, n, seed=1), np.empty((m, n), np.float32)
    return lambda: np.matmul(a, b, out=out)


def call(n: int) -> Call:
    x = array(n)
    return lambda: x * 2 + 1


NAMED: Builders = {"gemm": gemm, "call": call}
PEERS: dict[str, Builders] = {"numpy": NAMED | THEIRS | workloads_linalg.THEIRS | workloads_fft.OF_NUMPY}
