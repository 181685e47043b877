"""Nested inputs, outputs and parameters: tuples, lists, dicts, named tuples and dataclasses, with anything as leaves.

In: a nested value. Out: its leaves in order and its `Structure`, from which the nested value is made again. None holds
no leaf. A dict's leaves stand in the order of its first keys; another dict of the same keys follows that order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Structure:
    """The shape of a nested value: its container (None for a leaf), the keys, and what stands under each."""

    container: type | None
    keys: tuple[Any, ...] = ()
    children: tuple[Structure, ...] = ()

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return 1 if self.container is None else sum(child.size for child in self.children)


LEAF = Structure(None)


def _parts(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """(keys, children) of a container, None for a leaf."""
    if tree is None:
        return (), ()
    if isinstance(tree, dict):
        return tuple(tree), tuple(tree.values())
    if isinstance(tree, tuple | list):
        return tuple(range(len(tree))), tuple(tree)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        return names, tuple(getattr(tree, name) for name in names)
    return None


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves in order, and the structure.

    >>> flatten({"w": 1, "layers": (2, [3])})[0]
    [1, 2, 3]
    """
    parts = _parts(tree)
    if parts is None:
        return [tree], LEAF
    leaves: list[Any] = []
    children = []
    for child in parts[1]:
        below, structure = flatten(child)
        leaves += below
        children.append(structure)
    return leaves, Structure(type(tree), parts[0], tuple(children))


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The nested value of this structure with these leaves; ValueError where their number differs.

    >>> unflatten(flatten({"a": 0, "b": (0, 0)})[1], [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    if len(leaves) != structure.size:
        raise ValueError(f"expected {structure.size} leaves, found {len(leaves)}")
    return _build(structure, iter(leaves))


def _build(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure.container is None:
        return next(leaves)
    children = [_build(child, leaves) for child in structure.children]
    return _construct(structure.container, structure.keys, children)


def _construct(container: type, keys: tuple[Any, ...], children: list[Any]) -> Any:
    if container is type(None):
        return None
    if issubclass(container, dict):
        return container(zip(keys, children))
    if issubclass(container, tuple) and hasattr(container, "_fields"):
        return container(*children)
    if issubclass(container, tuple | list):
        return container(children)
    settable = {field.name for field in dataclasses.fields(container) if field.init}  # type: ignore[arg-type]
    return container(**{key: child for key, child in zip(keys, children) if key in settable})


def flatten_like(structure: Structure, tree: Any, name: str = "value") -> list[Any]:
    """The leaves of `tree` in the order of `structure`; TypeError names the place where their structures differ.

    A leaf of `structure` takes whatever stands there, so that an array may be given as nested lists of numbers. A
    container whose class has a class method `__adopt__(value, name)` says itself what may stand for it (`lg.sparse`).

    >>> flatten_like(flatten({"a": 0, "b": 0})[1], {"b": 2, "a": 1})
    [1, 2]
    """
    if structure.container is None:
        return [tree]
    adopt = getattr(structure.container, "__adopt__", None)
    if adopt is not None:
        tree = adopt(tree, name)
    parts = _parts(tree)
    if (
        parts is None
        or (dict(zip(*parts)).keys() != set(structure.keys))
        or _kind(tree) != _kind_of(structure.container)
    ):
        raise TypeError(f"{name}: expected {describe(structure)}, found {describe(flatten(tree)[1])}")
    children = dict(zip(*parts))
    leaves: list[Any] = []
    for key, child in zip(structure.keys, structure.children):
        leaves += flatten_like(child, children[key], f"{name}[{key!r}]")
    return leaves


def _kind(tree: Any) -> type:
    return _kind_of(type(tree))


def _kind_of(container: type) -> type:
    """A list may stand where a tuple does; dataclasses and named tuples are themselves."""
    return next((kind for kind in (dict, tuple) if container is kind), tuple if container is list else container)


def map_structure(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same nesting with `function` applied to each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def paths(structure: Structure, name: str = "") -> list[str]:
    """What each leaf is called in an error: `name['layers'][0]`.

    >>> paths(flatten({"w": 0, "layers": (0, 0)})[1], "parameters")
    ["parameters['w']", "parameters['layers'][0]", "parameters['layers'][1]"]
    """
    if structure.container is None:
        return [name]
    found: list[str] = []
    for key, child in zip(structure.keys, structure.children):
        found += paths(child, f"{name}[{key!r}]")
    return found


def describe(structure: Structure) -> str:
    """The nesting in words, for errors: "dict of w, b"."""
    if structure.container is None:
        return "a leaf"
    if structure.container is type(None):
        return "None"
    if issubclass(structure.container, tuple | list) and not hasattr(structure.container, "_fields"):
        return f"{structure.container.__name__} of {len(structure.keys)}"
    return f"{structure.container.__name__} of {', '.join(map(str, structure.keys)) or 'nothing'}"
