"""Einstein's summation convention over any number of operands.

In: subscripts such as "bij,bjk->bik", and the operands. Out: the sum of products over the letters that the result
lacks. Operands are taken in pairs, each by one general dot: from left to right, so that the order written decides the
work, or in an order that is searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.contraction import contract
from lazygraph.dims import same
from lazygraph.frames import composite
from lazygraph.manipulation import permuted
from lazygraph.promotion import broadcast_shapes, broadcast_value, same_dtype, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["einsum", "einsum_path"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@composite
def einsum(subscripts: str, *operands: TensorLike, optimize: Any = False) -> Tensor:
    """Sums of products by Einstein's convention: letters name axes, those that "->" leaves out are summed over.

    Without "->" the result has the letters that occur once, in alphabetical order. "..." stands for axes that
    broadcast. Raises ShapeError where a letter's extents differ or the subscripts do not fit the operands.

    Pairs of operands are taken from left to right, or with `optimize` as `einsum_path` says: True or "greedy",
    "optimal", or a path that it gave. The order decides how much there is to compute, and the last bits.

    >>> import lazygraph as lg
    >>> lg.einsum("ij,jk->ki", [[1, 2]], [[3], [4]]).eval()
    array([[11]])
    >>> lg.einsum("ii", [[1, 2], [3, 4]]).eval()
    array(5)
    """
    values = same_dtype(*operands)
    inputs, output = _read(subscripts, [each.type.rank for each in values])
    named = [_diagonal(value, letters) for value, letters in zip(values, inputs)]
    for group in _order(named, output, optimize):
        taken = [named[place] for place in group]
        named = [each for place, each in enumerate(named) if place not in group]
        value, letters = taken[0]
        for position, (other, others) in enumerate(taken[1:], 1):
            wanted = {*output, *[letter for _, rest in [*taken[position + 1 :], *named] for letter in rest]}
            value, letters = _pair(value, letters, other, others, wanted)
        named.append((value, letters))
    ((value, letters),) = named
    gone = tuple([axis for axis, letter in enumerate(letters) if letter not in output])
    if gone:
        value = _summed(value, gone)
        letters = "".join(letter for letter in letters if letter in output)
    return Tensor(permuted(value, [letters.index(letter) for letter in output]))


@composite
def einsum_path(subscripts: str, *operands: TensorLike, optimize: Any = "greedy") -> tuple[list[Any], str]:
    """The order in which to contract pairs of operands, as NumPy's search finds it, and what it costs, in words.

    A symbolic extent counts as 64.

    >>> import lazygraph as lg
    >>> lg.einsum_path("ij,jk,k->i", lg.zeros((9, 9)), lg.zeros((9, 9)), lg.zeros(9))[0]
    ['einsum_path', (1, 2), (0, 1)]
    """
    values = [value_of(each) for each in operands]
    inputs, output = _read(subscripts, [each.type.rank for each in values])
    return _searched([(value, letters) for value, letters in zip(values, inputs)], output, optimize)


_GUESS = 64  # what a symbolic extent counts as, where orders are compared


def _searched(named: Sequence[tuple[Value, str]], output: str, optimize: Any) -> tuple[list[Any], str]:
    """NumPy's search over arrays of these shapes, which hold one number each."""
    sizes: dict[str, int] = {}
    for value, letters in named:
        for letter, extent in zip(letters, value.shape):
            known = extent if isinstance(extent, int) else _GUESS
            if sizes.get(letter, 1) in (1, _GUESS):
                sizes[letter] = known
    shapes = [tuple([sizes[letter] for letter in letters]) for _, letters in named]
    arrays = [np.broadcast_to(np.float64(0), shape) for shape in shapes]
    path, report = np.einsum_path(f"{','.join(letters for _, letters in named)}->{output}", *arrays, optimize=optimize)
    return list(path), str(report)


def _order(named: Sequence[tuple[Value, str]], output: str, optimize: Any) -> list[tuple[int, ...]]:
    """Groups of places among the operands, of which each is taken away and its product put behind the others."""
    if len(named) < 2:
        return []
    if optimize is False:
        count = len(named)
        return [(0, 1), *[(left - 1, 0) for left in range(count - 1, 1, -1)]]
    if isinstance(optimize, list | tuple) and optimize and optimize[0] == "einsum_path":
        return [tuple(each) for each in optimize[1:]]
    return [tuple(each) for each in _searched(named, output, optimize)[0][1:]]


