"""What is composed under NumPy's names has the derivatives that mathematics says, of both orders and in both modes.

All functions are one graph: its values and gradients at three points hold its derivatives against differences.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

RNG = np.random.default_rng(4)
C = RNG.normal(size=(4, 3))
KNOTS = np.array([-3.0, -1.0, 0.4, 2.0, 3.5])
MASK = np.array([[True, False, True], [True, True, True], [False, True, True], [True, True, False]])


def with_nan(x: lg.Tensor) -> lg.Tensor:
    return lg.where(MASK, x, lg.nan)


FUNCTIONS: dict[str, Callable[[lg.Tensor], Any]] = {
    **{f"pad {mode}": lambda x, mode=mode: lg.pad(x, ((2, 1), (1, 3)), mode)
       for mode in ("edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "minimum", "mean", "median")},
    "pad reflect odd": lambda x: lg.pad(x, 2, "reflect", reflect_type="odd"),
    "pad symmetric odd": lambda x: lg.pad(x, 2, "symmetric", reflect_type="odd"),
    "roll": lambda x: lg.roll(x, 2, 0), "rot90": lg.rot90, "resize": lambda x: lg.resize(x, (5, 4)),
    "insert": lambda x: lg.insert(x, [1, 3], x[:2], 0), "delete": lambda x: lg.delete(x, 1, 0),
    "block": lambda x: lg.block([[x, 2 * x], [C, x * x]]), "diag": lambda x: lg.diag(x[0], 1), "diagonal": lg.diagonal,
    "trace": lambda x: lg.trace(lg.matmul(x, x.T)), "vander": lambda x: lg.vander(x[:, 0], 4),
    "kron": lambda x: lg.kron(x, x),
    "cross": lambda x: lg.cross(x, C), "einsum": lambda x: lg.einsum("ij,kj,il->kl", x, x, x, optimize=True),
    "var": lambda x: lg.var(x, 0, correction=1), "std": lambda x: lg.std(x, 1), "ptp": lambda x: lg.ptp(x, 0),
    "average": lambda x: lg.average(x, 0, weights=lg.exp(x)), "cov": lambda x: lg.cov(x, aweights=[1.0, 2.0, 0.5]),
    "corrcoef": lg.corrcoef, "median": lambda x: lg.median(x, 0), "quantile": lambda x: lg.quantile(x, [0.2, 0.7]),
    "quantile hazen": lambda x: lg.quantile(x, 0.3, 0, method="hazen"), "sort": lambda x: lg.sort(x, 0) * C,
    "partition": lambda x: lg.partition(x, 1), "nansum": lambda x: lg.nansum(with_nan(x), 0),
    "nanprod": lambda x: lg.nanprod(with_nan(x), 0),
    "nanmean": lambda x: lg.nanmean(with_nan(x), 1), "nanvar": lambda x: lg.nanvar(with_nan(x), 0),
    "nanstd": lambda x: lg.nanstd(with_nan(x), 0),
    "nanmax": lambda x: lg.nanmax(with_nan(x), 0), "nanmedian": lambda x: lg.nanmedian(with_nan(x), 0),
    "nancumsum": lambda x: lg.nancumsum(with_nan(x), 0), "nancumprod": lambda x: lg.nancumprod(with_nan(x), 0),
    "gradient": lambda x: lg.gradient(x, edge_order=2),
    "gradient of coordinates": lambda x: lg.gradient(C, lg.cumsum(lg.exp(x[:, 0])), axis=0),
    "trapezoid": lambda x: lg.trapezoid(x, lg.cumsum(lg.exp(x), 1)),
    "interp": lambda x: lg.interp(x, KNOTS, x[:, 0].sum() + KNOTS**2),
    "interp of knots": lambda x: lg.interp(C, lg.cumsum(lg.exp(x.ravel())), x.ravel() ** 2),
    "unwrap": lambda x: lg.unwrap(3 * x) ** 2,
    "convolve": lambda x: lg.convolve(x[:, 0], x[1]), "correlate": lambda x: lg.correlate(x[:, 0], x[1], "same"),
    "polyval": lambda x: lg.polyval(x[:, 0], x[:, 1]), "polymul": lambda x: lg.polymul(x[0], x[1]),
    "polyint": lambda x: lg.polyint(x[0], 2),
    "polyder": lambda x: lg.polyder(x[:, 1], 2), "poly": lambda x: lg.poly(x[:, 2]), "ediff1d": lg.ediff1d,
    "select": lambda x: lg.select([x < 0, x < 1], [x**2, lg.sin(x)], x**3),
    "piecewise": lambda x: lg.piecewise(x, [x > 0], [lg.exp, lg.cos]),
    "choose": lambda x: lg.choose(MASK, [x, x * x]), "take_along_axis": lambda x: lg.take_along_axis(x, [[1], [0],
    [2], [1]], 1) ** 2,
    "linspace": lambda x: lg.linspace(x[0], x[1], 4), "logspace": lambda x: lg.logspace(x[0], x[1], 3, base=2.0),
    "geomspace": lambda x: lg.geomspace(lg.exp(x[0]), lg.exp(x[1]), 4),
    "apply_along_axis": lambda x: lg.apply_along_axis(lg.cumprod, 0, x),
    "written": lambda x: written(x),
    "backward": lambda x: x[::-2, ::-1] ** 2, "digitize": lambda x: x * lg.digitize(x, [0.0, 1.0]),
    "histogram of weights": lambda x: lg.histogram(C, 3, (-2.0, 2.0), weights=x**2)[0],
    "nan_to_num": lambda x: lg.nan_to_num(with_nan(x)),
    "cumulative_prod": lambda x: lg.cumulative_prod(x, axis=1, include_initial=True),
    "clip": lambda x: lg.clip(x, -0.5, 0.5) ** 2,
}  # fmt: skip


def written(x: lg.Tensor) -> lg.Tensor:
    y = x * 2
    lg.put_along_axis(y, [[1], [0], [2], [1]], x[:, :1] ** 2, 1)
    lg.fill_diagonal(y, lg.sin(x[0, 0]))
    y[::2, 1] *= x[1, 1]
    return y


def losses(x: lg.Tensor) -> list[lg.Tensor]:
    """A scalar of each function: its results, squared and weighted, so that second derivatives are not 0."""
    found = []
    for function in FUNCTIONS.values():
        results = function(x)
        total: Any = 0.0
        for each in results if isinstance(results, list | tuple) else [results]:
            weights = np.cos(np.arange(int(np.prod(each.shape))) + 1.0).reshape(each.shape)
            total = total + lg.sum(weights * lg.astype(each, lg.float64) + 0.3 * each * each)
        found.append(total)
    return found


def test_first_and_second_derivatives_in_both_modes_by_differences() -> None:
    x, v = lg.placeholder((4, 3), lg.float64, "x"), lg.placeholder((4, 3), lg.float64, "v")
    values = losses(x)
    gradients = [lg.grad(each, x) for each in values]
    outputs = [
        values, gradients, [lg.jvp(each, x, v) for each in values], [lg.jvp(each, x, v) for each in gradients],
        [lg.grad(lg.sum(each * v), x) for each in gradients],
    ]  # fmt: skip
    flat = [each for group in outputs for each in group]
    at, direction, h = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), 1e-6

    def evaluated(move: float) -> list[Any]:
        found = evaluate(flat, {x: at + move * direction, v: direction})
        return [found[place : place + len(values)] for place in range(0, len(flat), len(values))]

    here, after, before = (evaluated(move) for move in (0, h, -h))
    for place, name in enumerate(FUNCTIONS):
        slope = (after[0][place] - before[0][place]) / (2 * h)
        curvature = (after[1][place] - before[1][place]) / (2 * h)
        bound = 1e-6 * (1 + abs(curvature).max())
        np.testing.assert_allclose(np.sum(here[1][place] * direction), slope, rtol=1e-6, atol=1e-7, err_msg=name)
        np.testing.assert_allclose(here[2][place], slope, rtol=1e-6, atol=1e-7, err_msg=name)
        np.testing.assert_allclose(here[3][place], curvature, rtol=1e-5, atol=bound, err_msg=name)
        np.testing.assert_allclose(here[4][place], here[3][place], rtol=1e-9, atol=1e-9, err_msg=name)


# --- points without a single derivative, and edges -------------------------------------------------------------------

NAN = np.nan
SPECIAL: list[tuple[str, Callable[[lg.Tensor], Any], list[float], list[float]]] = [
    ("equal greatest elements share it", lg.max, [2, 3, 3, 1], [0, 0.5, 0.5, 0]),
    ("a median takes it to the elements of the stable sort", lg.median, [5, 5, 5, 1], [0.5, 0.5, 0, 0]),
    ("a median between two elements", lg.median, [1, 2, 3, 4], [0, 0.5, 0.5, 0]),
    ("the quantile 0 is the first least element", lambda x: lg.quantile(x, 0.0), [1, 1, 2, 3], [1, 0, 0, 0]),
    ("ties of a sort keep their order", lambda x: lg.sort(x)[1], [2, 2, 2, 1], [1, 0, 0, 0]),
    ("a product with one zero", lg.prod, [2, 0, 3, 1], [0, 6, 0, 0]),
    ("a product with two zeros", lg.prod, [2, 0, 0, 1], [0, 0, 0, 0]),
    ("a running product with a zero", lambda x: lg.cumprod(x)[-1], [2, 0, 3, 1], [0, 6, 0, 0]),
    ("a product without NaN", lg.nanprod, [2, NAN, 0, 3], [0, 0, 6, 0]),
    ("a mean without NaN", lg.nanmean, [2, NAN, 0, 3], [1 / 3, 0, 1 / 3, 1 / 3]),
    ("a variance without NaN", lg.nanvar, [1, NAN, NAN, 3], [-1, 0, 0, 1]),
    ("a maximum without NaN", lg.nanmax, [1, NAN, 3, 3], [0, 0, 0.5, 0.5]),
    ("a variance of equal elements", lg.var, [2, 2, 2, 2], [0, 0, 0, 0]),
    ("the standard deviation of equal elements has a kink", lg.std, [2, 2, 2, 2], [NAN] * 4),
    ("interpolation on a point has the slope after it", lambda x: lg.interp(x[0], [0.0, 1.0, 3.0], [0.0, 5.0, 7.0]),
     [1, 0, 0, 0], [1, 0, 0, 0]),
    ("interpolation outside is constant", lambda x: lg.interp(x[0], [0.0, 1.0], [0.0, 5.0]), [9, 0, 0, 0],
    [0, 0, 0, 0]),
    ("a border that is a maximum shares it", lambda x: lg.pad(x, 1, "maximum")[0], [2, 3, 3, 1], [0, 0.5, 0.5, 0]),
    ("a reflected border of a single element", lambda x: lg.sum(lg.pad(x[:1], 2, "reflect")), [2, 0, 0, 0],
    [5, 0, 0, 0]),
    ("chosen sides alone", lambda x: lg.sum(lg.select([x > 0], [lg.sqrt(x)], 0)), [4, 1, 16, 25],
     [0.25, 0.5, 0.125, 0.1]),
    ("weights of an average", lambda x: lg.average([1.0, 2.0, 4.0, 8.0], weights=x), [1, 1, 1, 1],
     [-0.6875, -0.4375, 0.0625, 1.0625]),
]  # fmt: skip


def test_derivatives_at_ties_edges_and_kinks() -> None:
    x = [lg.placeholder((4,), lg.float64) for _ in SPECIAL]
    step = lg.function(x, [lg.grad(function(each), each) for each, (_, function, _, _) in zip(x, SPECIAL)])
    for found, (name, _, _, expected) in zip(step(*[np.array(at, float) for _, _, at, _ in SPECIAL]), SPECIAL):
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=name)
