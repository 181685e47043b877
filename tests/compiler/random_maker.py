"""The state of a random graph while it is made: its values, its inputs with their arrays, its effects.

In: hypothesis' `draw`. Out: choices, extents, fresh parameters, and values fitted to a type. Each value says how exact
it is: `grain` is the epsilon of the coarsest format in which anything before it was rounded in an order or by a formula
that the record leaves open, 0 if every op before it is exact.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Value, serials, topological
from lazygraph.compiler.ops.record import OPS, apply, full
from lazygraph.runtime.dtypes import ALL, DType, bool_, float32, float64, from_numpy
from tests.ops.accuracy import promised

EXTENTS = (0, 1, 2, 3, 5, 16, 17, 33)


def grains(results: Iterable[Value]) -> dict[Value, float]:
    """How exact each value of a graph is."""
    found: dict[Value, float] = {}
    for node in topological(results):
        before = max((found[each] for each in node.inputs), default=0.0)
        for value in node.outputs:
            kinds = [each.dtype for each in (value, *node.inputs) if each.dtype.is_differentiable]
            own = max((float(each.limits.eps) for each in kinds if promised(node.op, each)), default=0.0)
            found[value] = max(before, own)
    return found


def constant(array: np.ndarray) -> Value:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return OPS["constant"](value=array)


@dataclass
class Maker:
    draw: Callable[[Any], Any]
    rng: np.random.Generator
    symbolic: bool
    sizes: dict[str, int] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    arrays: dict[Value, np.ndarray] = field(default_factory=dict)
    effects: list[Value] = field(default_factory=list)

    def choice(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def extent(self) -> Extent:
        if self.symbolic and self.draw(st.booleans()):
            name = self.choice(("n", "m"))
            self.sizes.setdefault(name, self.choice(EXTENTS))
            return dims.symbol(name)
        return self.choice(EXTENTS)

    def size(self, extent: Extent) -> int:
        return dims.evaluate(extent, self.sizes)

    def count(self, value: Value) -> int:
        """How many elements a value has in this case."""
        return int(np.prod([self.size(each) for each in value.shape], dtype=np.int64))

    def parameter(self, kind: str) -> Value:
        dtype = self.choice((float64, float64, float32, float32, bool_, self.choice(ALL)))
        shape = tuple(self.extent() for _ in range(self.draw(st.integers(0, 3))))
        return self.given(self.array(dtype, tuple(self.size(each) for each in shape)), kind, shape)

    def given(self, array: np.ndarray, kind: str = "input", shape: tuple[Extent, ...] | None = None) -> Value:
        """A parameter that stands for an array."""
        name, dtype = f"{kind[0]}{len(self.arrays)}", from_numpy(array.dtype)
        attributes = {"name": name, "kind": kind, "dtype": dtype, "shape": array.shape if shape is None else shape}
        (value,) = apply(OPS["parameter"], (), attributes, serial=next(serials))
        self.arrays[value] = array
        return value

    def array(self, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
        if dtype.kind == "complex":
            return (self.rng.standard_normal(shape) + 1j * self.rng.standard_normal(shape)).astype(dtype.numpy)
        if dtype.is_float:
            return self.rng.standard_normal(shape).astype(dtype.numpy)
        high = 2 if dtype is bool_ else 40
        low = -40 if dtype.kind == "int" else 0
        return self.rng.integers(low, high, shape).astype(dtype.numpy)

    def like(self, value: Value) -> Value:
        """Another value of the same type, or a constant."""
        options = [each for each in self.values if each.type == value.type]
        return (
            self.choice(options) if options and self.draw(st.booleans()) else full(value.type, self.choice((1, 2, 3)))
        )
