"""Complex numbers as pairs of real scalars, with Python's operators: what the rules of complex ops are written in.

In: a body under construction that takes applications of elementwise records. Out: formulas that read as in a book;
each operator is one statement. A rule is a function from pairs (or reals) to a pair (or a real).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Union

from lazygraph.runtime.dtypes import DType, float32


class Body(Protocol):
    """What a rule asks of the body it writes to; an operand is whatever the body says it is."""

    def let(self, op: str, *args: Any, dtype: DType | None = None) -> Any: ...
    def literal(self, number: float, dtype: DType) -> Any: ...


@dataclass(frozen=True, slots=True)
class Real:
    """A real scalar (or a bool). A Python number beside it is a literal of its dtype."""

    body: Body
    operand: Any
    dtype: DType

    def literal(self, number: float) -> Real:
        return Real(self.body, self.body.literal(number, self.dtype), self.dtype)

    def apply(self, op: str, *others: Real | float) -> Real:
        """The elementwise record `op` of this and others."""
        operands = [self, *[each if isinstance(each, Real) else self.literal(each) for each in others]]
        operand = self.body.let(op, *[each.operand for each in operands])
        return Real(self.body, operand, operand.dtype)

    def cast(self, dtype: DType) -> Real:
        if dtype == self.dtype:
            return self
        return Real(self.body, self.body.let("cast", self.operand, dtype=dtype), dtype)

    def __add__(self, other: Real | float) -> Real:
        return self.apply("add", other)

    def __sub__(self, other: Real | float) -> Real:
        return self.apply("sub", other)

    def __mul__(self, other: Real | float) -> Real:
        return self.apply("mul", other)

    def __truediv__(self, other: Real | float) -> Real:
        return self.apply("div", other)

    def __rsub__(self, other: float) -> Real:
        return self.literal(other) - self

    def __rtruediv__(self, other: float) -> Real:
        return self.literal(other) / self

    def __neg__(self) -> Real:
        return self.apply("neg")

    def __abs__(self) -> Real:
        return self.apply("abs")

    def __lt__(self, other: Real | float) -> Real:
        return self.apply("lt", other)

    def __le__(self, other: Real | float) -> Real:
        return self.apply("le", other)

    def __gt__(self, other: Real | float) -> Real:
        return (other if isinstance(other, Real) else self.literal(other)).apply("lt", self)

    def equals(self, other: Real | float) -> Real:
        return self.apply("eq", other)

    def __and__(self, other: Real) -> Real:
        return self.apply("and", other)

    def __or__(self, other: Real) -> Real:
        return self.apply("or", other)

    def __invert__(self) -> Real:
        return self.apply("not")

    def signed_as(self, other: Real) -> Real:
        """|self| with the sign bit of the other."""
        return self.apply("copysign", other)

    def by_dtype(self, single: float, double: float) -> float:
        """A number that depends on the format: for float32, and for float64."""
        return single if self.dtype == float32 else double


class Pair(NamedTuple):
    """re + i im."""

    re: Real
    im: Real

    def times(self, factor: Real | float) -> Pair:
        return Pair(self.re * factor, self.im * factor)

    def turned(self) -> Pair:
        """i z."""
        return Pair(-self.im, self.re)

    def turned_back(self) -> Pair:
        """-i z."""
        return Pair(self.im, -self.re)

    def conjugate(self) -> Pair:
        return Pair(self.re, -self.im)


Scalar = Union[Real, Pair]
Rule = Callable[..., Scalar]


def choose(condition: Real, x: Real | float, y: Real | float) -> Real:
    """x where the condition holds, else y; one of them is a `Real`."""
    like = x if isinstance(x, Real) else y
    assert isinstance(like, Real)
    x, y = (each if isinstance(each, Real) else like.literal(each) for each in (x, y))
    return condition.apply("select", x, y)


def choose_pair(condition: Real, x: Pair, y: Pair) -> Pair:
    return Pair(choose(condition, x.re, y.re), choose(condition, x.im, y.im))


def is_infinite(x: Real) -> Real:
    return abs(x).equals(float("inf"))


def is_finite(x: Real) -> Real:
    return abs(x) < float("inf")


def greater(x: Real, y: Real) -> Real:
    """The greater of two numbers; NaN where one is NaN."""
    return x.apply("max", y)
