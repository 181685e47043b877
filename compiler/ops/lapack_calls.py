"""LAPACK's routines as calls over row-major matrices: what each takes and gives, and its reference.

In: the types of a routine's operands. Out: those of its results, the call, and what SciPy says of one matrix. LAPACK's
matrices are column-major: it sees the transpose of each, so that here `potrf` works on the lower triangle, `gelqf`
makes q and r without a copy, and `gesdd` exchanges u and vh. Each result is an operand that the routine overwrites, or
begins as zeros, `info` as -1. A routine that destroys an operand gets a copy in scratch (E. Anderson et al., "LAPACK
Users' Guide", 3rd ed.).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node, TensorType
from lazygraph.compiler.ops.lowering import External, Held, Room
from lazygraph.runtime.artifact import ALIGNMENT
from lazygraph.runtime.dtypes import DType, int32

LETTERS = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}
_BLOCK = 64  # columns that routines take at a time, where they have room for it
_FLOP = 200  # picoseconds, of one core at least

Types = tuple[TensorType, ...]


@dataclass(frozen=True)
class Routine:
    axes: tuple[int, ...]  # of one example of each operand
    fresh: Callable[[Types], Sequence[tuple[DType, tuple[Extent, ...]]]]  # results behind the operands, of one example
    call: Callable[[Call], None]
    reference: Callable[..., tuple[Any, ...]]  # of one example

    def results(self, types: Types) -> Types:
        lead = types[0].shape[: types[0].rank - self.axes[0]]
        own = tuple([TensorType(each.dtype, each.shape[len(lead) :]) for each in types])
        return (*types, *[TensorType(dtype, (*lead, *shape)) for dtype, shape in self.fresh(own)])


@dataclass
class Call:
    """Collects the arguments of one call, in the routine's order."""

    node: Node
    lead: int
    name: str = ""
    arguments: list[str | Extent | Held | Room] = field(default_factory=list)
    copied: list[tuple[Held, Room]] = field(default_factory=list)
    scratch: Extent = 0
    work: Extent = 0

    @property
    def operand(self) -> TensorType:
        return self.node.inputs[0].type

    def held(self, number: int) -> Held:
        """Result `number`."""
        each = self.node.outputs[number]
        return Held(number, dims.product(each.shape[self.lead :]) * each.dtype.itemsize)

    def room(self, size: Extent) -> Room:
        found = Room(self.scratch)
        self.scratch += dims.ceildiv(size, ALIGNMENT) * ALIGNMENT
        return found

    def numbers(self, count: Extent, itemsize: int = 0) -> Room:
        """Room for at least one number, of the operand's dtype or so many bytes."""
        return self.room(dims.maximum(count, 1) * (itemsize or self.operand.dtype.itemsize))

    def lent(self, number: int) -> Room:
        """A copy of a result, which the routine destroys."""
        held = self.held(number)
        self.copied.append((held, self.room(held.stride)))
        return self.copied[-1][1]

    def finished(self) -> External:
        times = dims.product(self.operand.shape[: self.lead])
        time = times * self.work * _FLOP
        return External(self.name, tuple(self.arguments), tuple(self.copied), times, self.scratch, time)


def called(routine: str, node: Node) -> External:
    """The call that a node of this routine is."""
    call = Call(node, node.inputs[0].type.rank - ROUTINES[routine].axes[0])
    ROUTINES[routine].call(call)
    return call.finished()


def _name(call: Call, real: str, unitary: str = "") -> str:
    dtype = call.operand.dtype
    return LETTERS[str(dtype)] + (unitary if dtype.is_complex and unitary else real)


def _leading(extent: Extent) -> Extent:
    return dims.maximum(extent, 1)


def _scipy(name: str, like: np.ndarray, *, complex_name: str = "") -> Callable[..., Any]:
    name = complex_name if complex_name and like.dtype.kind == "c" else name
    lapack = importlib.import_module("scipy.linalg.lapack")
    found: Callable[..., Any] = lapack.get_lapack_funcs(name, (like,))
    return found


