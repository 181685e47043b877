"""What decomposes matrices: native loops, or LAPACK.

In: "loops" or "lapack". Out: the choice, in force for functions made from then on.
"""

from __future__ import annotations

from types import TracebackType

from lazygraph.runtime.outside import routines

__all__ = ["use"]

CHOICES = ("loops", "lapack")
_chosen = ["loops"]


def chosen() -> str:
    """The choice in force."""
    return _chosen[0]


class use:
    """What decomposes the matrices of functions that `lg.function` makes from now on, in the whole process.

    "loops", the default, is lazygraph's own code: it threads with bits that do not depend on the number of threads,
    needs no BLAS, and can be exported. "lapack" calls LAPACK's routines from inside the compiled function, through the
    addresses that SciPy exports (`pip install lazygraph[linalg]`), for `cholesky`, `lu`, `qr`, `eigh`, `eigvalsh`,
    `svd`, `svdvals` and all that is made of them (`solve`, `det`, `pinv`, ...), of matrices with at least 128 rows and
    columns (a dim counts with its least value; spectra of complex matrices stay loops). Results, failures, signs
    and derivatives mean the same; bits and speed
    are those of the BLAS that SciPy brings, which has threads of its own (OPENBLAS_NUM_THREADS, for one) and is not
    interrupted by Ctrl-C within a routine. An `lu` that is not finite is NaN throughout. Functions made before keep
    what they were made with. As a context manager the choice lasts for the block.

    Raises ValueError for another name, and ImportError where SciPy is not installed.

    >>> import lazygraph as lg
    >>> a = lg.placeholder((100, 100), lg.float64, "a")
    >>> with lg.linalg.use("loops"):
    ...     f = lg.function(a, lg.linalg.eigvalsh(a))
    """

    def __init__(self, name: str) -> None:
        if name not in CHOICES:
            raise ValueError(f"lg.linalg.use: expected one of {', '.join(map(repr, CHOICES))}, found {name!r}")
        if name == "lapack":
            routines()
        self._before = chosen()
        _chosen[0] = name

    def __enter__(self) -> use:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _chosen[0] = self._before
