"""Extents: the canonical form keeps values, proofs are never wrong, text parses back.

In: random expressions over three dims with ranges. Out: the expression and the values of its dims at which it is wrong.
"""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent, symbol
from lazygraph.compiler.ir.parse_extent import parse_extent

N, M, K = symbol("n", 0, 9), symbol("m", 1, 8), symbol("k", 0, None, 2)
NAMES = {"n": N, "m": M, "k": K}
EVEN = st.integers(0, 6).map(lambda half: 2 * half)
VALUES = st.fixed_dictionaries({"n": st.integers(0, 9), "m": st.integers(1, 8), "k": EVEN})

Meaning = Callable[[Mapping[str, int]], int]
Pair = tuple[Extent, Meaning]  # an expression, and what it means in Python's own arithmetic


def leaf(each: Dim | int) -> Pair:
    return each, (lambda values: each if isinstance(each, int) else values[str(each)])


def pair_of(
    extents: Callable[[Extent, Extent], Extent], ints: Callable[[int, int], int]
) -> Callable[[Pair, Pair], Pair]:
    return lambda a, b: (extents(a[0], b[0]), lambda values: ints(a[1](values), b[1](values)))


OPERATIONS = [
    pair_of(dims.add, lambda a, b: a + b),
    pair_of(lambda a, b: a - b, lambda a, b: a - b),
    pair_of(dims.multiply, lambda a, b: a * b),
    pair_of(dims.minimum, min),
    pair_of(dims.maximum, max),
]
DIVISIONS = [
    pair_of(dims.floordiv, lambda a, b: a // b),
    pair_of(dims.mod, lambda a, b: a % b),
    pair_of(dims.ceildiv, lambda a, b: -(-a // b)),
]
LEAVES = st.one_of(st.integers(-3, 6), st.sampled_from([N, M, K])).map(leaf)
DIVISORS = st.integers(1, 5).map(leaf)


def deeper(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    combined = st.tuples(st.sampled_from(OPERATIONS), inner, inner)
    divided = st.tuples(st.sampled_from(DIVISIONS), inner, DIVISORS)
    return st.one_of(combined, divided).map(lambda parts: parts[0](parts[1], parts[2]))


EXPRESSIONS = st.recursive(LEAVES, deeper, max_leaves=8)


@given(EXPRESSIONS, VALUES)
def test_the_canonical_form_keeps_the_value(pair: Pair, values: Mapping[str, int]) -> None:
    extent, meaning = pair
    assert dims.evaluate(extent, values) == meaning(values)


@given(EXPRESSIONS, VALUES)
def test_what_is_proven_holds(pair: Pair, values: Mapping[str, int]) -> None:
    extent, meaning = pair
    value = meaning(values)
    low, high = dims.bounds(extent)
    assert (low is None or low <= value) and (high is None or value <= high)
    assert value >= 0 or not dims.prove_nonnegative(extent)
    assert value % 3 == 0 or not dims.divides(3, extent)
    assert dims.compare_equal(extent, value) is not False


@given(EXPRESSIONS)
def test_the_text_of_an_extent_parses_back_to_it(pair: Pair) -> None:
    assert parse_extent(str(pair[0]), NAMES) == pair[0]


@pytest.mark.parametrize(
    "extent, proven",
    [
        (N - dims.minimum(N, 5), True),  # x[:5] is in range
        (dims.minimum(N, 5) - N, False),
        (K - dims.maximum(2 * dims.ceildiv(K, 2) - 1, 0), True),  # the transpose of x[::2] pads by >= 0
        (K - 1 - dims.maximum(3 * dims.ceildiv(K - 2, 3) - 2, 0), False),
    ],
)
def test_ranges_of_slices_are_proven(extent: Extent, proven: bool) -> None:
    assert dims.prove_nonnegative(extent) == proven


def test_a_declared_multiple_divides_without_remainder() -> None:
    n, m = symbol("n", multiple_of=4), symbol("m")
    assert 2 * (n // 2) == n and n // 2 + n // 2 == n and m * (n // 4) * 8 == 2 * m * n
    assert 2 * (n // 4) == n // 2 and 6 * (n // 4) == 3 * (n // 2)  # the least divisor
    assert (n + m) // 2 == n // 2 + m // 2 and (n + m) % 2 == m % 2 and (3 * n) // 2 == 3 * (n // 2)
    assert (n // 2) % 2 == 0 and ((n // 2) // 2) * 4 == n and dims.divides(2, dims.maximum(n, 6 * m))
    assert 3 * (n // 3) != n and 2 * (m // 2) != m


def test_a_quotient_is_within_what_it_divides() -> None:
    n, m = symbol("n"), symbol("m")
    assert dims.prove_nonnegative(n - n // 2) and dims.prove_nonnegative(m * n - m * (n // 3))
    assert dims.prove_nonnegative(n - n // 2 - n // 3) and not dims.prove_nonnegative(n - n // 2 - n // 2 - 1)
    assert not dims.prove_nonnegative(n - n // 2 - m)


def test_a_whole_number_above_minus_one_is_not_negative() -> None:
    """d x >= -(d - 1) is enough: the half of n >= 1, rounded down, is less than n, of n >= 0 it is not."""
    n, m = dims.symbol("n", lower=1), dims.symbol("m")
    assert dims.prove_nonnegative(n - n // 2 - 1) and dims.prove_nonnegative(2 * n - n // 3 - 2)
    assert not dims.prove_nonnegative(m - m // 2 - 1) and not dims.prove_nonnegative(n - n // 2 - 2)


def test_a_proof_over_many_compounds_ends() -> None:
    """Each compound may be bounded in several ways, and the ways multiply: what takes too long is not proven."""
    total: Extent = 0
    for number in range(7):
        left, right = symbol(f"a{number}", -1), symbol(f"b{number}", -1)
        total = total + dims.maximum(left, right) - dims.minimum(left + 1, 3 * right)
    assert not dims.prove_nonnegative(total - 1)


def test_an_index_that_was_split_is_linearised_again() -> None:
    """Pixels (p // 28 % 28, p % 28) of images p // 784, row-major: the position in an image is p % 784."""
    p, planes = dims.symbol("p"), 32
    image, row, column = dims.floordiv(p, 784), dims.mod(dims.floordiv(p, 28), 28), dims.mod(p, 28)
    assert row * 28 + column == dims.mod(p, 784)
    assert column + (image * planes + 3) * 784 + row * 28 == image * planes * 784 + dims.mod(p, 784) + 3 * 784
    assert image * 784 + row * 28 + column == p
    assert dims.mod(dims.floordiv(p, 28), N) * 28 + column == dims.mod(p, 28 * N)
    assert row * 29 + column != dims.mod(p, 784)


@given(VALUES, st.integers(1, 5), st.integers(1, 5), st.integers(-3, 3))
def test_linearised_parts_keep_their_value(values: Mapping[str, int], b: int, c: int, factor: int) -> None:
    parts = (dims.mod(dims.floordiv(N * M + K, b), c) * b + dims.mod(N * M + K, b)) * factor
    y = values["n"] * values["m"] + values["k"]
    assert dims.evaluate(parts, values) == ((y // b % c) * b + y % b) * factor
