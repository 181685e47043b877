"""Vector loops and reductions: iterations side by side, with one masked tail.

In: a `Loop` of kind "vector" or a `Reduce`. Out: blocks. A "lanes" reduction keeps 64 accumulators, as one register of
64 lanes where the body is short (LLVM splits it, which hides the latency of the combination), or as four of 16 that
take turns where the body is long. Element i always goes to accumulator i % 64, and elements past the end leave theirs
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lazygraph.compiler.codegen.llvm import text
from lazygraph.compiler.codegen.llvm.combine import fold, identities, step
from lazygraph.compiler.codegen.llvm.control import counted
from lazygraph.compiler.codegen.llvm.index import Lanes
from lazygraph.compiler.codegen.llvm.memory import offset
from lazygraph.compiler.codegen.llvm.placement import Register
from lazygraph.compiler.codegen.llvm.writer import KernelWriter, runs, stored_in
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Symbol
from lazygraph.compiler.loop.cost import own_cost, statements
from lazygraph.compiler.loop.ir import LANES, Body, Let, Load, Loop, Reduce, Store
from lazygraph.compiler.loop.lanes import NARROW, stride_across
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.runtime.dtypes import bool_, float32, int32

# (operations in a loop's body, machine registers of each value): short bodies run wider, so that latencies overlap
_REGISTERS = ((12, 4), (40, 2))
FEW_STEPS, WRITTEN_OUT = 4, 200  # steps of a vector loop that are written out, and their operations
_UNASKED = 1 << 17  # elements of a vector loop, known to be more, that asks whether the caller has cancelled
# A reduction's body is written for all accumulators at once up to so many operations and registers of accumulators.
_SHORT, _ACCUMULATORS = 12, 8

# iteration(carried, mask) -> the next carried registers, asked when the body has been written
Iteration = Callable[[list[Register], Register | None], list[Register]]


@dataclass(frozen=True, slots=True)
class _Span:
    """Iterations begin .. end-1 of a loop, `lanes` at a time; masked where they may pass the loop's extent."""

    begin: Extent
    end: Extent
    lanes: int
    masked: bool


@dataclass(frozen=True, slots=True)
class _Body:
    """What a span repeats: the statements for `symbol` below `extent`."""

    symbol: Symbol
    extent: Extent
    statements: Body


def write_vector(writer: KernelWriter, loop: Loop) -> None:
    body = _Body(loop.symbol, loop.extent, loop.body)
    for span in _spans(loop.extent, _width(writer, loop.symbol, loop.body)):
        for part in _parts(span, _weight(loop.body)):
            _run(writer, part, body, [], lambda carried, mask: [])


def _parts(span: _Span, weight: int) -> list[_Span]:
    """The steps of a short span one by one: what depends on the lanes alone then moves out of the loops around it."""
    if not isinstance(span.begin, int) or not isinstance(span.end, int):
        return [span]
    begins = range(span.begin, span.end, span.lanes)
    if len(begins) > FEW_STEPS or len(begins) * weight > WRITTEN_OUT:
        return [span]
    return [replace(span, begin=begin, end=min(begin + span.lanes, span.end)) for begin in begins]


def _weight(body: Body) -> int:
    """Machine operations in a body's text."""
    return sum(own_cost(each) for each in statements(body))


def _widest(body: Body) -> int:
    """Bytes of the widest scalar in a body; halves are computed in float32."""
    found = [each.var.dtype for each in statements(body) if isinstance(each, Let | Load)]
    return max([float32.itemsize if each in HALVES else each.itemsize for each in found], default=4)


