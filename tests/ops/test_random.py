"""Random bits: Threefry-2x32-20 against its authors' known answers, and what the op promises about positions and keys.

In: keys and counters of the Random123 distribution's known-answer file. Out: the words.
"""

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ops.random import threefry_numpy
from lazygraph.compiler.ops.record import OPS
from tests.ops.harness import applied, evaluate

ONES = 0xFFFFFFFF
KNOWN = [  # counter, key, words
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def bits(key: list[int], shape: tuple[int, ...]) -> np.ndarray:
    case = applied(OPS["random_bits"], [np.array(key, np.uint32)], {"shape": shape})
    return evaluate([case.node.output], case.parameters, case.arrays)[0]


@pytest.mark.parametrize("counter, key, words", KNOWN)
def test_threefry_gives_the_published_words(
    counter: tuple[int, int], key: tuple[int, int], words: tuple[int, int]
) -> None:
    found = threefry_numpy(
        tuple(np.array([each], np.uint32) for each in key), tuple(np.array([each], np.uint32) for each in counter)
    )
    assert tuple(int(each[0]) for each in found) == words


def test_an_element_depends_on_the_key_and_its_position_only() -> None:
    assert bits([0, 0], ())[()] == 0x6B200159
    flat = bits([1, 2], (35,))
    np.testing.assert_array_equal(bits([1, 2], (5, 7)).ravel(), flat)
    np.testing.assert_array_equal(bits([1, 2], (12,)), flat[:12])


def test_keys_draw_apart_and_uniformly() -> None:
    one, other = bits([1, 2], (4096,)), bits([2, 1], (4096,))
    assert np.count_nonzero(one == other) <= 1
    ones = np.unpackbits(one.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(32 * 4096)
