"""Places in windows: which tap is the greatest or least, elements by their tap, and sums back to where they came from.

In: a geometry (`windows.py`), and for gather and scatter the number of a tap for each window. Out: `window_argmax` and
`window_argmin` number the first extreme tap, NaN before all, -1 where a window has no element. `window_gather` reads
each window's numbered tap, 0 where the number names none or padding. `window_scatter` is its transpose: an element gets
the sum of the windows that chose it, in a fixed order, all elements at once and without a write that two could want. So
max pooling has derivatives of every order, and its backward pass runs in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.indexing import all_of, in_bounds
from lazygraph.compiler.ops.lowering import BodyBuilder, ElementBuilder, Loops, Pointwise
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, TypeRule, no_tangent, register
from lazygraph.compiler.ops.samples import ALL_TYPES, NUMBERS, Case, Draw, hostile, no_smooth, smooth, special
from lazygraph.compiler.ops.sort import precedes
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal_shapes, require_operands
from lazygraph.compiler.ops.window_loops import Carried, Tap, slide
from lazygraph.compiler.ops.window_reductions import FEW, shapes_for
from lazygraph.compiler.ops.windows import Windows, batch_windows, require_windows, taps_of
from lazygraph.runtime.dtypes import DType, int64

NONE = -1  # the place in a window that has no element


# --- window_argmax, window_argmin -------------------------------------------------------------------------------------


ORDERED = ("bool", "int", "uint", "float")


def _arg_type(op: str) -> TypeRule:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, 1)
        require_dtype(op, "operand", types[0].dtype, ORDERED)
        return (TensorType(int64, require_windows(op, types[0], attributes).shape),)

    return rule


def _arg_reference(better: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    def reference(x: np.ndarray, **attributes: Any) -> np.ndarray:
        best = np.zeros(attributes["shape"], x.dtype)
        place = np.full(best.shape, NONE, np.int64)
        for number, (tap, inside) in enumerate(taps_of(x, 0, attributes)):
            first_nan = (tap != tap) & (best == best)
            wins = inside & ((place == NONE) | better(tap, best) | first_nan)
            best, place = np.where(wins, tap, best).astype(x.dtype), np.where(wins, number, place)
        return place

    return reference


def _arg_lowering(greatest: bool) -> Loops:
    def write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
        (x,), (target,) = inputs, outputs
        none = b.literal(NONE, int64)

        def step(carried: Carried, tap: Tap) -> Carried:
            best, place = carried
            element = b.load(x, tap.index, tap.inside, None if tap.inside is None else b.literal(0, x.dtype))
            wins = b.let("or", b.let("eq", place, none), _better(b, element, best, x.dtype, greatest))
            if tap.inside is not None:
                wins = b.let("and", tap.inside, wins)
            number = b.index_value(tap.number, int64)
            return b.let("select", wins, element, best), b.let("select", wins, number, place)

        initial = (b.literal(0, x.dtype), none)
        slide(b, Windows.of(node.attributes), x, target, initial, step, lambda carried: carried[1])

    return Loops(write, accumulates=True)


def _better(b: BodyBuilder, x: Operand, best: Operand, dtype: DType, greatest: bool) -> Operand:
    """Whether x comes before the best so far: it is greater (less), or the first NaN."""
    if greatest or dtype.kind == "bool":
        return precedes(b, best, x, dtype) if greatest else precedes(b, x, best, dtype)
    less = b.let("lt", x, best)
    if not dtype.is_float:
        return less
    return b.let("or", less, b.let("and", b.let("eq", best, best), b.let("not", b.let("eq", x, x))))


def _arg(name: str, doc: str, better: Callable[[np.ndarray, np.ndarray], np.ndarray], greatest: bool) -> Op:
    rules = (_arg_type(name), through_float32(_arg_reference(better)), no_tangent, NOT_LINEAR, batch_windows)
    domain = Domain(ALL_TYPES, _arg_cases, no_smooth)
    return register(Op(name, doc, *rules, _arg_lowering(greatest), domain, 0))


def _arg_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [((special(rng, dtype, shape),), dict(each)) for shape, each in shapes_for(dtype)]


# --- window_gather, window_scatter ------------------------------------------------------------------------------------


def _placed_type(op: str, kinds: Sequence[str], of_windows: bool) -> TypeRule:
    """`of_windows`: the places belong to the windows (gather), not to the elements (scatter)."""

    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, 2)
        x, places = types
        require_dtype(op, "operand", x.dtype, kinds)
        if places.dtype != int64:
            raise TypeError(f"{op}: places: expected int64, found {places.dtype}")
        windows = require_windows(op, x, attributes)
        require_equal_shapes(op, "places", places.shape, windows.shape if of_windows else x.shape)
        return (TensorType(x.dtype, windows.shape),)

    return rule


def _gather_reference(x: np.ndarray, places: np.ndarray, **attributes: Any) -> np.ndarray:
    found = np.zeros(places.shape, x.dtype)
    for number, (tap, _) in enumerate(taps_of(x, 0, attributes)):
        found = np.where(places == number, tap, found).astype(x.dtype)
    return found


def _scatter_reference(x: np.ndarray, places: np.ndarray, **attributes: Any) -> np.ndarray:
    found = np.zeros(attributes["shape"], x.dtype)
    taps = prod(attributes["window"])
    pairs = zip(taps_of(x, 0, attributes), taps_of(places, NONE, attributes))
    for number, ((tap, _), (place, _)) in enumerate(pairs):
        chosen = np.where(place == taps - 1 - number, tap, 0)
        with np.errstate(all="ignore"):
            found = (found + chosen).astype(x.dtype)
    return found


def _linear_jvp(node: Node, tangents: Tangents) -> Tangents:
    dx = tangents[0]
    return (None if dx is None else node.op(dx, node.inputs[1], **node.attributes),)


def _transpose(other: str) -> Callable[..., Tangents]:
    def rule(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
        (ct,) = cotangents
        if ct is None or not linear[0]:
            return (None, None)
        x, places = node.inputs
        return (emit(other, ct, places, **Windows.of(node.attributes).transposed(x.shape).attributes), None)

    return rule


def _gather_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    """The number of the tap is split into one for each axis, from the last on."""
    x, windows = node.inputs[0], Windows.of(node.attributes)
    place = b.read(1, index)
    tests = [in_bounds(b, place, windows.taps)]
    inside = b.let("max", b.let("min", place, b.index_value(windows.taps - 1, int64)), b.literal(0, int64))
    number: Extent = b.as_index(inside, windows.taps)
    at: list[Extent] = []
    for axis in reversed(range(x.type.rank)):
        k = number if axis == 0 else dims.mod(number, windows.window[axis])
        number = dims.floordiv(number, windows.window[axis])
        position = index[axis] * windows.strides[axis] - windows.low[axis] + k * windows.window_dilation[axis]
        gap = windows.input_dilation[axis]
        at.append(dims.floordiv(position, gap))
        tests.append(b.in_range(at[-1], 0, x.shape[axis]))
        if gap != 1:
            tests.append(b.in_range(dims.mod(position, gap), 0, 1))
    held = all_of(b, tests)
    assert held is not None
    return b.read_where(held, 0, tuple(reversed(at)), b.literal(0, x.dtype))


def _write_scatter(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (x, places), (target,) = inputs, outputs
    windows = Windows.of(node.attributes)
    zero = b.literal(0, x.dtype)

    def step(carried: Carried, tap: Tap) -> Carried:
        guarded = tap.inside is not None
        place = b.load(places, tap.index, tap.inside, b.literal(NONE, int64) if guarded else None)
        element = b.load(x, tap.index, tap.inside, zero if guarded else None)
        mirrored = b.index_value(dims.add(dims.add(windows.taps, -1), dims.multiply(tap.number, -1)), int64)
        chosen = b.let("select", b.let("eq", place, mirrored), element, zero)
        return (b.let("add", carried[0], chosen),)

    slide(b, windows, x, target, (zero,), step, lambda carried: carried[0])


def _placed(rng: np.random.Generator, x: np.ndarray, attributes: dict[str, Any], shape: Sequence[int]) -> Case:
    """Places of every kind: of elements, of padding, and of no tap."""
    taps = prod(attributes["window"])
    return (x, rng.integers(-2, taps + 2, shape)), dict(attributes)


def _placed_domain(dtypes: tuple[DType, ...], draw: Draw, of_windows: bool) -> Domain:
    def shape_of(extents: Sequence[int], attributes: dict[str, Any]) -> Sequence[int]:
        shape: Sequence[int] = attributes["shape"] if of_windows else extents
        return shape

    return Domain(
        dtypes,
        lambda rng, dtype: [
            _placed(rng, draw(rng, dtype, at), each, shape_of(at, each)) for at, each in shapes_for(dtype)
        ],
        lambda rng: [_placed(rng, smooth(rng, at)[0], each, shape_of(at, each)) for at, each in FEW],
    )


# --- records ----------------------------------------------------------------------------------------------------------

window_argmax = _arg(
    "window_argmax", "The number of each window's first greatest tap, as int64; NaN wins; -1 where it has no element.",
    np.greater, True,
)  # fmt: skip
window_argmin = _arg(
    "window_argmin", "The number of each window's first least tap, as int64; NaN wins; -1 where it has no element.",
    np.less, False,
)  # fmt: skip
window_gather = register(
    Op(
        name="window_gather",
        doc="The element at a numbered tap of each window; 0 where the number names padding or no tap.",
        type_rule=_placed_type("window_gather", ("bool", "int", "uint", "float"), True),
        reference=_gather_reference,
        jvp=_linear_jvp,
        transpose=_transpose("window_scatter"),
        batch=batch_windows,
        lower=Pointwise(_gather_element),
        domain=_placed_domain(ALL_TYPES, hostile, True),
        ulp=0,
        flags=Flags(linear=(0,)),
    )
)
window_scatter = register(
    Op(
        name="window_scatter",
        doc="The sum of each window's elements that choose it: those at tap t whose place is taps - 1 - t.",
        type_rule=_placed_type("window_scatter", ("int", "uint", "float"), False),
        reference=through_float32(_scatter_reference),
        jvp=_linear_jvp,
        transpose=_transpose("window_gather"),
        batch=batch_windows,
        lower=Loops(_write_scatter, accumulates=True),
        domain=_placed_domain(NUMBERS, special, False),
        ulp=0,
        flags=Flags(linear=(0,)),
    )
)
