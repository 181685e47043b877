"""erf.

In: x. Out: erf(x): x times an even polynomial for |x| < 1, else 1 - e**R(|x|) with a polynomial R close to log(erfc).
Coefficients: Remez exchange minimising the relative error of erf (that of R weighted with erfc / erf, which leaves R
free where erfc no longer counts), each coefficient rounded in turn from the lowest and the rest fitted again.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.exponential import exp_bounded
from lazygraph.compiler.ops.vector_math.order import clamp_above
from lazygraph.compiler.ops.vector_math.parts import flip_sign, format_of, polynomial, sign_bits
from lazygraph.runtime.dtypes import float32, float64


@dataclass(frozen=True)
class ErrorFunction:
    near: tuple[float, ...]  # erf(x) = x + x (c[0] + c[1] x**2 + ...) for |x| <= 1
    far: tuple[float, ...]  # log(erfc(x)) = c[0] + c[1] x + ... for 1 <= x <= one
    one: float  # erf(x) rounds to 1 above


# relative errors: float32 near 2**-29.3, far 2**-29.1; float64 near 2**-56.0, far 2**-56.3
ERROR_FUNCTION = {
    float32: ErrorFunction(
        near=(
            0.12837916612625122,
            -0.3761262595653534,
            0.11283578723669052,
            -0.026853347197175026,
            0.005187162198126316,
            -0.0007997853099368513,
            7.806903158780187e-05,
        ),
        far=(
            -0.0001664536539465189,
            -1.127797245979309,
            -0.6369760036468506,
            -0.10411384701728821,
            0.022315364331007004,
            -0.0030655532609671354,
            0.00019822950707748532,
        ),
        one=4.0,
    ),
    float64: ErrorFunction(
        near=(
            0.12837916709551256,
            -0.37612638903183343,
            0.11283791670936955,
            -0.026866170641960584,
            0.005223977596754516,
            -0.0008548325486227838,
            0.00012055280543518791,
            -1.4924466737279288e-05,
            1.6444166495398448e-06,
            -1.6184130933354403e-07,
            1.3617378171561063e-08,
            -7.609212509987922e-10,
        ),
        far=(
            -4.3867442062888654e-07,
            -1.1283746898786504,
            -0.6366410197767429,
            -0.10271042605011799,
            0.019003099317549156,
            0.00039312401213748135,
            -0.0018979583779106164,
            0.0007563296626443834,
            -0.00012611844339870346,
            -2.466141076646065e-05,
            2.4527330709592622e-05,
            -9.185587348628748e-06,
            2.2577387053850596e-06,
            -3.950872139158493e-07,
            4.926887483826907e-08,
            -4.190735862519415e-09,
            2.1873216858737006e-10,
            -5.29508505380588e-12,
        ),
        one=6.0,
    ),
}


def erf(b: ScalarBuilder[S], x: S) -> S:
    form, table = format_of(b, x), ERROR_FUNCTION[b.dtype(x)]
    one = b.const(1.0, form.dtype)
    size = b.abs(x)
    bounded = clamp_above(b, size, table.one)
    near = b.fma(bounded, polynomial(b, b.mul(bounded, bounded), table.near), bounded)
    far = b.sub(one, exp_bounded(b, polynomial(b, bounded, table.far)))
    y = b.select(b.less(size, one), near, far)
    return flip_sign(b, y, sign_bits(b, x))
