"""Functions that are written once and run by two libraries: `f(m, *operands)`, where m is lazygraph or jax.

In: nothing. Out: `CASES`, each with float64 operands away from kinks and poles, so that value, gradient and second
derivative exist. m has the array functions at the top, the special functions in `m.special` and those of networks in
`m.nn`, as both libraries name them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Operands = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[..., Any]
    operands: Operands


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def real(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    """Numbers of both signs, none nearer to 0 than 0.1, no two nearer to each other than 0.01."""
    count = int(np.prod(shape, dtype=int))

    def draw(rng: np.random.Generator) -> np.ndarray:
        magnitudes = 0.1 + np.arange(count) * (1.8 / max(count, 1)) + rng.uniform(0, 0.005, count)
        return np.asarray(rng.permutation(magnitudes * rng.choice([-1, 1], count)).reshape(shape))

    return draw


def between(low: float, high: float, *shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: np.asarray(rng.uniform(low, high, shape))


def positive(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return between(0.2, 3, *shape)


def unit(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return between(-0.9, 0.9, *shape)


def increasing(count: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: np.cumsum(rng.uniform(0.2, 1, count))


CASES: list[Case] = []


def case(name: str, function: Callable[..., Any], *draws: Callable[[np.random.Generator], np.ndarray]) -> None:
    rng = _rng(name)
    CASES.append(Case(name, function, tuple([draw(rng) for draw in draws])))


# --- elementwise, of one operand --------------------------------------------------------------------------------------

_ANYWHERE = (
    "abs arctan asinh atan arcsinh cbrt cos cosh deg2rad degrees exp exp2 expm1 negative positive rad2deg radians "
    "reciprocal sign sin sinc sinh square tan tanh floor ceil round trunc rint nan_to_num"
)
for _name in _ANYWHERE.split():
    case(_name, lambda m, x, name=_name: getattr(m, name)(x), real(3, 5))
for _name in "log log10 log1p log2 sqrt".split():
    case(_name, lambda m, x, name=_name: getattr(m, name)(x), positive(3, 5))
for _name in "acos asin atanh".split():
    case(_name, lambda m, x, name=_name: getattr(m, name)(x), unit(3, 5))
case("acosh", lambda m, x: m.acosh(x), between(1.2, 4, 3, 5))
for _name in "erf erfc expit log_ndtr ndtr".split():
    case(f"special.{_name}", lambda m, x, name=_name: getattr(m.special, name)(x), real(3, 5))
case("special.erfinv", lambda m, x: m.special.erfinv(x), unit(3, 5))
for _name in "gammaln digamma entr".split():
    case(f"special.{_name}", lambda m, x, name=_name: getattr(m.special, name)(x), positive(3, 5))
for _name in "logit ndtri".split():
    case(f"special.{_name}", lambda m, x, name=_name: getattr(m.special, name)(x), between(0.1, 0.9, 3, 5))
case("special.polygamma of order 1", lambda m, x: m.special.polygamma(1, x), positive(7))
case("special.polygamma of order 3", lambda m, x: m.special.polygamma(3, x), positive(7))

# --- elementwise, of two operands -------------------------------------------------------------------------------------

for (
    _name
) in "add subtract multiply divide arctan2 hypot maximum minimum fmax fmin logaddexp logaddexp2 copysign".split():
    case(_name, lambda m, x, y, name=_name: getattr(m, name)(x, y), real(3, 5), real(3, 5))
for _name in "remainder fmod floor_divide".split():
    case(_name, lambda m, x, y, name=_name: getattr(m, name)(x, y), real(3, 5), between(0.3, 0.7, 5))
case("power", lambda m, x, y: m.power(x, y), positive(3, 5), real(5))
case("float_power", lambda m, x, y: m.float_power(x, y), positive(3, 5), real(5))
case("power of an integer", lambda m, x: x**3, real(3, 5))
case("heaviside", lambda m, x: m.heaviside(x, 0.5), real(3, 5))
case("ldexp", lambda m, x: m.ldexp(x, np.arange(5)), real(3, 5))
case("special.xlog1py", lambda m, x, y: m.special.xlog1py(x, y), real(3, 5), positive(3, 5))
case("special.rel_entr", lambda m, x, y: m.special.rel_entr(x, y), positive(3, 5), positive(3, 5))
case("special.kl_div", lambda m, x, y: m.special.kl_div(x, y), positive(3, 5), positive(3, 5))
case("special.betaln", lambda m, x, y: m.special.betaln(x, y), positive(3, 5), positive(3, 5))
case("where", lambda m, x, y: m.where(x > y, x * y, y - x), real(3, 5), real(3, 5))
case("clip", lambda m, x: m.clip(x, -0.55, 0.75), real(3, 5))
case("modf", lambda m, x: m.modf(3 * x)[0], real(7))

# --- reductions and running totals ------------------------------------------------------------------------------------

for _name in "sum prod mean var std max min ptp median cumsum cumprod average".split():
    case(_name, lambda m, x, name=_name: getattr(m, name)(x, axis=1), real(3, 5))
for _name in "sum prod mean var std max min median".split():
    case(f"{_name} of all", lambda m, x, name=_name: getattr(m, name)(x), real(3, 4))
case(
    "var with a correction",
    lambda m, x: m.var(x, axis=0, ddof=1) if m.__name__ == "jax" else m.var(x, axis=0, correction=1),
    real(5, 3),
)
case("sum, axes kept", lambda m, x: m.sum(x, axis=(0, 2), keepdims=True), real(2, 3, 4))
case("quantile", lambda m, x: m.quantile(x, np.array([0.1, 0.5, 0.77]), axis=0), real(7, 2))
case("percentile", lambda m, x: m.percentile(x, 30.0, axis=1), real(2, 7))
case("weighted average", lambda m, x, w: m.average(x, axis=0, weights=w), real(5, 3), positive(5))
case("prod with a zero", lambda m, x: m.prod(x * np.array([1.0, 0, 1, 2]), axis=1), real(3, 4))
case("cumprod with a zero", lambda m, x: m.cumprod(x * np.array([1.0, 0, 1, 2]), axis=1), real(3, 4))
case("cumulative_sum", lambda m, x: m.cumulative_sum(x, axis=0), real(4, 3))
case("diff", lambda m, x: m.diff(x, axis=1), real(3, 5))
case("diff twice", lambda m, x: m.diff(x, n=2), real(3, 5))
case("ediff1d", lambda m, x: m.ediff1d(x), real(5))
case("trapezoid", lambda m, y: m.trapezoid(y, dx=0.5), real(3, 5))
case("gradient", lambda m, y: m.gradient(y), real(6))
case("cov", lambda m, x: m.cov(x), real(3, 6))
case("corrcoef", lambda m, x: m.corrcoef(x), real(3, 6))
_HOLES = np.where(np.arange(15).reshape(3, 5) % 4 == 1, np.nan, 0.0)
for _name in "nansum nanprod nanmean nanvar nanstd nanmax nanmin nancumsum nancumprod nanmedian".split():
    case(_name, lambda m, x, name=_name: getattr(m, name)(x + _HOLES, axis=1), real(3, 5))

# --- products ---------------------------------------------------------------------------------------------------------

case("matmul", lambda m, x, y: m.matmul(x, y), real(3, 5), real(5, 2))
case("matmul of batches", lambda m, x, y: m.matmul(x, y), real(2, 3, 4), real(2, 4, 2))
case("matmul, broadcast", lambda m, x, y: x @ y, real(2, 3, 4), real(4, 2))
case("matrix by vector", lambda m, x, y: x @ y, real(3, 5), real(5))
case("dot", lambda m, x, y: m.dot(x, y), real(5), real(5))
case("vdot", lambda m, x, y: m.vdot(x, y), real(5), real(5))
case("vecdot", lambda m, x, y: m.vecdot(x, y), real(3, 5), real(3, 5))
case("inner", lambda m, x, y: m.inner(x, y), real(3, 5), real(2, 5))
case("outer", lambda m, x, y: m.outer(x, y), real(3), real(5))
case("kron", lambda m, x, y: m.kron(x, y), real(2, 3), real(2, 2))
case("cross", lambda m, x, y: m.cross(x, y), real(4, 3), real(4, 3))
case("tensordot", lambda m, x, y: m.tensordot(x, y, axes=((1, 2), (1, 0))), real(2, 3, 4), real(4, 3, 2))
case("trace", lambda m, x: m.trace(x), real(4, 4))
_EINSUM = {
    "ij,jk->ik": ((3, 4), (4, 2)), "bij,bkj->bik": ((2, 3, 4), (2, 5, 4)), "ij,ij->": ((3, 4), (3, 4)),
    "i,j,k->ijk": ((2,), (3,), (4,)), "ii->i": ((4, 4),), "ij->ji": ((3, 4),), "...i,i->...": ((2, 3, 4), (4,)),
    "ijk->j": ((2, 3, 4),), "ab,bc,cd->ad": ((2, 3), (3, 4), (4, 2)), "bhqd,bhkd->bhqk": ((2, 2, 3, 4), (2, 2, 5, 4)),
}  # fmt: skip
for _spec, _shapes in _EINSUM.items():
    case(f"einsum {_spec}", lambda m, *x, spec=_spec: m.einsum(spec, *x), *[real(*each) for each in _shapes])
case("convolve", lambda m, x, y: m.convolve(x, y), real(7), real(3))
case("convolve, same", lambda m, x, y: m.convolve(x, y, mode="same"), real(7), real(3))
case("correlate", lambda m, x, y: m.correlate(x, y, mode="full"), real(7), real(3))
case("polyval", lambda m, c, x: m.polyval(c, x), real(4), real(5))

# --- movement ---------------------------------------------------------------------------------------------------------
# Squared, so that the second derivative is not nothing.

_MOVES: dict[str, Callable[[Any, Any], Any]] = {
    "reshape": lambda m, x: m.reshape(x, (4, 6)),
    "ravel": lambda m, x: m.ravel(x),
    "transpose": lambda m, x: m.transpose(x, (2, 0, 1)),
    "permute_dims": lambda m, x: m.permute_dims(x, (1, 2, 0)),
    "matrix_transpose": lambda m, x: m.matrix_transpose(x),
    "moveaxis": lambda m, x: m.moveaxis(x, 0, 2),
    "swapaxes": lambda m, x: m.swapaxes(x, 0, 1),
    "expand_dims": lambda m, x: m.expand_dims(x, axis=1),
    "squeeze": lambda m, x: m.squeeze(x[:1], axis=0),
    "broadcast_to": lambda m, x: m.broadcast_to(x, (2, 2, 3, 4)),
    "concat": lambda m, x: m.concat([x, 2 * x], axis=1),
    "concatenate": lambda m, x: m.concatenate([x, x[:1]], axis=0),
    "stack": lambda m, x: m.stack([x, x * x], axis=1),
    "hstack": lambda m, x: m.hstack([x, x]),
    "vstack": lambda m, x: m.vstack([x, x]),
    "dstack": lambda m, x: m.dstack([x, x]),
    "column_stack": lambda m, x: m.column_stack([x[0, :, 0], x[1, :, 1]]),
    "split": lambda m, x: m.split(x, 2, axis=2)[1],
    "array_split": lambda m, x: m.array_split(x, 3, axis=2)[0],
    "unstack": lambda m, x: m.unstack(x, axis=1)[2],
    "tile": lambda m, x: m.tile(x, (2, 1, 2)),
    "repeat": lambda m, x: m.repeat(x, 3, axis=1),
    "roll": lambda m, x: m.roll(x, (1, -2), axis=(1, 2)),
    "flip": lambda m, x: m.flip(x, axis=(0, 2)),
    "fliplr": lambda m, x: m.fliplr(x),
    "flipud": lambda m, x: m.flipud(x),
    "rot90": lambda m, x: m.rot90(x),
    "tril": lambda m, x: m.tril(x, -1),
    "triu": lambda m, x: m.triu(x, 1),
    "diagonal": lambda m, x: m.diagonal(x, axis1=1, axis2=2),
    "diag of a vector": lambda m, x: m.diag(x[0, 0]),
    "diag of a matrix": lambda m, x: m.diag(x[0], 1),
    "diagflat": lambda m, x: m.diagflat(x[0, 0], 1),
    "take": lambda m, x: m.take(x, np.array([0, 2, 2]), axis=1),
    "take_along_axis": lambda m, x: m.take_along_axis(x, np.array([[[0, 2]], [[3, 3]]]), axis=2),
    "append": lambda m, x: m.append(x, x[:, :1], axis=1),
    "insert": lambda m, x: m.insert(x, 1, x[:, 0], axis=1),
    "delete": lambda m, x: m.delete(x, 1, axis=1),
    "meshgrid": lambda m, x: m.meshgrid(x[0, 0], x[1, 1])[0],
    "atleast_3d": lambda m, x: m.atleast_3d(x[0]),
    "sort": lambda m, x: m.sort(x, axis=1),
    "block": lambda m, x: m.block([[x[0], x[1]], [x[1], x[0]]]),
    "select": lambda m, x: m.select([x > 0.5, x < -0.5], [x * x, -x], 3 * x),
    "interp": lambda m, x: m.interp(np.array([0.3, 1.2, 2.7]), np.arange(4.0), x[0, 0]),
    "slice": lambda m, x: x[1:, ::2, 1:-1],
    "slice backwards": lambda m, x: x[:, ::-1, 3:0:-2],
    "index with None": lambda m, x: x[..., None, 2],
    "index with an array": lambda m, x: x[:, np.array([2, 0, 2])],
    "index with arrays": lambda m, x: x[np.array([0, 1]), :, np.array([3, 3])],
    "index with a mask": lambda m, x: x[0][np.arange(12).reshape(3, 4) % 5 == 0],
}
for _name, _move in _MOVES.items():
    case(_name, lambda m, x, move=_move: move(m, x) ** 2, real(2, 3, 4))
for _mode in "constant edge reflect symmetric wrap linear_ramp maximum minimum mean median".split():
    case(f"pad {_mode}", lambda m, x, mode=_mode: m.pad(x, ((1, 2), (2, 0)), mode=mode) ** 2, real(4, 5))

# --- networks ---------------------------------------------------------------------------------------------------------

_ACTIVATIONS = "relu relu6 elu celu selu silu softplus sigmoid log_sigmoid mish leaky_relu softmax log_softmax glu"
for _name in _ACTIVATIONS.split():
    case(f"nn.{_name}", lambda m, x, name=_name: getattr(m.nn, name)(x), real(3, 6))
case("nn.gelu by tanh", lambda m, x: m.nn.gelu(x), real(3, 6))
case("nn.softmax of an axis", lambda m, x: m.nn.softmax(5 * x, axis=0), real(3, 6))
case("nn.logsumexp", lambda m, x: m.nn.logsumexp(x, axis=1), real(3, 6))
case("log of softmax", lambda m, x: m.log(m.nn.softmax(x)), real(3, 6))
case("norm", lambda m, x: m.sqrt(m.sum(x * x, axis=1)), real(3, 5))
case("log of 1 + exp", lambda m, x: m.log(1 + m.exp(x)), real(3, 5))