def _read(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with letters of their own for the axes of an ellipsis."""
    text = subscripts.replace(" ", "")
    given, arrow, result = text.partition("->")
    terms = given.split(",")
    if len(terms) != len(ranks):
        raise ShapeError(f"{subscripts!r} names {len(terms)} operands, found {len(ranks)}")
    free = [letter for letter in LETTERS if letter not in text]
    widest = max((rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks) if "..." in term), default=0)
    shared = "".join(free[:widest])
    inputs = []
    for term, rank in zip(terms, ranks):
        width = rank - len(term.replace("...", ""))
        letters = term.replace("...", shared[len(shared) - width :] if width else "")
        if not set(letters) <= set(LETTERS) or len(letters) != rank:
            raise ShapeError(f"{term!r} in {subscripts!r} does not name the {rank} axes of its operand")
        inputs.append(letters)
    everything = "".join(inputs)
    if arrow:
        output = result.replace("...", shared)
    else:
        output = shared + "".join(sorted(each for each in set(everything) - set(shared) if everything.count(each) == 1))
    if len(set(output)) != len(output) or not set(output) <= set(everything):
        raise ShapeError(f"the result {result!r} of {subscripts!r} names distinct letters of the operands")
    return inputs, output


def _diagonal(value: Value, letters: str) -> tuple[Value, str]:
    """An operand whose repeated letters are one axis each: x[.., i, .., i] for all i."""
    for letter in letters:
        places = [axis for axis, each in enumerate(letters) if each == letter]
        if len(places) > 1:
            extent = value.shape[places[0]]
            if not all(same(extent, value.shape[place]) for place in places):
                raise ShapeError(f"the extents of {letter!r} differ")
            along = lg.arange(extent)
            index = tuple([along if axis in places else slice(None) for axis in range(len(letters))])
            rest = [each for each in letters if each != letter]
            side_by_side = places == list(range(places[0], places[-1] + 1))
            rest.insert(places[0] if side_by_side else 0, letter)
            return _diagonal(lg.getitem(Tensor(value), index).value, "".join(rest))
    return value, letters


def _pair(left: Value, mine: str, right: Value, others: str, wanted: set[str]) -> tuple[Value, str]:
    """The product of two operands, summed over the letters that both have and nothing later wants."""
    left, right = _alone(left, mine, {*others, *wanted}), _alone(right, others, {*mine, *wanted})
    mine = "".join(letter for letter in mine if letter in wanted or letter in others)
    others = "".join(letter for letter in others if letter in wanted or letter in mine)
    batch = [letter for letter in mine if letter in others and letter in wanted]
    summed = [letter for letter in mine if letter in others and letter not in wanted]
    left, right = _agree(left, mine, right, others, [*batch, *summed])
    left = permuted(left, [*map(mine.index, batch), *[at for at, letter in enumerate(mine) if letter not in batch]])
    right = permuted(
        right, [*map(others.index, batch), *[at for at, letter in enumerate(others) if letter not in batch]]
    )
    mine = "".join([*batch, *[letter for letter in mine if letter not in batch]])
    others = "".join([*batch, *[letter for letter in others if letter not in batch]])
    contracted = tuple(map(mine.index, summed)), tuple(map(others.index, summed))
    product = contract(left, right, contracted, tuple(range(len(batch))))
    free = [letter for letter in mine + others[len(batch) :] if letter not in summed]
    return product, "".join(free)


def _alone(value: Value, letters: str, kept: set[str]) -> Value:
    """Summed over the letters that occur nowhere else."""
    gone = tuple([axis for axis, letter in enumerate(letters) if letter not in kept])
    return _summed(value, gone) if gone else value


def _summed(value: Value, axes: tuple[int, ...]) -> Value:
    """The sum over the axes; of bools, whether one holds."""
    return emit("reduce_or" if value.dtype.kind == "bool" else "reduce_sum", value, axes=axes)


def _agree(left: Value, mine: str, right: Value, others: str, shared: Sequence[str]) -> tuple[Value, Value]:
    """Both operands with equal extents on the shared letters: an extent of 1 broadcasts, as in NumPy."""
    shapes = list(left.shape), list(right.shape)
    for letter in shared:
        i, j = mine.index(letter), others.index(letter)
        try:
            (extent,) = broadcast_shapes((left.shape[i],), (right.shape[j],))
        except ShapeError:
            raise ShapeError(f"the extents of {letter!r} differ: {left.shape[i]} and {right.shape[j]}") from None
        shapes[0][i] = shapes[1][j] = extent
    return broadcast_value(left, tuple(shapes[0])), broadcast_value(right, tuple(shapes[1]))
