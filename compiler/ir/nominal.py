"""Expressions of dims at one example: what is compared where no call is at hand, to choose among programs.

In: an extent, or a value. Out: its number, or its bytes, where every dim is its greatest one, or 64 where it has none,
as far as its range allows.
"""

from __future__ import annotations

from functools import lru_cache

from lazygraph.compiler.ir.dims import Extent, Symbol, bounds, evaluate, product, symbols
from lazygraph.compiler.ir.graph import Value

USUAL = 64  # of a dim without a greatest value


@lru_cache(maxsize=65536)
def nominal(extent: Extent) -> int:
    """The value at the example."""
    return evaluate(extent, {symbol.name: example(symbol) for symbol in symbols(extent)})


def nominal_bytes(value: Value) -> int:
    """What a value's buffer holds there; 0 where an extent has no sense at the example, as n - 2 m may."""
    return max(nominal(product(value.shape) * value.dtype.itemsize), 0)


def example(symbol: Symbol) -> int:
    """The dim's value there."""
    high = None if symbol.upper is None else bounds(symbol.upper)[1]
    wanted = max(USUAL, bounds(symbol.lower)[0] or 0) if high is None else high
    step = symbol.multiple_of
    return wanted // step * step if high is not None else -(-wanted // step) * step
