"""vmap: a function of one example, made a function of a batch of them.

In: a function, and which axes of its arguments and results count the examples. Out: a function of whole batches, whose
graph is rewritten by one rule per op: what depends on no example is computed once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lazygraph.compiler.autodiff.batching import batch
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import axis_moved, batched_input
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.dims import aligned, could_be_same
from lazygraph.errors import shape_text
from lazygraph.frames import traced, user_code
from lazygraph.promotion import as_axis, value_of
from lazygraph.structure import LEAF, Structure, flatten, flatten_like, paths, unflatten
from lazygraph.tensor import Tensor

__all__ = ["vmap"]

Axes = Any  # an int, None, or a nesting of these


def vmap(f: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> Callable[..., Any]:
    """f over many examples at once: a function of one example, made a function of a batch of them.

    `in_axes` says which axis of each argument counts the examples: an int for all arguments, or a tuple with an int,
    None (the argument is shared by all examples) or a nesting of these per argument; arguments given by name are
    mapped along axis 0. `out_axes` says where that axis goes in the results: an int, or a nesting as the result's; None
    for a result that depends on no example. Axes may be negative. An argument that is shared and no tensor comes to f
    as it is. Tensors that f closes over are shared, and so is the key that a `lg.random.Stream` gives inside f: split a
    key and map over its parts for draws that differ. Maps nest, and go with derivatives on either side.

    Numbers of examples that only a call can compare are compared before it runs. Raises ShapeError where they are known
    to differ or an argument lacks its axis, ValueError where no argument has one.

    >>> import lazygraph as lg
    >>> x, w = lg.placeholder((5, 3), lg.float32, "x"), lg.placeholder((3,), lg.float32, "w")
    >>> lg.vmap(lambda row: lg.grad(lg.sum(lg.sin(row * w)), w))(x).shape
    (5, 3)
    """

    @traced
    @functools.wraps(f)
    def mapped(*arguments: Any, **named: Any) -> Any:
        if not named:
            return _map(f, arguments, in_axes, out_axes)
        axes = (*(in_axes if isinstance(in_axes, tuple | list) else [in_axes] * len(arguments)), 0)
        return _map(lambda *given: f(*given[:-1], **given[-1]), (*arguments, named), axes, out_axes)

    return mapped


def _map(f: Callable[..., Any], arguments: tuple[Any, ...], in_axes: Axes, out_axes: Axes) -> Any:
    leaves, structure = flatten(arguments)
    axes = _axes_per_leaf(structure, in_axes, "in_axes")
    names = paths(structure, "vmap: arguments")
    mapped = [_Argument(name, leaf, axis) for name, leaf, axis in zip(names, leaves, axes) if axis is not None]
    if not mapped:
        raise ValueError("vmap: every in_axes is None: expected an axis for at least one argument")
    size = _size(mapped)
    batches = [aligned(each.batch, (size, *each.batch.shape[1:])) for each in mapped]
    examples = [new_parameter(f"example{place}", each.dtype, each.shape[1:]) for place, each in enumerate(batches)]
    fresh = iter(examples)
    inner = [leaf if axis is None else Tensor(next(fresh)) for leaf, axis in zip(leaves, axes)]
    outputs, nesting = flatten(user_code(f)(*unflatten(structure, inner)))
    found, batched = batch([value_of(each) for each in outputs], examples, batches, size)
    places = _axes_per_leaf(nesting, out_axes, "out_axes")
    return unflatten(nesting, [Tensor(_placed(*each, size)) for each in zip(found, batched, places)])


@dataclass(frozen=True)
class _Argument:
    """A leaf of the arguments that holds examples."""

    name: str
    leaf: Any
    axis: int

    @functools.cached_property
    def batch(self) -> Value:
        """With the examples along axis 0."""
        value = value_of(self.leaf)
        rank = value.type.rank
        if not -rank <= self.axis < rank:
            found = f"found {shape_text(value.shape)}; in_axes says None for an argument that all examples share"
            raise ShapeError(f"{self.name}: expected an axis {self.axis} of examples, {found}")
        return axis_moved(value, as_axis(self.axis, rank), 0)


def _size(arguments: Sequence[_Argument]) -> Extent:
    """How many examples there are: a number where one of the extents is one."""
    extents = [each.batch.shape[0] for each in arguments]
    size = next((extent for extent in extents if isinstance(extent, int)), extents[0])
    for each, extent in zip(arguments, extents):
        if not could_be_same(size, extent):
            expected = f"expected {size} examples, as in the others, along axis {each.axis}"
            raise ShapeError(f"{each.name}: {expected}, found {shape_text(value_of(each.leaf).shape)}")
    return size


def _placed(value: Value, batched: bool, axis: int | None, size: Extent) -> Value:
    """A result with its examples along `axis`."""
    if axis is None:
        if batched:
            raise ValueError("vmap: out_axes is None for a result that depends on the examples: expected an axis")
        return value
    repeated = batched_input(value, batched, size)
    return axis_moved(repeated, 0, as_axis(axis, repeated.type.rank))


def _axes_per_leaf(structure: Structure, axes: Axes, name: str) -> list[int | None]:
    """An axis for each leaf: one int or None stands for everything below it."""
    if axes is None or isinstance(axes, int):
        return [axes] * structure.size
    level = Structure(structure.container, structure.keys, (LEAF,) * len(structure.children))
    entries = flatten_like(level, axes, name)
    return [axis for entry, child in zip(entries, structure.children) for axis in _axes_per_leaf(child, entry, name)]
