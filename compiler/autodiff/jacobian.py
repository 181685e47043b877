"""Whole derivatives: Jacobians and Hessians, one batched pass over a basis.

In: an output and the inputs. Out: d output / d input of shape output.shape + input.shape. A Jacobian runs forward or in
reverse, whichever has fewer directions; a Hessian is forward over reverse. Where a function on the way has a rule for
reverse mode only, both run in reverse.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.autodiff.batching import batch_all
from lazygraph.compiler.autodiff.jvp import described, jvp, require_differentiable
from lazygraph.compiler.autodiff.transpose import vjp
from lazygraph.compiler.ir.dims import Extent, prove_nonnegative
from lazygraph.compiler.ir.dims import product as size_of
from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import TensorType, Value, topological
from lazygraph.compiler.ops.compose import emit, permuted
from lazygraph.compiler.ops.custom_derivative import has_forward
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import full, zeros
from lazygraph.runtime.dtypes import int64


def gradient(output: Value, inputs: Sequence[Value]) -> list[Value]:
    """d output / d input of a real scalar output for each input, of its type; zeros where nothing depends on it.

    With respect to z = x + iy this is d output / dx - i d output / dy, whose conjugate points uphill.
    """
    if output.dtype.is_complex:
        raise DTypeError(
            f"{described(output)} is complex, {output.type}, and has no gradient: differentiate its real part, its "
            "imaginary part or its modulus, or use lg.vjp or lg.jvp"
        )
    found = vjp([output], inputs, [full(output.type, 1)])
    return [zeros(value.type) if each is None else each for value, each in zip(inputs, found)]


def jacobian(output: Value, inputs: Sequence[Value]) -> list[Value]:
    """d output / d input for each input, of shape output.shape + input.shape.

    Forward where the inputs have fewer elements than the output whatever the dims are, else in reverse. Of a real
    output and complex inputs in reverse: a row is the gradient of an element. From complex to complex numbers it would
    be one matrix of complex numbers only where the function is holomorphic, which nobody knows: that is an error.
    """
    for value in (output, *inputs):
        require_differentiable(value)
    of_complex = any([value.dtype.is_complex for value in inputs])
    if output.dtype.is_complex:
        if of_complex:
            raise DTypeError(f"the Jacobian of {described(output)} is from complex to complex numbers: use lg.jvp")
        parts = [jacobian(emit(part, output), inputs) for part in ("real", "imag")]
        return [emit("complex", re, im) for re, im in zip(*parts)]
    if of_complex:
        return _reverse(output, inputs)
    directions: Extent = 0
    for value in inputs:
        directions = directions + size_of(value.shape)
    if prove_nonnegative(size_of(output.shape) - directions - 1) and has_forward(topological([output])):
        return [_forward([output], value)[0] for value in inputs]
    return _reverse(output, inputs)


def hessian(output: Value, inputs: Sequence[Value]) -> list[list[Value]]:
    """Row i, column j: d^2 output / d input_i d input_j, of shape input_i.shape + input_j.shape. Output is a scalar."""
    for value in inputs:
        if value.dtype.is_complex:
            raise DTypeError(f"{described(value)} is complex, and a Hessian is one of real inputs: use its parts")
    gradients = gradient(output, inputs)
    if not has_forward(topological(gradients)):
        return [_reverse(each, inputs) for each in gradients]
    columns = [_forward(gradients, value) for value in inputs]
    return [[column[row] for column in columns] for row in range(len(inputs))]


def _forward(outputs: Sequence[Value], value: Value) -> list[Value]:
    """The Jacobians with respect to one input: its basis vectors as a batch of tangents."""
    size = size_of(value.shape)
    tangent = new_parameter("tangent", value.dtype, value.shape)
    pushed = [zeros(y.type) if each is None else each for y, each in zip(outputs, jvp(outputs, [value], [tangent]))]
    rows = batch_all(pushed, [tangent], [_basis(value.type)], size)  # each (size, *output.shape)
    rows = [permuted(row, (*range(1, row.type.rank), 0)) for row in rows]
    return [emit("reshape", row, shape=(*y.shape, *value.shape)) for y, row in zip(outputs, rows)]


def _reverse(output: Value, inputs: Sequence[Value]) -> list[Value]:
    """The Jacobians of one output: its basis vectors as a batch of cotangents."""
    cotangent = new_parameter("cotangent", output.dtype, output.shape)
    found = vjp([output], inputs, [cotangent])
    pulled = [zeros(value.type) if each is None else each for value, each in zip(inputs, found)]
    rows = batch_all(pulled, [cotangent], [_basis(output.type)], size_of(output.shape))
    return [emit("reshape", row, shape=(*output.shape, *value.shape)) for value, row in zip(inputs, rows)]


def _basis(type: TensorType) -> Value:
    """Every unit vector of a tensor space, along a new leading axis."""
    size = size_of(type.shape)
    row, column = (emit("iota", dtype=int64, shape=(size, size), axis=axis) for axis in (0, 1))
    identity = emit("cast", emit("eq", row, column), dtype=type.dtype)
    return emit("reshape", identity, shape=(size, *type.shape))
