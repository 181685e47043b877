"""log and log1p.

In: x. Out: log(x), log(1 + x). Both write the argument as 2**k (1 + f) with 1 + f in [2/3, 4/3), so that k ln 2 and
log(1 + f) never cancel. Coefficients: Remez exchange minimising the relative error of log(1 + f), each coefficient
rounded in turn from the lowest and the rest fitted again.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.parts import Format, format_of, polynomial
from lazygraph.runtime.dtypes import float32

# float32: log(1 + f) = f + f**2 (c[0] + c[1] f + ...), relative error 2**-27.2
SERIES_32 = (
    -0.5,
    0.3333319425582886,
    -0.24999919533729553,
    0.20011653006076813,
    -0.16674362123012543,
    0.1398487240076065,
    -0.12271075695753098,
    0.14091551303863525,
    -0.1251915991306305,
)
# float64: atanh(s) = s + s**3 (c[0] + c[1] s**2 + ...) for |s| <= 1/5, relative error 2**-62.6
SERIES_64 = (
    0.333333333333333,
    0.2000000000002832,
    0.14285714277920808,
    0.11111112147327268,
    0.09090832998167485,
    0.07695553873021552,
    0.06586836482039053,
    0.06921263153366372,
)
LN2 = 0.6931471805599453
LN2_HIGH = 0.6931471805598903  # 42 bits: k * LN2_HIGH is exact
LN2_LOW = 5.497923018708371e-14


def log(b: ScalarBuilder[S], x: S) -> S:
    return at_ends(b, x, assemble(b, *split_positive(b, x)), pole=0.0)


def log1p(b: ScalarBuilder[S], x: S) -> S:
    """log(1 + x): f = 2**-k (1 + x) - 1 is computed from x, not from the rounded 1 + x.

    With x / 4 and 4 * 2**-k the scale stays a normal number for the greatest k. For k = 0, f is x itself.
    """
    return at_ends(b, x, _log1p(b, x, None), pole=-1.0)


def log1p_pair(b: ScalarBuilder[S], high: S, low: S) -> S:
    """log(1 + high + low) for |low| <= ulp(high) and -1 < high < inf: log(1 + high) + low / (1 + high)."""
    return _log1p(b, high, b.div(low, b.add(high, b.const(1.0, b.dtype(high)))))


def _log1p(b: ScalarBuilder[S], x: S, low: S | None) -> S:
    """log(1 + x) + low inside of the domain."""
    form = format_of(b, x)
    dtype = form.dtype
    exponent, k, _ = split(b, b.add(x, b.const(1.0, dtype)))
    scale = b.bitcast(b.sub(b.bits((form.bias + 2) << form.mantissa, form.signed), exponent), dtype)  # 4 * 2**-k
    quarter = b.const(0.25, dtype)
    f = b.fma(b.mul(x, quarter), scale, b.fma(scale, quarter, b.const(-1.0, dtype)))
    f = b.select(b.equal(k, b.const(0.0, dtype)), x, f)
    y = assemble(b, k, f, low)
    return b.select(b.less(b.abs(x), b.const(2.0 ** -(form.mantissa + 2), dtype)), x, y)


def split_positive(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    """(k, f) of a positive finite x, denormal or not."""
    form = format_of(b, x)
    denormal = b.less(x, b.const(form.tiny, form.dtype))
    digits = form.mantissa + 1
    _, k, f = split(b, b.select(denormal, b.mul(x, b.const(2.0**digits, form.dtype)), x))
    return b.sub(k, b.select(denormal, b.const(digits, form.dtype), b.const(0.0, form.dtype))), f


def split(b: ScalarBuilder[S], x: S) -> tuple[S, S, S]:
    """(k << mantissa, k as a float, f) of a positive normal x = 2**k (1 + f), 1 + f in [2/3, 4/3)."""
    form = format_of(b, x)
    two_thirds = _two_thirds(form)
    bits = b.bitcast(x, form.signed)
    exponent = b.and_(
        b.sub(bits, b.bits(two_thirds, form.signed)),
        b.bits((1 << form.dtype.bits) - (1 << form.mantissa), form.signed),
    )
    f = b.sub(b.bitcast(b.sub(bits, exponent), form.dtype), b.const(1.0, form.dtype))
    k = b.convert(b.shift_right(exponent, b.const(form.mantissa, form.signed)), form.dtype)
    return exponent, k, f


def _two_thirds(form: Format) -> int:
    """The bits of 2/3, rounded up: exponent bias - 1, mantissa 1/3."""
    return ((form.bias - 1) << form.mantissa) + (1 << form.mantissa) // 3 + 1


def assemble(b: ScalarBuilder[S], k: S, f: S, extra: S | None = None) -> S:
    """k ln 2 + log(1 + f), and in float64 plus `extra`, which is small beside it."""
    dtype = b.dtype(f)
    square = b.mul(f, f)
    if dtype == float32:
        return b.fma(k, b.const(LN2, dtype), b.fma(square, polynomial(b, f, SERIES_32), f))
    # log(1 + f) = 2 atanh(s), s = f / (2 + f), is f - (f**2 / 2 - s (f**2 / 2 + R)), R = 2 s**2 (c[0] + ...): fdlibm
    s = b.div(f, b.add(f, b.const(2.0, dtype)))
    z = b.mul(s, s)
    rest = b.mul(b.add(z, z), polynomial(b, z, SERIES_64))
    half_square = b.mul(square, b.const(0.5, dtype))
    scaled = b.mul(k, b.const(LN2_LOW, dtype))
    low = b.fma(s, b.add(half_square, rest), scaled if extra is None else b.add(scaled, extra))
    return b.fma(k, b.const(LN2_HIGH, dtype), b.sub(f, b.sub(half_square, low)))


def at_ends(b: ScalarBuilder[S], x: S, y: S, pole: float) -> S:
    """y where pole < x < inf; -inf at the pole, NaN below it, and x itself where it is inf or NaN."""
    form = format_of(b, x)
    dtype = form.dtype
    y = b.select(b.less(x, b.const(float("inf"), dtype)), y, x)
    y = b.select(b.equal(x, b.const(pole, dtype)), b.const(float("-inf"), dtype), y)
    return b.select(b.less(x, b.const(pole, dtype)), b.bits(form.nan, dtype), y)
