"""Turns a fused group into a kernel: the scalar body by substitution, the loops by the group's kind.

In: a `Group` and its `Fusion`. Out: `Lowered`: the kernel, the values behind its buffers, and what its checks say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Frames, Value
from lazygraph.compiler.loop.build import CheckMessage
from lazygraph.compiler.loop.elementwise import write_elementwise
from lazygraph.compiler.loop.fuse import Fusion, Group
from lazygraph.compiler.loop.group_body import GroupBody, InPlace
from lazygraph.compiler.loop.ir import AnyKernel, Kernel
from lazygraph.compiler.loop.lower_product import contraction
from lazygraph.compiler.loop.prune import prune
from lazygraph.compiler.loop.reduced import write_columns, write_rows
from lazygraph.compiler.loop.split_complex import split_complex
from lazygraph.compiler.ops.lowering import Loops, Pointwise, Reduction


@dataclass(frozen=True)
class Lowered:
    kernel: AnyKernel
    reads: tuple[Value, ...]  # behind the leading buffers
    writes: tuple[Value, ...]  # behind the other buffers
    in_place: InPlace
    messages: tuple[CheckMessage, ...]
    frames: Frames
    begins: InPlace = frozenset()  # (operand, result): the result's buffer holds the operand before the kernel runs


def lower(fusion: Fusion, group: Group) -> Lowered | None:
    """The kernel of a group; None if nothing of it is stored (others compute it again)."""
    if not any(value in fusion.stored for value in group.members):
        return None
    body = GroupBody(fusion, group)
    frames = tuple(dict.fromkeys(frame for value in group.members for frame in value.node.frames))[:4]
    name = _kernel_name(fusion, group)
    kernel: AnyKernel
    if group.kind == "contraction":
        kernel, in_place = contraction(body, name, frames)
    else:
        in_place = _WRITE[group.kind](body)
        kernel = Kernel(name, body.buffers(), body.written(), prune(body.body()), frames)
    kernel = split_complex(kernel)
    begins = _begins(group)
    in_place |= {(operand, result) for operand, result in begins if operand not in body.reads}
    return Lowered(kernel, tuple(body.reads), tuple(body.writes), in_place, tuple(body.messages), frames, begins)


def _begins(group: Group) -> InPlace:
    return frozenset((each.node.inputs[0], each) for each in group.members if group.kind == "onto")


def _kernel_name(fusion: Fusion, group: Group) -> str:
    """Named after what a reader looks for: the dot, or the reductions, or the last op."""
    ops = [value.node.op.name for value in group.members if value not in group.landing[1:]]
    if group.kind in ("contraction", "loops", "onto"):
        return ops[0] if len(ops) == 1 or group.kind != "contraction" else f"{ops[0]}_{ops[-1]}"
    reduced = [value.node.op for value in group.members if isinstance(value.node.op.lower, Reduction)]
    stored = [value.node.op.name for value in group.members if value in fusion.stored]
    return "_".join(dict.fromkeys((*[op.name for op in reduced], stored[-1])))


def _loops(body: GroupBody) -> InPlace:
    node = body.group.members[0].node
    assert isinstance(node.op.lower, Loops)
    inputs = tuple([body.buffer(operand) for operand in node.inputs])
    node.op.lower.write(body, node, inputs, tuple([body.writes[value] for value in node.outputs]))
    return frozenset((node.inputs[each], node.outputs[0]) for each in node.op.lower.in_place)


def _onto(body: GroupBody) -> InPlace:
    """The kernel writes into a buffer that holds the first operand before it runs."""
    node = body.group.members[0].node
    assert isinstance(node.op.lower, Pointwise | Loops) and node.op.lower.onto is not None
    target = body.writes[node.output]
    node.op.lower.onto(body, node, (target, *map(body.buffer, node.inputs[1:])), (target,))
    return frozenset()


_WRITE: Mapping[str, Callable[[GroupBody], InPlace]] = {
    "elementwise": write_elementwise,
    "rows": write_rows,
    "columns": write_columns,
    "loops": _loops,
    "onto": _onto,
}