# --- Cholesky and LU --------------------------------------------------------------------------------------------------


def _potrf(call: Call) -> None:
    n = call.operand.shape[-1]
    call.name = _name(call, "potrf")
    call.arguments += ["U", n, call.held(0), _leading(n), call.held(1)]
    call.work = n * n * n


def _potrf_reference(a: np.ndarray) -> tuple[Any, ...]:
    factor, info = _scipy("potrf", a)(a.T, lower=0, clean=0)
    return factor.T, info


def _getrf(call: Call) -> None:
    columns, rows = call.operand.shape[-2:]
    call.name = _name(call, "getrf")
    call.arguments += [rows, columns, call.held(0), _leading(rows), call.held(1), call.held(2)]
    call.work = rows * columns * dims.minimum(rows, columns)


def _getrf_reference(a: np.ndarray) -> tuple[Any, ...]:
    packed, pivots, info = _scipy("getrf", a)(a.T)
    return packed.T, pivots + 1, info


def _laswp(call: Call) -> None:
    count, exchanges = call.operand.shape[-1], call.node.inputs[1].shape[-1]
    call.name = _name(call, "laswp")
    call.arguments += [1, call.held(0), _leading(count), 1, exchanges, call.held(1), 1]
    call.work = count


def _laswp_reference(x: np.ndarray, pivots: np.ndarray) -> tuple[Any, ...]:
    x = x.copy()
    for place, other in enumerate(pivots):
        x[[place, other - 1]] = x[[other - 1, place]]
    return x, pivots


# --- QR ---------------------------------------------------------------------------------------------------------------


def _gelqf(call: Call) -> None:
    rows, columns = call.operand.shape[-2:]
    call.name = _name(call, "gelqf")
    length = dims.maximum(columns, 1) * _BLOCK
    call.arguments += [columns, rows, call.held(0), _leading(columns), call.held(1)]
    call.arguments += [call.numbers(length), length, call.held(2)]
    call.work = rows * columns * dims.minimum(rows, columns) * 2


def _gelqf_reference(a: np.ndarray) -> tuple[Any, ...]:
    packed, tau, _, info = _scipy("geqrf", a)(a.conj())
    return packed.conj(), tau, info


def _orglq(call: Call) -> None:
    (rows, columns), reflectors = call.operand.shape[-2:], call.node.inputs[1].shape[-1]
    call.name = _name(call, "orglq", "unglq")
    length = dims.maximum(columns, 1) * _BLOCK
    call.arguments += [columns, rows, reflectors, call.held(0), _leading(columns), call.held(1)]
    call.arguments += [call.numbers(length), length, call.held(2)]
    call.work = rows * columns * columns * 2


def _orglq_reference(packed: np.ndarray, tau: np.ndarray) -> tuple[Any, ...]:
    q, _, info = _scipy("orgqr", packed, complex_name="ungqr")(packed.conj(), tau)
    return q.conj(), tau, info


# --- eigenvalues and singular values ----------------------------------------------------------------------------------


def _syevd(call: Call) -> None:
    n = call.operand.shape[-1]
    call.name = _name(call, "syevd")
    length, integers = 1 + (6 + _BLOCK) * n + 2 * n * n, 3 + 5 * n
    call.arguments += ["V", "U", n, call.held(0), _leading(n), call.held(1)]
    call.arguments += [call.numbers(length), length, call.numbers(integers, 4), integers, call.held(2)]
    call.work = n * n * n * 9


def _syevd_reference(a: np.ndarray) -> tuple[Any, ...]:
    values, vectors, info = _scipy("syevd", a)(a.T, compute_v=1, lower=0)
    return vectors.T, values, info


def _syevd_values(call: Call) -> None:
    n = call.operand.shape[-1]
    call.name = _name(call, "syevd")
    length = 1 + (6 + _BLOCK) * n
    call.arguments += ["N", "U", n, call.lent(0), _leading(n), call.held(1)]
    call.arguments += [call.numbers(length), length, call.numbers(1, 4), 1, call.held(2)]
    call.work = n * n * n * 2


