"""The scratch arrays of a transform of symbolic length.

In: a builder and local arrays. Out: loads, stores and loops by places that are known at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.fourier.butterflies import Point
from lazygraph.compiler.ops.lowering import BodyBuilder


@dataclass(frozen=True)
class Scratch:
    """Arrays of real and imaginary parts."""

    b: BodyBuilder
    data: Buffer  # [2, 2, places]: the points before a stage and those behind it
    filter: Buffer  # [2, places]: the transform that a convolution multiplies by
    root: Buffer  # [2, places]: e**(-2 pi i t / length)
    length: Operand
    places: Extent  # more than the length

    def index(self, scalar: Operand) -> Extent:
        """An integer scalar, at most the length, as an index."""
        return self.b.as_index(scalar, self.places)

    def each(self, count: Operand, body: Callable[[Extent], None]) -> None:
        self.b.loop("vector", "t", self.index(count), body)

    def read(self, half: Extent, place: Extent) -> Point:
        return self.b.load(self.data, (half, 0, place)), self.b.load(self.data, (half, 1, place))

    def write(self, half: Extent, place: Extent, point: Point) -> None:
        for part in (0, 1):
            self.b.store(self.data, (half, part, place), point[part])

    def turn(self, place: Extent) -> Point:
        """A root of unity."""
        return self.b.load(self.root, (0, place)), self.b.load(self.root, (1, place))
