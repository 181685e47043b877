"""Buffers that need not be: what is stored beside what is stored anyway."""

import numpy as np

import lazygraph as lg
from lazygraph.capture import capture
from lazygraph.compiler.loop.fuse import fuse
from lazygraph.compiler.loop.spare import spared


def stored(outputs: list[lg.Tensor], inputs: list[lg.Tensor]) -> tuple[list[str], list[str]]:
    """The names of the ops whose values have buffers, before and after, results left out."""
    graph = capture("test", inputs, outputs, {}).graph
    fusion = fuse(graph)
    names = [
        [each.node.op.name for each in found.stored if each not in graph.results] for found in (fusion, spared(fusion))
    ]
    return names[0], names[1]


def test_cheap_functions_of_a_stored_value_have_no_buffers() -> None:
    """x = a @ b is stored for x @ c, so that half of it, which the gradient of x * x / 2 reads, need not be."""
    a, b, c, d = (lg.placeholder((64, 64), lg.float32, name) for name in "abcd")
    x = a @ b
    half, exponential = x * 0.5, lg.exp(x)
    other = (c @ d) * half * exponential  # an epilogue elsewhere, before x is known to be stored
    before, after = stored([other + 1, x @ c], [a, b, c, d])
    assert sorted(before) == ["dot", "exp", "mul"]
    assert sorted(after) == ["dot", "exp"]  # too dear to compute twice
    arrays = [np.random.default_rng(at).normal(size=(64, 64)).astype(np.float32) / 8 for at in range(4)]
    found = lg.function([a, b, c, d], [other + 1, x @ c])(*arrays)
    product = arrays[0] @ arrays[1]
    expected = (arrays[2] @ arrays[3]) * product / 2 * np.exp(product) + 1
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-5)


def test_a_buffer_stays_where_its_readers_would_read_more_than_it() -> None:
    """One bool is read instead of two floats."""
    a, b, c, d = (lg.placeholder((64, 64), lg.float32, name) for name in "abcd")
    x, y = a @ b, c @ d
    mask = x < y
    later = lg.where(mask, lg.where(mask, 1.0, 0.0).astype(lg.float32) @ d, 0)
    before, after = stored([later, x @ c, y @ c], [a, b, c, d])
    assert "lt" in before and "lt" in after


def test_operands_of_products_stay() -> None:
    """A product reads its operands many times: 2 x is stored for it, though x is at hand."""
    a, b = (lg.placeholder((64, 64), lg.float32, name) for name in "ab")
    x = a @ b
    before, after = stored([(x * 2) @ a, x @ b], [a, b])
    assert sorted(before) == sorted(after) == ["dot", "mul"]


def test_a_view_that_is_stored_for_a_later_group_is_not_read_by_an_earlier_one() -> None:
    """Sums of repeated rows see through the repetition before it is known that a sort needs it in a buffer."""
    x = lg.placeholder((3,), lg.float64, "x")
    rows = lg.broadcast_to(lg.tanh(lg.sum(lg.broadcast_to(0.5 * x, (4, 3)), 0)), (4, 3))
    below = lg.tanh(lg.sum(rows, 0))
    total, ordered = lg.function([x], [lg.sum(below * lg.cos(below)), lg.sort(rows, axis=0)])([1, 2, 3])
    row = np.tanh([2, 4, 6])
    expected = np.tanh(4 * row)
    np.testing.assert_allclose(total, np.sum(expected * np.cos(expected)), rtol=1e-12)
    np.testing.assert_allclose(ordered, np.tile(row, (4, 1)), rtol=1e-12)
