"""Run-time checks: record the first failure in the control block and go on.

In: a `Check`. Out: a branch to a cold block that tries to take control.error from 0 to message id + 1 and, if it was
the first, stores the values. In vector code the lowest failing lane reports.
"""

from __future__ import annotations

from lazygraph.compiler.codegen.llvm.placement import Region, Register
from lazygraph.compiler.codegen.llvm.writer import KernelWriter
from lazygraph.compiler.loop.ir import Check
from lazygraph.runtime import artifact
from lazygraph.runtime.dtypes import int64


def write_check(writer: KernelWriter, check: Check) -> None:
    function, placement, b = writer.function, writer.placement, writer.scalars
    condition = writer.operand(check.condition)
    if condition.constant and condition.name == "true":
        return
    b.hint = "fails"
    lanes = writer.indices.lanes
    failing = b.not_(condition)
    if lanes is not None and (failing.lanes or lanes.mask is not None):
        failing = b.spread(failing, lanes.count)
        failing = failing if lanes.mask is None else b.and_(failing, lanes.mask)
        bits = b.write(f"bitcast {{t}} {{0}} to i{lanes.count}", int64, failing)
        some = function.compare("ne", f"i{lanes.count}", bits.name, "0", "fails")
    else:
        bits, some = None, failing.name
    placement.leave_block()
    inside, after = function.block("failed"), function.block("checked")
    function.branch_if(some, inside, after)
    function.place(inside)
    with placement.inside(Region(inside, branch=True)):
        lane = None
        if bits is not None and lanes is not None:
            width = f"i{lanes.count}"
            lane = function.intrinsic(width, f"llvm.cttz.{width}", [(width, bits.name), ("i1", "true")], "lane")
            if lanes.count < 64:
                lane = function.convert("zext", width, lane, "i64", "lane")
        _record(writer, check, lane)
    function.branch(after)
    function.place(after)


def _record(writer: KernelWriter, check: Check, lane: str | None) -> None:
    function = writer.function
    control = writer.word(artifact.CLOSURE_CONTROL, "ptr", "control")
    first = writer.word(artifact.CLOSURE_FIRST_MESSAGE, "i64", "first")
    first = function.convert("trunc", "i64", first, "i32", "first")
    error = function.offset("i8", control, str(artifact.CONTROL_ERROR), "error")
    message = function.binary("add", "i32", first, str(check.id + 1), "message")
    taken = function.value(f"cmpxchg ptr {error}, i32 0, i32 {message} monotonic monotonic, align 4", "taken")
    won = function.value(f"extractvalue {{ i32, i1 }} {taken}, 1", "won")
    with function.when(won, "report"):
        for number, operand in enumerate(check.values):
            value = writer.operand(operand)
            if value.lanes:
                name = function.value(f"extractelement {value.type} {value.name}, i64 {lane}", "value")
                value = Register(name, value.dtype, 0, writer.placement.level)
            value = writer.scalars.convert(value, int64)
            at = function.offset("i8", control, str(artifact.CONTROL_VALUES + 8 * number), "values")
            function.store("i64", value.name, at, 8)
