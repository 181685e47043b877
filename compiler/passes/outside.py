"""Decompositions of large matrices by LAPACK, where the user asked for it.

In and out: a graph. What `cholesky`, `lu`, `qr`, `eigh`, `eigvalsh`, `svd` and `svdvals` promise, failures and signs
included, of what LAPACK's routines give (`ops/lapack_calls.py`). It runs behind every derivative and before reductions
are split. Of a symbolic extent the least value counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import Extent, Shape, bounds, minimum
from lazygraph.compiler.ir.graph import Graph, Node, TensorType, Value, rewrite
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.matrix.graph import (
    identity_like,
    lower_triangle,
    padded,
    part,
    transposed,
    upper_triangle,
)
from lazygraph.compiler.ops.record import OPS, full, zeros
from lazygraph.compiler.ops.spectral.derivatives import along_rows, symmetric_part
from lazygraph.runtime.dtypes import float64, int32, int64

_REAL = ("eigh", "eigvalsh", "svd", "svdvals")  # complex ones stay loops, with the phases that these give to vectors
LEAST = 128  # rows and columns of a matrix that is worth a call

Values = Sequence[Value]


@dataclass(frozen=True)
class Outside:
    """cholesky(a) -> what lapack(a, routine="potrf") gives, in the form of cholesky."""

    name: str = "lapack"

    def __call__(self, graph: Graph) -> Graph:
        return rewrite(graph, _replace)


def _replace(node: Node, inputs: tuple[Value, ...]) -> Values | None:
    rule = _RULES.get(node.op.name)
    if rule is None or any((bounds(extent)[0] or 0) < LEAST for extent in inputs[0].shape[-2:]):
        return None
    if inputs[0].dtype.is_complex and node.op.name in _REAL:
        return None
    return rule(node, inputs[0])


def _call(routine: str, *operands: Value) -> tuple[Value, ...]:
    results: tuple[Value, ...] = OPS["lapack"](*operands, routine=routine)
    return results


# --- what was found ---------------------------------------------------------------------------------------------------


def _count(like: Value, number: int) -> Value:
    return full(TensorType(int64, like.shape), number)


def _wide(x: Value) -> Value:
    return emit("cast", x, dtype=int64)


def _order(shape: Shape) -> Value:
    """1, 2, ... along the last axis."""
    counted = emit("iota", dtype=int64, shape=shape, axis=len(shape) - 1)
    return emit("add", counted, full(counted.type, 1))


def _outcomes(results: Values, found: Value, wanted: Value, kind: str) -> list[Value]:
    return [emit("outcome", each, found, wanted, kind=kind) for each in results]


def _taken(results: Values, info: Value) -> list[Value]:
    """Results, where LAPACK took the matrix: info > 0 is a matter of the caller."""
    found = emit("min", _wide(info), _count(info, 0))
    return _outcomes(results, found, zeros(found.type), "outside")


def _converged(results: Values, finite: Value, info: Value, values: Value) -> list[Value]:
    """Results, where all values were found."""
    ones = _count(values, 1)
    wanted = emit("reduce_sum", ones, axes=(values.type.rank - 1,))
    held = emit("and", finite, emit("eq", info, zeros(info.type)))
    return _outcomes(results, emit("select", held, wanted, zeros(wanted.type)), wanted, "converge")


def _finite(a: Value) -> Value:
    """Whether all elements of each matrix are finite."""
    parts = [emit("real", a), emit("imag", a)] if a.dtype.is_complex else [a]
    holds = [emit("lt", emit("abs", each), full(each.type, float("inf"))) for each in parts]
    both = holds[0] if len(holds) == 1 else emit("and", *holds)
    return emit("reduce_and", both, axes=(a.type.rank - 2, a.type.rank - 1))


def _where(condition: Value, x: Value, other: Value) -> Value:
    """By matrix."""
    return emit("select", spread(condition, x.shape, tuple(range(x.type.rank - 2))), x, other)


# --- the decompositions -----------------------------------------------------------------------------------------------


def _cholesky(node: Node, a: Value) -> Values:
    """A minor is not positive where LAPACK says so, or where the diagonal is NaN."""
    made, info = _call("potrf", a)
    factor = lower_triangle(made)
    real = emit("real", factor) if factor.dtype.is_complex else factor
    diagonal = emit("select", _on_diagonal(real), real, zeros(real.type))
    diagonal = emit("reduce_sum", diagonal, axes=(real.type.rank - 1,))
    holds = emit("lt", zeros(diagonal.type), diagonal)
    none = 1 << 62
    order = _order(holds.shape)
    first = emit("select", holds, full(order.type, none), order)
    first = emit("reduce_min", first, axes=(order.type.rank - 1,))
    failed = emit("lt", zeros(info.type), info)
    first = emit("select", failed, emit("min", first, _wide(info)), first)
    return _outcomes(_taken([factor], info), first, full(first.type, none), "not_positive")


def _on_diagonal(like: Value) -> Value:
    one = identity_like(like)
    return emit("lt", zeros(one.type), one)


def _lu(node: Node, a: Value) -> Values:
    """LAPACK's choice of pivots among NaN is not defined: a matrix that is not finite has factors of NaN."""
    finite = _finite(a)
    guarded = transposed(_where(finite, a, zeros(a.type)))
    made, pivots, info = _call("getrf", guarded)
    (packed,) = _taken([transposed(made)], info)
    packed = _where(finite, packed, full(packed.type, float("nan")))
    *lead, rows, _ = a.shape
    place = _wide(pivots)
    exchanged = emit("cast", emit("not", emit("eq", place, _order(place.shape))), dtype=int64)
    last = _extent_like(place, rows)
    safe = emit("cast", emit("max", emit("min", place, last), _count(place, 1)), dtype=int32)
    counted = emit("iota", dtype=float64, shape=(*lead, rows), axis=len(lead))
    permutation, _ = _call("laswp", counted, safe)
    return [packed, _wide(permutation), emit("reduce_sum", exchanged, axes=(len(lead),))]


