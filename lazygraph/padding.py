"""Borders around a tensor: `pad` with all of NumPy's modes.

In: a tensor, and how many elements to add before and after each axis. Out: the tensor with a border. Axis by axis, so
that a corner is the border of a border. Everything is slices and joins of x: compiled code reads x where it can.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ops.compose import emit
from lazygraph.dims import as_extent
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.manipulation import concat, flip, sliced, swapaxes
from lazygraph.promotion import as_value, broadcast_value, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["pad"]

Pair = tuple[Extent, Extent]


@composite
def pad(
    x: TensorLike,
    pad_width: Any,
    mode: str | Callable[..., Any] = "constant",
    *,
    constant_values: Any = 0,
    end_values: Any = 0,
    stat_length: Any = None,
    reflect_type: str = "even",
) -> Tensor:
    """A border: `pad_width` is n, (before, after), one such pair per axis, or {axis: n or pair}.

    What it holds is said by `mode`: "constant" (`constant_values`: a number, a pair, or a pair per axis), "edge" (the
    nearest element), "reflect" and "symmetric" (mirrored without and with the edge; `reflect_type` "odd" mirrors at the
    edge's value too), "wrap" (from the other end), "linear_ramp" (evenly to `end_values`), "maximum", "minimum",
    "mean" and "median" (of the `stat_length` elements at that end, all by default) and "empty" (zeros). ShapeError for
    a negative width, for a border of nothing, and where a symbolic extent is not known to hold enough elements.

    >>> import lazygraph as lg
    >>> lg.pad([1, 2], (1, 2)).eval()
    array([0, 1, 2, 0, 0])
    >>> lg.pad([1, 2, 3], 2, mode="reflect").eval()
    array([3, 2, 1, 2, 3, 2, 1])
    """
    value = value_of(x)
    widths = _widths(pad_width, value.type.rank)
    if mode in ("constant", "empty"):
        return _constant(Tensor(value), widths, constant_values if mode == "constant" else 0)
    if not isinstance(mode, str) or mode not in BORDERS:
        raise ValueError(f"mode: expected one of constant, empty, {', '.join(BORDERS)}; found {mode!r}")
    if reflect_type not in ("even", "odd"):
        raise ValueError(f'reflect_type: expected "even" or "odd", found {reflect_type!r}')
    found = Tensor(value)
    for axis, (before, after) in enumerate(widths):
        if before == 0 and after == 0:
            continue
        if found.shape[axis] == 0:
            raise ShapeError(f"a border of mode {mode!r} needs an element of axis {axis}, which has none")
        options = {
            "ends": _pair(end_values, value.type.rank, axis),
            "lengths": _pair(stat_length, value.type.rank, axis),
            "odd": reflect_type == "odd",
        }
        turned = swapaxes(found, 0, axis)
        low, high = BORDERS[mode](turned, before, after, options)
        found = swapaxes(concat([each for each in (low, turned, high) if each is not None], 0), 0, axis)
    return found


# --- widths and values -----------------------------------------------------------------------------------------------


def _widths(pad_width: Any, rank: int) -> list[Pair]:
    """(before, after) for each axis; ShapeError where they are not one of the forms, or negative."""
    if isinstance(pad_width, dict):
        known = {axis % rank: _as_pair(each) for axis, each in pad_width.items() if -rank <= axis < rank}
        if len(known) < len(pad_width):
            raise ShapeError(f"expected {{axis: width}} for some of {rank} axes, found {pad_width}")
        return [known.get(axis, (0, 0)) for axis in range(rank)]
    if isinstance(pad_width, Dim) or hasattr(pad_width, "__index__"):
        pairs: list[Any] = [pad_width] * rank
    else:
        pairs = [tuple(each) if hasattr(each, "__iter__") else each for each in pad_width]
        if not builtins.any(isinstance(each, tuple) for each in pairs):
            pairs = [tuple(pairs)] * rank
        elif len(pairs) == 1:
            pairs = pairs * rank
    if len(pairs) != rank or builtins.any(isinstance(each, tuple) and len(each) not in (1, 2) for each in pairs):
        raise ShapeError(f"expected n, (before, after) or one such pair for each of {rank} axes, found {pad_width}")
    widths = [_as_pair(each) for each in pairs]
    if builtins.any(isinstance(each, int) and each < 0 for pair in widths for each in pair):
        raise ShapeError(f"widths are >= 0, found {pad_width}")
    return widths


def _as_pair(width: Any) -> Pair:
    both = tuple(width) if hasattr(width, "__iter__") else (width, width)
    return as_extent(both[0]), as_extent(both[-1])


def _pair(given: Any, rank: int, axis: int) -> tuple[Any, Any]:
    """What is given for the two ends of an axis: one for all, (before, after), or one such pair per axis."""
    if isinstance(given, Tensor) or not hasattr(given, "__iter__") or getattr(given, "shape", None) == ():
        return given, given
    entries = list(given)
    if builtins.any(hasattr(each, "__iter__") and not isinstance(each, Tensor) for each in entries):
        entry = tuple(entries[0] if len(entries) == 1 else entries[axis])
    else:
        entry = tuple(entries)
    return entry[0], entry[-1]


def _constant(x: Tensor, widths: list[Pair], values: Any) -> Tensor:
    rank, value = x.ndim, x.value
    if isinstance(values, Tensor) or not hasattr(values, "__iter__"):
        fill = as_value(values, value.dtype)
        if fill.shape != ():
            raise ShapeError(f"the constant is a scalar, found {shape_text(fill.shape)}")
        low, high = tuple([pair[0] for pair in widths]), tuple([pair[1] for pair in widths])
        return Tensor(emit("pad", value, fill, low=low, high=high, interior=(0,) * rank))
    none = (0,) * rank
    for axis, pair in enumerate(widths):
        for side, (width, number) in enumerate(zip(pair, _pair(values, rank, axis))):
            here = (*none[:axis], width, *none[axis + 1 :])
            low, high = (here, none) if side == 0 else (none, here)
            value = emit("pad", value, as_value(number, value.dtype), low=low, high=high, interior=none)
    return Tensor(value)


# --- borders along axis 0: (before, after), or None for nothing ------------------------------------------------------

Borders = tuple[Tensor | None, Tensor | None]
Options = dict[str, Any]


def _rows(x: Tensor, start: Extent, stop: Extent) -> Tensor:
    return Tensor(sliced(x.value, 0, start, stop))


def _repeated(row: Tensor, times: Extent) -> Tensor:
    return Tensor(broadcast_value(row.value, (times, *row.shape[1:])))


def _edge(x: Tensor, before: Extent, after: Extent, options: Options) -> Borders:
    last = x.shape[0]
    return _repeated(_rows(x, 0, 1), before), _repeated(_rows(x, last - 1, last), after)


def _ramp(x: Tensor, before: Extent, after: Extent, options: Options) -> Borders:
    last = x.shape[0]
    edges = _rows(x, 0, 1)[0], _rows(x, last - 1, last)[0]
    low, high = (
        lg.linspace(Tensor(as_value(end, x.dtype)), edge, width, endpoint=False, dtype=x.dtype)
        for end, edge, width in zip(options["ends"], edges, (before, after))
    )
    return low, flip(high, 0)


def _statistic(reduce: Callable[..., Tensor]) -> Callable[..., Borders]:
    def borders(x: Tensor, before: Extent, after: Extent, options: Options) -> Borders:
        extent = x.shape[0]
        first, last = [extent if each is None else dims.minimum(as_extent(each), extent) for each in options["lengths"]]
        rows = _rows(x, 0, first), _rows(x, extent - last, extent)
        low, high = (reduce(each, 0, keepdims=True) for each in rows)
        if not x.dtype.is_differentiable:
            low, high = (lg.astype(lg.round(each), x.dtype) for each in (low, high))
        return _repeated(low, before), _repeated(high, after)

    return borders


def _mirrored(x: Tensor, before: Extent, after: Extent, options: Options) -> Borders:
    """Without the edge: x[1], x[2], ... outwards; a single element is repeated."""
    if x.shape[0] == 1:
        return _edge(x, before, after, options)
    turn = _turn(options["odd"])
    behind = _pieces(x, _greater(before, after), turn, 1)
    inside = concat([_rows(x, 1, x.shape[0]), *behind], 0)
    return flip(turn(_rows(x, 0, 1), _rows(inside, 0, before)), 0), _rows(concat(behind, 0), 0, after)


def _symmetric(x: Tensor, before: Extent, after: Extent, options: Options) -> Borders:
    """With the edge: x[0], x[1], ... outwards."""
    turn = _turn(options["odd"])
    behind = _pieces(x, _greater(before, after), turn, 0)
    inside = concat([x, *behind], 0)
    return flip(turn(_rows(x, 0, 1), _rows(inside, 0, before)), 0), _rows(concat(behind, 0), 0, after)


def _wrapped(x: Tensor, before: Extent, after: Extent, options: Options) -> Borders:
    extent = x.shape[0]
    copies = concat([x] * _count(_greater(before, after), extent), 0)
    return _rows(copies, copies.shape[0] - before, copies.shape[0]), _rows(copies, 0, after)


def _greater(before: Extent, after: Extent) -> Extent:
    return dims.maximum(before, after)


def _count(width: Extent, period: Extent) -> int:
    """How many periods cover a width; ShapeError where that is not known, unless one is known to."""
    if isinstance(width, int) and isinstance(period, int):
        return builtins.max(1, -(-width // period))
    if not dims.prove_nonnegative(period - width):
        raise ShapeError(f"whether {period} elements suffice for a border of {width} is not known")
    return 1


def _turn(odd: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Values mirrored at an edge: as they are, or 2 edge - value."""
    return lambda edge, rows: 2 * edge - rows if odd else rows


def _pieces(x: Tensor, width: Extent, turn: Callable[[Tensor, Tensor], Tensor], without: int) -> list[Tensor]:
    """What follows x, period by period: mirror images of the one before, less the first `without` rows of each."""
    extent = x.shape[0]
    piece, found = x, []
    for _ in range(_count(width, extent - without)):
        piece = flip(turn(_rows(piece, extent - 1, extent), piece), 0)
        found.append(_rows(piece, without, extent))
    return found


BORDERS: dict[str, Callable[[Tensor, Extent, Extent, Options], Borders]] = {
    "edge": _edge,
    "reflect": _mirrored,
    "symmetric": _symmetric,
    "wrap": _wrapped,
    "linear_ramp": _ramp,
    "maximum": _statistic(lambda x, axis, keepdims: lg.max(x, axis, keepdims=keepdims)),
    "minimum": _statistic(lambda x, axis, keepdims: lg.min(x, axis, keepdims=keepdims)),
    "mean": _statistic(lambda x, axis, keepdims: lg.mean(x, axis, keepdims=keepdims)),
    "median": _statistic(lambda x, axis, keepdims: lg.median(x, axis, keepdims=keepdims)),
}