def _width(writer: KernelWriter, symbol: Symbol, body: Body) -> int:
    """How many lanes a vector loop runs side by side: no more than keep whole what narrow vectors access whole."""
    registers = next((count for limit, count in _REGISTERS if _weight(body) <= limit), 1)
    width = min(max(registers * writer.target.vector_bytes // _widest(body), NARROW), LANES)
    accesses = [each for each in statements(body) if isinstance(each, Load | Store)]
    positions = [offset(writer.arrays[each.buffer].buffer, each.index) for each in accesses]
    whole = [each for each in positions if stride_across(each, symbol, NARROW) == 1]
    while width > NARROW and not all(stride_across(each, symbol, width) == 1 for each in whole):
        width //= 2
    return width


def _spans(extent: Extent, width: int) -> list[_Span]:
    """Full steps of `width` lanes, then what is left: in one masked step, or in narrow ones where it is not known."""
    if isinstance(extent, int):
        main, rest = extent // width * width, extent % width
        tail = _Span(main, extent, -(-rest // NARROW) * NARROW, rest % NARROW != 0)
        return [*([_Span(0, main, width, False)] if main else []), *([tail] if rest else [])]
    most = dims.bounds(extent)[1]
    whole = dims.floordiv(extent, width) * width if most is None or most >= width else 0
    found = [_Span(0, whole, width, False)] if whole != 0 else []
    if whole != extent:
        found.append(_Span(whole, extent, NARROW, not dims.divides(NARROW, extent)))
    return found


def _run(
    writer: KernelWriter, span: _Span, body: _Body, initial: list[Register], iteration: Iteration
) -> list[Register]:
    """One span as a loop, or as straight code where one step covers it; gives the carried registers after it."""
    name = body.symbol.name
    begin, end = writer.extent(span.begin, name), writer.extent(span.end, name)
    length = span.end - span.begin
    if isinstance(length, int) and length <= span.lanes:
        return _step(writer, span, body, begin, initial, iteration)
    going = writer.going if isinstance(length, int) and length > _UNASKED else None
    stored = stored_in(body.statements)
    with writer.placement.loop(name, begin, end, span.lanes, initial, stored, runs(length), going) as loop:
        loop.next = _step(writer, span, body, loop.index, loop.carried, iteration)
    return loop.results


def _step(
    writer: KernelWriter, span: _Span, body: _Body, base: Register, carried: list[Register], iteration: Iteration
) -> list[Register]:
    mask = _mask(writer, span, body, base) if span.masked else None
    writer.indices.lanes = Lanes(body.symbol, span.lanes, base, mask)
    writer.body(body.statements)
    following = iteration(carried, mask)
    writer.indices.lanes = None
    return following


def _mask(writer: KernelWriter, span: _Span, body: _Body, base: Register) -> Register:
    """Which lanes lie before the loop's extent."""
    if isinstance(body.extent, int) and base.constant:
        active = [f"i1 {'true' if int(base.name) + lane < body.extent else 'false'}" for lane in range(span.lanes)]
        return Register(f"<{', '.join(active)}>", bool_, span.lanes, 0)
    b = writer.scalars
    rest = b.convert(b.sub(writer.extent(body.extent, body.symbol.name), base), int32)
    lane = Register(text.lanes_of("i32", range(span.lanes)), int32, span.lanes, 0)
    return b.less(lane, rest)


# --- reductions -------------------------------------------------------------------------------------------------------


def write_serial_reduction(writer: KernelWriter, reduce: Reduce) -> None:
    """Combined in order of the index; in vector code each lane has its own."""
    lanes = writer.indices.lanes
    initial = identities(reduce.combine, [each.dtype for each in reduce.vars])
    if lanes is not None:
        initial = [writer.scalars.spread(each, lanes.count) for each in initial]

    def iteration(carried: list[Register]) -> list[Register]:
        writer.body(reduce.body)
        writer.scalars.hint = reduce.vars[0].name
        return step(writer.scalars, reduce.combine, carried, writer.carried(reduce.values))

    results = counted(writer, reduce.symbol.name, reduce.extent, initial, iteration, reduce.body)
    writer.bind(reduce.vars, results)


def write_lanes_reduction(writer: KernelWriter, reduce: Reduce) -> None:
    writer.only_scalar("a reduction over lanes")
    b = writer.scalars
    identity = identities(reduce.combine, [each.dtype for each in reduce.vars])
    if reduce.extent == 0:
        writer.bind(reduce.vars, identity)
        return
    spans = _reduction_spans(writer, reduce)
    lanes = spans[0].lanes
    groups = [[b.spread(each, lanes) for each in identity] for _ in range(max(1, LANES // lanes))]
    if isinstance(reduce.extent, int) and reduce.extent <= lanes:
        del groups[1:]  # the accumulators of the others hold the identity to the end
    size = len(identity)

    def iteration(carried: list[Register], mask: Register | None) -> list[Register]:
        old, later = carried[:size], carried[size:]
        b.hint = reduce.vars[0].name
        new = step(b, reduce.combine, old, writer.carried(reduce.values))
        if mask is not None:
            new = [b.select(mask, each, kept) for each, kept in zip(new, old)]
        return later + new

    carried = [each for group in groups for each in group]
    body = _Body(reduce.symbol, reduce.extent, reduce.body)
    for span in spans:
        carried = _run(writer, span, body, carried, iteration)
    groups = [carried[start : start + size] for start in range(0, len(carried), size)]
    b.hint = reduce.vars[0].name
    while len(groups) > 1:
        half = len(groups) // 2
        groups = [step(b, reduce.combine, low, high) for low, high in zip(groups[:half], groups[half:])]
    writer.bind(reduce.vars, fold(writer.placement, b, reduce.combine, groups[0]))


def _reduction_spans(writer: KernelWriter, reduce: Reduce) -> list[_Span]:
    """Whole rounds of 64 elements, then one masked round; a round is one wide step or four narrow ones."""
    extent = reduce.extent
    if isinstance(extent, int) and extent <= LANES:
        lanes = next(width for width in (NARROW, 2 * NARROW, LANES) if extent <= width)
        return [_Span(0, extent, lanes, extent != lanes)]
    registers = LANES * _widest(reduce.body) // writer.target.vector_bytes
    lanes = LANES if _weight(reduce.body) <= _SHORT and registers <= _ACCUMULATORS else NARROW
    whole = dims.floordiv(extent, LANES) * LANES
    found = [_Span(0, whole, lanes, False)] if whole != 0 else []
    if whole != extent and not dims.divides(LANES, extent):
        found.append(_Span(whole, dims.floordiv(extent + LANES - 1, LANES) * LANES, lanes, True))
    return found