def _extent_like(like: Value, extent: Extent) -> Value:
    """An extent as numbers of int64."""
    counted = emit("reduce_sum", full(TensorType(int64, (extent,)), 1), axes=(0,))
    return spread(counted, like.shape, ())


def _qr(node: Node, a: Value) -> Values:
    rows, columns = a.shape[-2:]
    count = minimum(rows, columns)
    most = rows if node["complete"] else count
    made, tau, info = _call("gelqf", a)
    kept = part(made, (0, rows), (0, count))
    q, _, q_info = _call("orglq", padded(kept, (0, 0), (0, most - count)), tau)
    r = upper_triangle(padded(part(made, (0, count), (0, columns)), (0, most - count), (0, 0)))
    return [*_taken([q], q_info), *_taken([r], info)]


def _positive(columns: Value) -> Value:
    """1 or -1 for each column: with it, its first element of greatest magnitude is positive."""
    axis = columns.type.rank - 2
    place = emit("argmax", emit("abs", columns), axis=axis)
    counted = emit("iota", dtype=place.dtype, shape=columns.shape, axis=axis)
    chosen = emit("eq", counted, along_rows(place, columns))
    largest = emit("reduce_sum", emit("select", chosen, columns, zeros(columns.type)), axes=(axis,))
    one = full(largest.type, 1)
    return emit("select", emit("lt", largest, zeros(largest.type)), emit("neg", one), one)


def _scaled(columns: Value, by: Value) -> Value:
    return emit("mul", columns, along_rows(by, columns))


def _eigh(node: Node, a: Value) -> Values:
    finite = _finite(a)
    half = symmetric_part(a)
    rows, values, info = _call("syevd", _where(finite, half, zeros(a.type)))
    vectors = transposed(rows)
    return _converged([values, _scaled(vectors, _positive(vectors))], finite, info, values)


def _eigvalsh(node: Node, a: Value) -> Values:
    finite = _finite(a)
    _, values, info = _call("syevd_values", _where(finite, symmetric_part(a), zeros(a.type)))
    return _converged([values], finite, info, values)


def _svd(node: Node, a: Value) -> Values:
    """The vectors of a pair take their sign from those of u; the others are their own."""
    finite = _finite(a)
    routine = "gesdd_full" if node["full_matrices"] else "gesdd"
    _, s, u, vh, info = _call(routine, _where(finite, a, zeros(a.type)))
    v = transposed(vh)
    k, left = s.shape[-1], _positive(u)
    right = _positive(v)
    paired = _leading(left, k)
    if right.shape[-1] != k:
        rest = emit("slice", right, **_from(right, k))
        paired = emit("concat", paired, rest, axis=right.type.rank - 1)
    return _converged([_scaled(u, left), s, transposed(_scaled(v, paired))], finite, info, s)


def _leading(x: Value, count: Extent) -> Value:
    if x.shape[-1] == count:
        return x
    starts, stops = (0,) * x.type.rank, (*x.shape[:-1], count)
    return emit("slice", x, starts=starts, stops=stops, steps=(1,) * x.type.rank)


def _from(x: Value, first: Extent) -> dict[str, object]:
    rank = x.type.rank
    return {"starts": (*(0,) * (rank - 1), first), "stops": x.shape, "steps": (1,) * rank}


def _svdvals(node: Node, a: Value) -> Values:
    finite = _finite(a)
    _, values, info = _call("gesdd_values", _where(finite, a, zeros(a.type)))
    return _converged([values], finite, info, values)


_RULES: Mapping[str, Callable[[Node, Value], Values]] = {
    "cholesky": _cholesky,
    "lu": _lu,
    "qr": _qr,
    "eigh": _eigh,
    "eigvalsh": _eigvalsh,
    "svd": _svd,
    "svdvals": _svdvals,
}
