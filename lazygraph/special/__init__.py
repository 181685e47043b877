"""Special functions under SciPy's names: `lg.special.gammaln`, `lg.special.ndtri`, ...

In: tensors, arrays, numbers, which broadcast and promote. Out: tensors. Every function has derivatives of every order.
Half types are computed in float32, and narrow dtypes in float64 where a formula needs the digits. Left out, as no
formula here is accurate for them and all their derivatives: the incomplete gamma and beta functions, `zeta`, Bessel
functions, exponential and elliptic integrals, `erfcx`.
"""

from lazygraph.elementary import expm1, log1p
from lazygraph.floating import cbrt, exp2, sinc
from lazygraph.nn.normalized_exponentials import logsumexp
from lazygraph.special.entropy import entr, expit, kl_div, log_expit, logit, rel_entr, xlog1py
from lazygraph.special.factorials import beta, betaln, digamma, gamma, gammaln, multigammaln, polygamma, psi
from lazygraph.special.normal import erf, erfc, erfcinv, erfinv, log_ndtr, ndtr, ndtri

__all__ = [
    "beta",
    "betaln",
    "cbrt",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gamma",
    "gammaln",
    "kl_div",
    "log1p",
    "log_expit",
    "log_ndtr",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "rel_entr",
    "sinc",
    "xlog1py",
]
