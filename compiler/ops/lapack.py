"""lapack: one of LAPACK's routines, called from inside the compiled function where that was asked for.

In: matrices, or what another routine made of them. Out: what the routine overwrites and makes, and its `info`: 0, or
why there is no result (-1 if it was not called, as a number did not fit in 32 bits). Only the pass `lapack` makes these
nodes, behind every derivative; the loops begin the results, and the program calls the routine on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lazygraph.compiler.ir.dims import Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.effects import write_copy
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.lapack_calls import ROUTINES, called
from lazygraph.compiler.ops.lowering import BodyBuilder, External, Loops
from lazygraph.compiler.ops.matrix.graph import batch_of_matrices
from lazygraph.compiler.ops.matrix.samples import positive
from lazygraph.compiler.ops.nests import nest, serial_then_vector
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.refusals import reason
from lazygraph.compiler.ops.samples import Case, no_smooth, plain
from lazygraph.compiler.ops.type_rules import require_dtype, require_operands, require_same_dtype
from lazygraph.runtime.dtypes import DType, complex64, complex128, float32, float64, from_numpy, int32

_REAL = ("laswp", "syevd", "syevd_values", "gesdd", "gesdd_full", "gesdd_values")


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    name = attributes["routine"]
    if name not in ROUTINES:
        raise ValueError(f"lapack: expected a routine out of {', '.join(ROUTINES)}, found {name!r}")
    routine = ROUTINES[name]
    require_operands("lapack", types, len(routine.axes))
    kinds = ("float", "complex")
    dtype = types[0].dtype
    require_dtype("lapack", "the matrix", dtype, kinds)
    if dtype in HALVES:
        why = reason(kinds, "float")
        raise DTypeError(f"lapack: the matrix: expected float32, float64 or complex numbers, found {dtype}: {why}")
    if dtype.is_complex and name in _REAL:
        raise DTypeError(f"lapack: {name} expects real numbers, found {dtype}")
    for other in types[1:]:
        require_same_dtype("lapack", "what it works on", int32 if name == "laswp" else dtype, other.dtype)
    for each, axes in zip(types, routine.axes, strict=True):
        if each.shape[: each.rank - axes] != types[0].shape[: types[0].rank - routine.axes[0]] or each.rank < axes:
            raise ShapeError(f"lapack: {name}: expected operands of {routine.axes} axes over equal ones, found {types}")
    return routine.results(types)


def _reference(*operands: np.ndarray, routine: str) -> tuple[np.ndarray, ...]:
    called = ROUTINES[routine]
    lead = operands[0].shape[: operands[0].ndim - called.axes[0]]
    types = tuple([TensorType(_dtype(each), each.shape) for each in operands])
    results: list[np.ndarray] = [np.zeros(_static(each.shape), each.dtype.numpy) for each in called.results(types)]
    for place in np.ndindex(lead):
        found = called.reference(*[each[place] for each in operands])
        for result, each in zip(results, found, strict=True):
            result[place] = each
    return tuple(results)


def _static(shape: Shape) -> tuple[int, ...]:
    return tuple([each for each in shape if isinstance(each, int)])


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    raise TypeError("lapack: its calls are made behind every derivative: differentiate the decomposition")


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    for source, target in zip(inputs, outputs):
        write_copy(b, source, target)
    fresh = outputs[len(inputs) :]
    for number, target in enumerate(fresh):
        is_info = number == len(fresh) - 1
        begin = b.literal(-1.0 if is_info else 0.0, target.dtype)

        nest(b, f"fresh{number}_", serial_then_vector(target.shape), partial(_put, b, target, begin))


def _put(b: BodyBuilder, target: Buffer, value: Operand, at: Index) -> None:
    b.store(target, at, value)


def _dtype(array: np.ndarray) -> DType:
    return from_numpy(array.dtype)


def _external(node: Node) -> External:
    return called(node["routine"], node)


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    def matrix(*shape: int) -> np.ndarray:
        return plain(rng, dtype, shape)

    found: list[Case] = [
        ((positive(rng, dtype, (2, 5, 5)),), {"routine": "potrf"}),
        ((matrix(2, 4, 6),), {"routine": "getrf"}),
        ((matrix(0, 4, 6),), {"routine": "getrf"}),
        ((matrix(2, 7, 3),), {"routine": "gelqf"}),
        ((matrix(9, 11),), {"routine": "gelqf"}),
        ((matrix(1, 1),), {"routine": "gelqf"}),
    ]
    (packed,), _ = found[3]
    made, tau, _ = _reference(packed, routine="gelqf")
    found.append(((made, tau), {"routine": "orglq"}))
    if dtype.is_complex:
        return found
    pivots = np.ones((2, 3), np.int32)  # in range for the multiples that the sweep takes too
    symmetric = positive(rng, dtype, (2, 4, 4))
    symmetric = np.asarray(np.tril(symmetric) + np.swapaxes(np.tril(symmetric, -1), -1, -2))
    return [
        *found,
        ((np.arange(10).reshape(2, 5).astype(dtype.numpy), pivots), {"routine": "laswp"}),
        ((symmetric,), {"routine": "syevd"}),
        ((symmetric,), {"routine": "syevd_values"}),
        *[((matrix(2, 3, 5),), {"routine": name}) for name in ("gesdd", "gesdd_values")],
        ((matrix(4, 4),), {"routine": "gesdd_full"}),
    ]


lapack = register(
    Op(
        name="lapack",
        doc="What one of LAPACK's routines makes of matrices, row by row; where `lg.linalg.use` asked for it.",
        type_rule=_type_rule,
        reference=_reference,
        jvp=_jvp,
        transpose=NOT_LINEAR,
        batch=batch_of_matrices,
        lower=Loops(_write, in_place=(0,), external=_external),
        domain=Domain((float32, float64, complex64, complex128), _cases, no_smooth),
        ulp=256,
        flags=Flags(normwise=True),
    )
)
