"""A convolution as sums of products: which of its axes are rows and columns, and how its operands are read.

In: a node of `conv_general`, and the axis along which its result's neighbours are stored side by side. Out: its `Form`.
Images that are spread by s (gradients of strided convolutions, transposed ones) are split into phases: result
p = q*s + r meets only the taps k = k0 + j*s, k0 = (low - r) mod s, at x[q + j + (r + k0 - low) / s]; the others meet
zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.ops.indexing import all_of
from lazygraph.compiler.ops.lowering import ElementBuilder, Form
from lazygraph.compiler.ops.slices import spaced

LEADING = 3  # axes before the spatial ones
FEW_PIXELS = 32  # of one result image: fewer do not fill vectors, so that images lie side by side too


@dataclass(frozen=True)
class _Axis:
    """One spatial axis; `phases` is 1 or the input dilation."""

    extent: Extent
    taps: Extent
    count: Extent
    stride: int
    low: Extent
    spread: int
    gap: int

    @property
    def phases(self) -> int:
        splits = self.stride == 1 and self.gap == 1 and dims.divides(self.spread, self.count)
        return self.spread if splits else 1

    def first_tap(self, phase: Extent) -> Extent:
        return dims.mod(self.low - phase, self.phases)

    def tap(self, phase: Extent, k: Extent) -> Extent:
        return self.first_tap(phase) + k * self.phases

    def pixel(self, b: ElementBuilder, phase: Extent, p: Extent, k: Extent) -> tuple[Extent, list[Operand]]:
        """The index into x, and what has to hold for it to be in x."""
        if self.phases != 1:
            place = p + k + dims.floordiv(phase + self.first_tap(phase) - self.low, self.phases)
            return place, [b.in_range(place, 0, self.extent)]
        position = p * self.stride + k * self.gap - self.low
        tests = [b.in_range(position, 0, spaced(self.extent, self.spread - 1))]
        if self.spread != 1:
            tests.append(b.in_range(dims.mod(position, self.spread), 0, 1))
        return dims.floordiv(position, self.spread), tests


def convolution_form(node: Node, axis: int) -> Form:
    """k: channels and taps. Filters are rows and pixels columns, each image a product of its own; the pixels of all
    images lie side by side where one has few; and pixels are rows where filters are contiguous in the result."""
    groups, images, filters, *out = node.output.shape
    axes = _axes(node)
    split = [place for place, each in enumerate(axes) if each.phases != 1]
    pixels = tuple([dims.floordiv(each.count, each.phases) for each in axes])
    lead = (groups, *[axes[place].phases for place in split])
    k = (node.inputs[0].shape[2], *[dims.ceildiv(each.taps, each.phases) for each in axes])

    def phases(batch: Index) -> list[Extent]:
        own = dict(zip(split, batch[1:]))
        return [own.get(place, 0) for place in range(len(axes))]

    def kernels(b: ElementBuilder, batch: Index, free: Index, k: Index) -> Operand:
        taps = [each.tap(phase, tap) for each, phase, tap in zip(axes, phases(batch), k[1:])]
        beyond = [(tap, each.taps) for each, tap in zip(axes, taps) if not dims.divides(each.phases, each.taps)]
        tests = [b.in_range(tap, 0, count) for tap, count in beyond]
        return _read(b, node, 1, (batch[0], free[0], k[0], *taps), tests)

    def image(b: ElementBuilder, batch: Index, free: Index, k: Index) -> Operand:
        number, *pixel = (*batch[len(lead) :], *free)
        found = [each.pixel(b, *at) for each, *at in zip(axes, phases(batch), pixel, k[1:])]
        index = (batch[0], number, k[0], *[place for place, _ in found])
        return _read(b, node, 0, index, [test for _, tests in found for test in tests])

    def place(batch: Index, m: Index, n: Index) -> Index:
        ours, (number, *pixel) = (n, m) if turned else (m, (*batch[len(lead) :], *n))
        at = [p * each.phases + phase for each, phase, p in zip(axes, phases(batch), pixel)]
        return (batch[0], number, *ours, *at)

    total = dims.product(out)
    turned = axis == 2 or total == 1 and axis != 1
    if turned:
        return Form(lead, (images, *pixels), (filters,), k, image, kernels, place)
    if axis != 1 and not split and (not isinstance(total, int) or total >= FEW_PIXELS):
        return Form((*lead, images), (filters,), pixels, k, kernels, image, place)
    return Form(lead, (filters,), (images, *pixels), k, kernels, image, place)


def _axes(node: Node) -> list[_Axis]:
    shapes = [each.shape[LEADING:] for each in (*node.inputs, node.output)]
    amounts = [node[name] for name in ("strides", "low", "input_dilation", "kernel_dilation")]
    return [_Axis(*each) for each in zip(*shapes, *amounts)]


def _read(b: ElementBuilder, node: Node, operand: int, index: Index, tests: list[Operand]) -> Operand:
    """The element where all tests hold, else zero."""
    inside = all_of(b, tests)
    if inside is None:
        return b.read(operand, index)
    return b.read_where(inside, operand, index, b.literal(0, node.output.dtype))
