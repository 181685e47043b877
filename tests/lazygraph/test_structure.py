"""Nested values: what is flattened is built again, whatever containers it is made of."""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazygraph.structure import describe, flatten, flatten_like, map_structure, paths, unflatten

Pair = namedtuple("Pair", "first second")


@dataclass(frozen=True)
class Weights:
    w: Any
    b: Any


trees = st.recursive(
    st.integers(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.builds(Weights, inner, inner),
        st.builds(Pair, inner, inner),
        st.none(),
    ),
    max_leaves=8,
)


@given(trees)
def test_unflatten_undoes_flatten(tree: Any) -> None:
    leaves, structure = flatten(tree)
    assert structure.size == len(leaves) == len(paths(structure))
    assert unflatten(structure, leaves) == tree
    assert flatten_like(structure, tree) == leaves
    assert map_structure(lambda leaf: leaf + 1, tree) == unflatten(structure, [leaf + 1 for leaf in leaves])


def test_a_dict_follows_the_order_of_the_first() -> None:
    structure = flatten({"a": 0, "b": [0, 0]})[1]
    assert flatten_like(structure, {"b": (2, 3), "a": 1}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": 1}, r"x: expected dict of a, b, found dict of a"),
        (3, "x: expected dict of a, b, found a leaf"),
        ({"a": 1, "b": (1, 2, 3)}, r"x\['b'\]: expected tuple of 2, found tuple of 3"),
        ({"a": 1, "b": None}, r"x\['b'\]: expected tuple of 2, found None"),
    ],
)
def test_where_structures_differ_is_named(tree: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        flatten_like(flatten({"a": 0, "b": (0, 0)})[1], tree, "x")


def test_leaves_have_paths_and_nestings_have_words() -> None:
    _, structure = flatten({"layers": [Weights(0, 0), Pair(0, None)]})
    assert paths(structure, "p") == ["p['layers'][0]['w']", "p['layers'][0]['b']", "p['layers'][1][0]"]
    assert describe(structure) == "dict of layers"


def test_a_wrong_number_of_leaves_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected 2 leaves, found 3"):
        unflatten(flatten((0, 0))[1], [1, 2, 3])
