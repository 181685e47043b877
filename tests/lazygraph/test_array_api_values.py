"""The Array API's functions give NumPy's values, shapes and dtypes: of every dtype, of 0-d tensors and of empty ones.

Elementwise functions have tests of their own. One graph per function holds all its cases.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

SHAPES: list[tuple[int, ...]] = [(), (1,), (0,), (5,), (2, 0), (0, 3), (2, 3), (2, 1, 3)]
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
          "float64", "complex64", "complex128"]  # fmt: skip
RNG = np.random.default_rng(5)


def draw(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    array = RNG.integers(0, 5, size=shape).astype(dtype)
    return array + (1j * RNG.integers(0, 3, size=shape)).astype(dtype) if dtype.startswith("complex") else array


Function = Callable[..., Any]  # (namespace, array) -> an array, or several


def over_axes(name: str, **options: Any) -> list[Function]:
    """A reduction over all axes, over the last and over the first, kept and not."""
    found: list[Function] = [lambda xp, x: getattr(xp, name)(x, **options)]
    for axis, keep in itertools.product((-1, 0), (False, True)):
        found.append(lambda xp, x, a=axis, k=keep: getattr(xp, name)(x, axis=need(x, 1, a), keepdims=k, **options))
    found.append(lambda xp, x: getattr(xp, name)(x, axis=need(x, 2, (0, -1)), **options))
    return found


class NotFor(Exception):
    """A case that this function does not take."""


def need(x: Any, rank: int, value: Any) -> Any:
    if x.ndim < rank:
        raise NotFor
    return value


def nonempty(x: Any, value: Any = None) -> Any:
    if 0 in x.shape:
        raise NotFor
    return x if value is None else value


REAL = [each for each in DTYPES if not each.startswith("complex")]
NUMBERS = [each for each in DTYPES if each != "bool"]
FLOATS = ["float16", "float32", "float64"]
ORDERED = [each for each in REAL if each != "bool"]

CASES: dict[str, tuple[list[str], list[Function]]] = {
    # creation
    "asarray": (DTYPES, [lambda xp, x: xp.asarray(x), lambda xp, x: xp.asarray(x, copy=True)]),
    "like": (DTYPES, [lambda xp, x: xp.zeros_like(x), lambda xp, x: xp.ones_like(x), lambda xp, x: xp.full_like(x, 1),
                      lambda xp, x: xp.ones_like(x, dtype=xp.int8)]),
    "triangles": (DTYPES, [lambda xp, x: xp.tril(need(x, 2, x), k=-1), lambda xp, x: xp.triu(need(x, 2, x), k=1)]),
    "meshgrid": (DTYPES, [lambda xp, x: xp.meshgrid(need(x, 1, x.reshape(-1)), x.reshape(-1)[:2])]),
    # shapes
    "broadcasts": (DTYPES, [lambda xp, x: xp.broadcast_to(x, (2, *x.shape)),
      lambda xp, x: xp.broadcast_arrays(x, xp.asarray([1, 2])[:, None, None, None])]),
    "concat": (DTYPES, [lambda xp, x: xp.concat([need(x, 1, x), x], axis=-1),
      lambda xp, x: xp.concat([x, x], axis=None)]),
    "stack": (DTYPES, [lambda xp, x: xp.stack([x, x], axis=-1), lambda xp, x: xp.stack([x])]),
    "unstack": (DTYPES, [lambda xp, x: xp.unstack(need(x, 1, x), axis=-1)]),
    "expand_dims": (DTYPES, [lambda xp, x: xp.expand_dims(x, 0), lambda xp, x: xp.expand_dims(x, -1)]),
    "squeeze": (DTYPES, [lambda xp, x: xp.squeeze(xp.expand_dims(x, 0), 0)]),
    "flip": (DTYPES, [lambda xp, x: xp.flip(x), lambda xp, x: xp.flip(x, axis=need(x, 1, -1))]),
    "roll": (DTYPES, [lambda xp, x: xp.roll(x, 2), lambda xp, x: xp.roll(x, -3, axis=need(x, 1, -1)),
                      lambda xp, x: xp.roll(x, (1, 2), axis=need(x, 2, (0, 1)))]),
    "repeat": (DTYPES, [lambda xp, x: xp.repeat(x, 3), lambda xp, x: xp.repeat(x, 2, axis=need(x, 1, 0))]),
    "tile": (DTYPES, [lambda xp, x: xp.tile(x, (2, 1)), lambda xp, x: xp.tile(x, ())]),
    "reshape": (DTYPES, [lambda xp, x: xp.reshape(x, (-1,)), lambda xp, x: xp.reshape(x, x.shape[::-1], copy=True)]),
    "permute": (DTYPES, [lambda xp, x: xp.permute_dims(x, tuple(reversed(range(x.ndim)))),
      lambda xp, x: xp.moveaxis(need(x, 2, x), 0, -1),
                         lambda xp, x: xp.matrix_transpose(need(x, 2, x))]),
    # searching, sorting, indexing
    "argmax": (REAL, [lambda xp, x: xp.argmax(nonempty(x)),
      lambda xp, x: xp.argmax(nonempty(need(x, 1, x)), axis=-1, keepdims=True)]),
    "argmin": (REAL, [lambda xp, x: xp.argmin(nonempty(x), keepdims=True),
      lambda xp, x: xp.argmin(nonempty(need(x, 1, x)), axis=0)]),
    "count_nonzero": (DTYPES, over_axes("count_nonzero")),
    "nonzero": (DTYPES, [lambda xp, x: xp.nonzero(need(x, 1, x))]),
    "where": (DTYPES, [lambda xp, x: xp.where(x != 0, x, 1), lambda xp, x: xp.where((x == 0)[None], x, x[None, None])]),
    "searchsorted": (ORDERED, [lambda xp, x: xp.searchsorted(xp.sort(need(x, 1, x).reshape(-1)), x, side="right")]),
    "sort": (REAL, [lambda xp, x: xp.sort(need(x, 1, x)), lambda xp, x: xp.sort(need(x, 1, x), axis=0)]),
    "argsort": (REAL, [lambda xp, x: xp.argsort(need(x, 1, x), stable=True)]),
    "take": (DTYPES, [lambda xp, x: xp.take(nonempty(need(x, 1, x)), xp.asarray([0, -1, 0]), axis=-1),
                      lambda xp, x: xp.take_along_axis(nonempty(need(x, 1, x)),
      xp.asarray([0]).reshape((1,) * x.ndim), axis=0)]),
    "unique": (DTYPES, [lambda xp, x: xp.unique_all(x), lambda xp, x: xp.unique_counts(x),
      lambda xp, x: xp.unique_inverse(x)]),
    # products
    "matmul": (NUMBERS, [lambda xp, x: xp.matmul(need(x, 2, x), xp.matrix_transpose(x)),
      lambda xp, x: xp.matmul(x, x) if x.ndim == 1 else need(x, 9, x)]),
    "vecdot": (NUMBERS, [lambda xp, x: xp.vecdot(need(x, 1, x), x),
      lambda xp, x: xp.vecdot(need(x, 2, x), x, axis=-2)]),
    "tensordot": (NUMBERS, [lambda xp, x: xp.tensordot(x, x, axes=x.ndim), lambda xp, x: xp.tensordot(x, x, axes=0)]),
    # statistics and utilities
    "all": (DTYPES, over_axes("all")), "any": (DTYPES, over_axes("any")),
    "sum": (DTYPES, [*over_axes("sum"), *over_axes("sum", dtype=np.complex64)]), "prod": (DTYPES, over_axes("prod")),
    "mean": (DTYPES, [lambda xp, x: xp.mean(nonempty(x)),
      lambda xp, x: xp.mean(nonempty(need(x, 1, x)), axis=-1, keepdims=True)]),
    "max": (REAL, [lambda xp, x: xp.max(nonempty(x)),
      lambda xp, x: xp.max(nonempty(need(x, 1, x)), axis=0, keepdims=True)]),
    "min": (REAL, [lambda xp, x: xp.min(nonempty(x), keepdims=True),
      lambda xp, x: xp.min(nonempty(need(x, 2, x)), axis=(0, 1))]),
    "var": (FLOATS, [lambda xp, x: xp.var(nonempty(x)),
      lambda xp, x: xp.std(nonempty(need(x, 1, x)), axis=-1, correction=0.5)]),
    "cumulative": (NUMBERS, [lambda xp, x: xp.cumulative_sum(need(x, 1, x), axis=-1),
      lambda xp, x: xp.cumulative_prod(need(x, 1, x), axis=0, include_initial=True),
                             lambda xp, x: xp.cumulative_sum(need(x, 1, x),
      axis=0, dtype=np.complex128, include_initial=True)]),
    "diff": (DTYPES, [lambda xp, x: xp.diff(need(x, 1, x)),
      lambda xp, x: xp.diff(nonempty(need(x, 1, x)), n=2, axis=0, prepend=x, append=x)]),
}  # fmt: skip


def flat(results: Any) -> list[Any]:
    return [part for each in results for part in flat(each)] if isinstance(results, list | tuple) else [results]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_shapes_and_dtypes_as_in_numpy(name: str) -> None:
    dtypes, functions = CASES[name]
    tensors, expected, cases = [], [], []
    for dtype, shape, (place, function) in itertools.product(dtypes, SHAPES, enumerate(functions)):
        array = draw(shape, dtype)
        try:
            wanted = flat(function(np, array))
        except NotFor:
            continue
        found = flat(function(lg, lg.constant(array)))
        assert len(found) == len(wanted)
        tensors += found
        expected += wanted
        cases += [f"case {place} of {name} for {dtype} {shape}"] * len(wanted)
    assert len(cases) > len(dtypes)
    for case, found, wanted in zip(cases, evaluate(tensors), expected):
        assert found.shape == np.shape(wanted), case
        assert found.dtype == np.asarray(wanted).dtype, case
        bound = {2: 2e-2, 4: 1e-5}.get(np.zeros(0, found.dtype).real.dtype.itemsize, 1e-12)
        np.testing.assert_allclose(found, wanted, rtol=bound, atol=bound, err_msg=case)
