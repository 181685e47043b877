"""Random bits from a key and a counter: Threefry-2x32 with 20 rounds.

In: a key of two words (or an array of keys). Out: a word per element that depends on the key and on the element's
position only, so every schedule and thread count draws the same numbers. Source: Salmon, Moraes, Dror, Shaw, "Parallel
random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import ElementBuilder, Pointwise
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Op, no_tangent, register
from lazygraph.compiler.ops.refusals import reason
from lazygraph.compiler.ops.samples import Case, no_smooth
from lazygraph.compiler.ops.structural import linear_index
from lazygraph.compiler.ops.type_rules import require_equal, require_operands, require_shape
from lazygraph.runtime.dtypes import DType, uint32

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA  # the third word of the key schedule is the parity of this constant and the key
ROUNDS = 20

W = TypeVar("W")


def threefry(
    key: tuple[W, W],
    counter: tuple[W, W],
    add: Callable[[W, W], W],
    xor: Callable[[W, W], W],
    rotate: Callable[[W, int], W],
    word: Callable[[int], W],
) -> tuple[W, W]:
    """Two words from a key and a counter, in whatever arithmetic on 32-bit words the functions give.

    Round r: x0 += x1; x1 = rotl(x1, ROTATIONS[r % 8]) ^ x0; after every fourth, key words and a round count are added.
    """
    schedule = (*key, xor(xor(key[0], key[1]), word(PARITY)))
    x0, x1 = add(counter[0], schedule[0]), add(counter[1], schedule[1])
    for r in range(ROUNDS):
        x0 = add(x0, x1)
        x1 = xor(rotate(x1, ROTATIONS[r % 8]), x0)
        if r % 4 == 3:
            injection = r // 4 + 1
            x0 = add(x0, schedule[injection % 3])
            x1 = add(add(x1, schedule[(injection + 1) % 3]), word(injection))
    return x0, x1


Words = tuple[np.ndarray, np.ndarray]


def threefry_numpy(key: Words, counter: Words) -> Words:
    """`threefry` over uint32 arrays."""
    return threefry(
        key,
        counter,
        add=np.add,
        xor=np.bitwise_xor,
        rotate=lambda x, bits: (x << np.uint32(bits)) | (x >> np.uint32(32 - bits)),
        word=lambda number: np.asarray(number, np.uint32),
    )


def _bits_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("random_bits", types, 1)
    (key,) = types
    if key.dtype != uint32:
        why = reason(["uint"], key.dtype.kind)
        raise DTypeError(f"random_bits: key: expected uint32, found {key}: {why}")
    if not key.rank:
        raise ShapeError("random_bits: key: expected the shape (.., 2), found a scalar")
    require_equal("random_bits", "words of the key", 2, key.shape[-1])
    return (TensorType(uint32, (*key.shape[:-1], *require_shape("random_bits", attributes["shape"]))),)


def _bits_reference(key: np.ndarray, *, shape: tuple[int, ...]) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    position = np.arange(count, dtype=np.uint64)
    counter = (position & np.uint64(0xFFFFFFFF)).astype(np.uint32), (position >> np.uint64(32)).astype(np.uint32)
    words, _ = threefry_numpy((key[..., 0, None], key[..., 1, None]), counter)
    return words.reshape(key.shape[:-1] + shape)


def _bits_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    return (emit("random_bits", inputs[0], shape=node["shape"]),)


def _bits_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    keys = node.inputs[0].type.rank - 1
    position = linear_index(index[keys:], node["shape"])
    counter = b.index_value(dims.mod(position, 2**32), uint32), b.index_value(dims.floordiv(position, 2**32), uint32)
    words, _ = threefry(
        (b.read(0, (*index[:keys], 0)), b.read(0, (*index[:keys], 1))),
        counter,
        add=lambda x, y: b.let("add", x, y),
        xor=lambda x, y: b.let("xor", x, y),
        rotate=lambda x, bits: b.let(
            "or", b.let("shl", x, b.literal(bits, uint32)), b.let("shr", x, b.literal(32 - bits, uint32))
        ),
        word=lambda number: b.literal(number, uint32),
    )
    return words


def _bits_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    keys = [rng.integers(0, 2**32, shape, dtype=np.uint32) for shape in [(2,), (1, 2), (0, 2), (67, 2)]]
    return [((key,), {"shape": shape}) for key in keys for shape in [(), (5,), (3, 67), (0, 2)]]


random_bits = register(
    Op(
        name="random_bits",
        doc="uint32 words, element i a function of the key uint32[.., 2] and of i only (Threefry-2x32-20).",
        type_rule=_bits_type,
        reference=_bits_reference,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=_bits_batch,
        lower=Pointwise(_bits_element),
        domain=Domain((uint32,), _bits_cases, no_smooth),
        ulp=0,
    )
)
