"""A dim may have any name, those that the compiler likes for its own loops too."""

from collections.abc import Callable

import numpy as np
import pytest

import lazygraph as lg

ONES = np.ones((3, 3), np.float32)
CASES: dict[str, Callable[[lg.Tensor], lg.Tensor]] = {
    "product": lambda piece: piece @ ONES,
    "product from the right": lambda piece: ONES @ piece,
    "row": lg.nn.softmax,
    "columns": lambda piece: lg.sum(piece, axis=0),
    "elements": lambda piece: piece + 1,
    "transposed": lambda piece: lg.transpose(piece) * 2,
    "sorted": lg.sort,
    "drawn": lambda piece: lg.take(piece, np.array([2, 0]), axis=0),
}


@pytest.mark.parametrize("name", ("i", "j", "k", "m", "n", "b", "r", "c"))
@pytest.mark.parametrize("case", CASES)
def test_a_dim_that_only_an_operand_of_a_view_has(case: str, name: str) -> None:
    """The piece has constant extents, but reading it takes the extents of the whole."""
    x = lg.placeholder((lg.dim("w", min=3), lg.dim(name, min=3)), lg.float32, "x")
    found = CASES[case](x[:3, :3])
    values = np.random.default_rng(0).random((7, 5)).astype(np.float32)
    piece = lg.placeholder((3, 3), lg.float32, "piece")
    expected = lg.function([piece], CASES[case](piece))(values[:3, :3])
    np.testing.assert_array_equal(lg.function([x], found)(values), expected)