def _syevd_values_reference(a: np.ndarray) -> tuple[Any, ...]:
    values, _, info = _scipy("syevd", a)(a.T, compute_v=0, lower=0)
    return a, values, info


def _gesdd(call: Call) -> None:
    m, n = call.operand.shape[-2:]
    *_, s, u, vh, _ = call.node.outputs
    k = s.shape[-1]
    call.name = _name(call, "gesdd")
    length = 5 * k * k + 7 * k + (_BLOCK + 1) * (m + n) + 1
    thin = "S" if call.node["routine"] == "gesdd" else "A"
    call.arguments += [thin, n, m, call.lent(0), _leading(n), call.held(1), call.held(3), _leading(n)]
    call.arguments += [call.held(2), _leading(u.shape[-1]), call.numbers(length), length]
    call.arguments += [call.numbers(8 * k, 4), call.held(4)]
    call.work = m * n * k * 20


def _gesdd_types(full: bool) -> Callable[[Types], Sequence[tuple[DType, tuple[Extent, ...]]]]:
    def fresh(types: Types) -> Sequence[tuple[DType, tuple[Extent, ...]]]:
        (a,) = types
        m, n = a.shape
        k = dims.minimum(m, n)
        left, right = (m, n) if full else (k, k)
        return [(a.dtype, (k,)), (a.dtype, (m, left)), (a.dtype, (right, n)), (int32, ())]

    return fresh


def _gesdd_reference(full: int) -> Callable[..., tuple[Any, ...]]:
    def reference(a: np.ndarray) -> tuple[Any, ...]:
        u, s, vh, info = _scipy("gesdd", a)(a.T, compute_uv=1, full_matrices=full)
        return a, s, vh.T, u.T, info

    return reference


def _gesdd_values(call: Call) -> None:
    m, n = call.operand.shape[-2:]
    k = dims.minimum(m, n)
    call.name = _name(call, "gesdd")
    length = 10 * k + (_BLOCK + 1) * (m + n) + 1
    unused = call.numbers(1)
    call.arguments += ["N", n, m, call.lent(0), _leading(n), call.held(1), unused, 1, unused, 1]
    call.arguments += [call.numbers(length), length, call.numbers(8 * k, 4), call.held(2)]
    call.work = m * n * k * 4


def _gesdd_values_reference(a: np.ndarray) -> tuple[Any, ...]:
    _, s, _, info = _scipy("gesdd", a)(a.T, compute_uv=0)
    return a, s, info


def _shortest(types: Types) -> Extent:
    return dims.minimum(*types[0].shape)


def _values(count: Callable[[Types], Extent]) -> Callable[[Types], Sequence[tuple[DType, tuple[Extent, ...]]]]:
    """A vector of the operand's dtype, and info."""
    return lambda types: [(types[0].dtype, (count(types),)), (int32, ())]


ROUTINES: Mapping[str, Routine] = {
    "potrf": Routine((2,), lambda types: [(int32, ())], _potrf, _potrf_reference),
    "getrf": Routine((2,), lambda types: [(int32, (_shortest(types),)), (int32, ())], _getrf, _getrf_reference),
    "laswp": Routine((1, 1), lambda types: [], _laswp, _laswp_reference),
    "gelqf": Routine((2,), _values(_shortest), _gelqf, _gelqf_reference),
    "orglq": Routine((2, 1), lambda types: [(int32, ())], _orglq, _orglq_reference),
    "syevd": Routine((2,), _values(_shortest), _syevd, _syevd_reference),
    "syevd_values": Routine((2,), _values(_shortest), _syevd_values, _syevd_values_reference),
    "gesdd": Routine((2,), _gesdd_types(False), _gesdd, _gesdd_reference(0)),
    "gesdd_full": Routine((2,), _gesdd_types(True), _gesdd, _gesdd_reference(1)),
    "gesdd_values": Routine((2,), _values(_shortest), _gesdd_values, _gesdd_values_reference),
}
