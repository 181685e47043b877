"""Factors of an LU decomposition as they are stored: l below the diagonal of one matrix, its own diagonal being 1, u on
and above it.

In: nothing. Out: the reference in NumPy.
"""

from __future__ import annotations

import numpy as np


def factored(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(packed factors, permutation, exchanges) of matrices, by elimination column by column."""
    packed = a.copy()
    rows, columns = a.shape[-2:]
    permutation = np.broadcast_to(np.arange(rows), a.shape[:-1]).copy()
    exchanges = np.zeros(a.shape[:-2], np.int64)
    for place in np.ndindex(a.shape[:-2]):
        own, order = packed[place], permutation[place]
        for column in range(min(rows, columns)):
            sizes = np.abs(own[column:, column].real) + np.abs(own[column:, column].imag)
            pivot = column + int(np.argmax(sizes))
            if pivot != column:
                own[[column, pivot]] = own[[pivot, column]]
                order[[column, pivot]] = order[[pivot, column]]
                exchanges[place] += 1
            if own[column, column] != 0:
                own[column + 1 :, column] /= own[column, column]
            own[column + 1 :, column + 1 :] -= np.outer(own[column + 1 :, column], own[column, column + 1 :])
    return packed, permutation, exchanges
