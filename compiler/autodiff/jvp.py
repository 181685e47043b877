"""Forward mode: tangents of outputs from tangents of inputs, by one rule per op.

In: outputs, the inputs they depend on (interior values too), and a tangent or None (a symbolic zero) for each. Out:
the outputs' tangents. A tangent at an interior input is added to what flows into it from the others, so that `jvp` and
`vjp` are transposes of each other whatever the inputs are. See J. Bradbury et al., JAX: composable transformations,
2018, for the split into forward rules and transposes; tangents here are symbols, so nothing is evaluated in part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from lazygraph.compiler.autodiff.cut import Prepared, prepare
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Frame, Frames, Node, Value, origin, topological
from lazygraph.compiler.ops.compose import plus
from lazygraph.compiler.ops.custom_derivative import require_forward


def jvp(outputs: Sequence[Value], inputs: Sequence[Value], tangents: Sequence[Value | None]) -> list[Value | None]:
    """The tangents of `outputs`: the directional derivative along `tangents`, None where it is zero by construction."""
    if len(tangents) != len(inputs):
        raise ValueError(f"jvp: expected one tangent per input, found {len(tangents)} for {len(inputs)} inputs")
    for value, tangent in zip(inputs, tangents):
        if tangent is not None:
            require_differentiable(value)
            require_type("tangent", value, tangent)
    prepared = prepare(outputs, inputs)
    found = push_forward(prepared, tangents)
    require_forward(topological([tangent for tangent in found if tangent is not None]))
    return prepared.finish(found)


def require_differentiable(value: Value) -> None:
    """DTypeError for a value of integers or bools."""
    if not value.dtype.is_differentiable:
        raise DTypeError(f"{described(value)} has no derivatives: expected floats, found {value.type}")


def require_type(role: str, value: Value, given: Value) -> None:
    """The tangent or cotangent of a value has its type."""
    error = DTypeError if given.dtype != value.dtype else ShapeError
    if given.type != value.type:
        raise error(f"{role} of {described(value)}: expected {value.type}, found {given.type}")


def described(value: Value) -> str:
    """What an error calls a value: a parameter's name, or the op and the line that made it."""
    node = value.node
    if node.op.name == "parameter":
        return f"{node['kind']} {node['name']!r}"
    return f"the result of {node.op.name}{f' at {node.frames[0]}' if node.frames else ''}"


def push_forward(prepared: Prepared, tangents: Sequence[Value | None]) -> list[Value | None]:
    """The tangents of the prepared outputs."""
    known: dict[Value, Value] = {}
    for value, tangent in zip(prepared.inputs, tangents):
        total = plus(known.get(value), tangent)
        if total is not None:
            known[value] = total
    seeded = dict(known)
    for node in topological(prepared.outputs):
        incoming = tuple([known.get(operand) for operand in node.inputs])
        if any([tangent is not None for tangent in incoming]):
            _push_through(node, incoming, seeded, known)
    return [known.get(output) for output in prepared.outputs]


def _push_through(
    node: Node, incoming: tuple[Value | None, ...], seeded: Mapping[Value, Value], known: dict[Value, Value]
) -> None:
    with origin(gradient_frames(node.frames, node.op.name)):
        outgoing = node.op.jvp(node, incoming)
        for output, tangent in zip(node.outputs, outgoing, strict=True):
            total = plus(seeded.get(output), tangent)
            if total is None:
                continue
            if total.type != output.type:
                raise TypeError(
                    f"the jvp rule of {node.op.name} gives {total.type}: expected {output.type} as its result"
                )
            known[output] = total


def gradient_frames(frames: Frames, op: str) -> Frames:
    """The frames of a node that differentiates an `op` with these frames."""
    return tuple([_noted(frame, op) for frame in frames])


@lru_cache(maxsize=65536)
def _noted(frame: Frame, op: str) -> Frame:
    note = f"gradient of `{op}`"
    return Frame(frame.file, frame.line, f"{note} in {frame.note}" if frame.note else note)
