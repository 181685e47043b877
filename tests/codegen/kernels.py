"""Small kernels that several tests build: the records they need, and a body around one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import lazygraph.compiler.ops.arithmetic
import lazygraph.compiler.ops.logic
import lazygraph.compiler.ops.transcendental  # noqa: F401
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.build import Builder
from lazygraph.compiler.loop.ir import Buffer, Kernel
from lazygraph.runtime.dtypes import ALL, DType, bool_, float32, float64

DTYPES = (bool_, *[each for each in ALL if each.is_integer], float32, float64)
NUMBERS = DTYPES[1:]
EXTENTS = (0, 1, 2, 15, 16, 17, 31, 33, 48, 63, 64, 65, 79, 100, 127, 128, 129, 130)

Fill = Callable[[Builder], None]


def kernel(name: str, buffers: Sequence[Buffer], writes: Sequence[str], fill: Fill) -> Kernel:
    builder = Builder()
    fill(builder)
    return Kernel(name, tuple(buffers), tuple(writes), builder.body())


def elementwise(
    op: str, dtypes: Sequence[DType], result: DType, extent: Extent, kind: str = "vector", **attributes: Any
) -> Kernel:
    """z[i] = op(x0[i], x1[i], ...) over one loop of the given kind."""
    inputs = [Buffer(f"x{number}", dtype, (extent,)) for number, dtype in enumerate(dtypes)]
    output = Buffer("z", result, (extent,))

    def fill(b: Builder) -> None:
        def body(i: Extent) -> None:
            operands = [b.load(each, (i,)) for each in inputs]
            b.store(output, (i,), b.let(op, *operands, dtype=result, attributes=attributes))

        b.loop(kind, "i", extent, body)

    return kernel(f"{op}_{kind}", [*inputs, output], ["z"], fill)


def hostile(dtype: DType, count: int, seed: int = 0) -> np.ndarray:
    """Numbers that break things first: extremes, zeros of both signs, NaN, infinities, denormals, then random ones."""
    rng = np.random.default_rng(seed)
    if dtype.kind == "bool":
        return rng.random(count) < 0.5
    if dtype.is_float:
        info = np.finfo(dtype.numpy)
        first = [0.0, -0.0, np.nan, np.inf, -np.inf, info.tiny / 2, -info.tiny, info.max, 0.5, 1.5, 2.5, -0.5, -2.5]
        first += [2.0**31, -(2.0**31), 2.0**32, 2.0**63, -(2.0**63), 2.0**64, 1e10, -3.7, 1 - info.epsneg]
        random = np.concatenate([rng.normal(size=count), rng.normal(size=count) * 1e6])
    else:
        bounds = np.iinfo(dtype.numpy)
        first = [bounds.min, bounds.max, 0, 1, 2, bounds.max - 1, bounds.min + 1]
        first += [-1, -2] if dtype.kind == "int" else []
        random = rng.integers(bounds.min, bounds.max, 2 * count, dtype.numpy, endpoint=True)
    values = np.concatenate([np.array(first, dtype.numpy), random.astype(dtype.numpy)])
    picked = values[: min(count, len(values))]
    return np.ascontiguousarray(rng.permutation(picked)[:count])
