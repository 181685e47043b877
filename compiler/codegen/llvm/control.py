"""Serial control flow of a kernel: loops, carried values, while and if.

In: a statement. Out: blocks. `counted` is the one serial loop that `Loop`, `Carry` and serial reductions share; in
vector code all lanes run its iterations together. `while` and `if` decide for one scalar and stay out of vector code.
Loops that may run for long end early when the caller cancels: what they leave behind is not used, because the entry
looks at the same flag before it goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.codegen.llvm.placement import Region, Register
from lazygraph.compiler.codegen.llvm.text import Block
from lazygraph.compiler.codegen.llvm.writer import KernelWriter, runs, stored_in
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.cost import statements
from lazygraph.compiler.loop.ir import Body, Carry, If, Loop, Reduce, While

# A loop does not ask whether the caller has cancelled while it takes so many iterations, and in each of them no vector
# loop so many elements: longer loops in it ask.
_UNASKED, _UNASKED_ELEMENTS = 64, 4096


def counted(
    writer: KernelWriter,
    name: str,
    extent: Extent,
    initial: list[Register],
    iteration: Callable[[list[Register]], list[Register]],
    body: Body,
    going: Callable[[], str] | None = None,
) -> list[Register]:
    """for name in 0 .. extent-1 with carried registers; `iteration` writes the body and gives their next values."""
    zero = writer.indices.constant(0)
    end = writer.extent(extent, name)
    with writer.placement.loop(name, zero, end, 1, initial, stored_in(body), runs(extent), going) as loop:
        writer.known[name] = loop.index
        loop.next = iteration(loop.carried)
    return loop.results


def _going(writer: KernelWriter, extent: Extent, body: Body) -> Callable[[], str] | None:
    """What a loop asks before its next iteration; None where it is short, or part of a loop over lanes."""
    inner = [each.extent for each in statements(body) if isinstance(each, Loop | Reduce)]
    short = _is_at_most(extent, _UNASKED) and all(_is_at_most(each, _UNASKED_ELEMENTS) for each in inner)
    return None if short or writer.indices.lanes is not None else writer.going


def _is_at_most(extent: Extent, most: int) -> bool:
    return isinstance(extent, int) and extent <= most


def write_serial(writer: KernelWriter, loop: Loop) -> None:
    def iteration(carried: list[Register]) -> list[Register]:
        writer.body(loop.body)
        return []

    counted(writer, loop.symbol.name, loop.extent, [], iteration, loop.body, _going(writer, loop.extent, loop.body))


def write_carry(writer: KernelWriter, carry: Carry) -> None:
    def iteration(carried: list[Register]) -> list[Register]:
        writer.bind(carry.params, carried)
        writer.body(carry.body)
        return writer.carried(carry.values)

    initial = writer.carried(carry.initial)
    going = _going(writer, carry.extent, carry.body)
    writer.bind(carry.vars, counted(writer, carry.symbol.name, carry.extent, initial, iteration, carry.body, going))


def write_while(writer: KernelWriter, loop: While) -> None:
    writer.only_scalar("a while loop")
    function, placement = writer.function, writer.placement
    initial = writer.operands(loop.initial)
    stored = stored_in(loop.head, loop.body)
    before = function.current
    placement.leave_block()
    head, body, done = function.block("while.head"), function.block("while.body"), function.block("while.done")
    function.branch(head)
    function.place(head)
    phis = [function.phi(each.type, param.name) for each, param in zip(initial, loop.params)]
    with placement.inside(Region(head, certain=True, stored=stored)):
        for phi, each, param in zip(phis, initial, loop.params):
            phi.add(each.name, before)
            writer.known[param.name] = Register(phi.name, each.dtype, 0, placement.level)
        writer.body(loop.head)
        placement.leave_block()
        function.branch_if(writer.operand(loop.condition).name, body, done)
        function.place(body)
        with placement.inside(Region(body, stored=stored)):
            writer.body(loop.body)
            for phi, each in zip(phis, writer.operands(loop.values)):
                phi.add(each.name, function.current)
            function.branch_if(writer.going(), head, done)
    function.place(done)
    writer.bind(loop.vars, [Register(phi.name, each.dtype, 0, placement.level) for phi, each in zip(phis, initial)])


def write_if(writer: KernelWriter, branch: If) -> None:
    writer.only_scalar("an if")
    function, placement = writer.function, writer.placement
    condition = writer.operand(branch.condition)
    placement.leave_block()
    then, otherwise, after = function.block("then"), function.block("else"), function.block("after")
    function.branch_if(condition.name, then, otherwise)
    ends: list[tuple[list[Register], Block]] = []
    for block, body, values in (
        (then, branch.then, branch.then_values),
        (otherwise, branch.otherwise, branch.otherwise_values),
    ):
        function.place(block)
        with placement.inside(Region(block, branch=True, stored=stored_in(body))):
            writer.body(body)
            ends.append((writer.operands(values), function.current))
            function.branch(after)
    function.place(after)
    for position, var in enumerate(branch.vars):
        phi = function.phi(ends[0][0][position].type, var.name)
        for registers, block in ends:
            phi.add(registers[position].name, block)
        writer.known[var.name] = Register(phi.name, var.dtype, 0, placement.level)
