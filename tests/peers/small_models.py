"""Small models that are written once and run by two libraries: `loss(m, x, *parameters)`, m as in `functions.py`.

In: nothing. Out: `MODELS`, each with data, labels and parameters in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.peers.functions import Case

MODELS: list[Case] = []


def model(name: str, *shapes: tuple[int, ...]) -> Callable[[Callable[..., Any]], None]:
    """Enter a loss over parameters of these shapes, drawn by the name."""

    def enter(loss: Callable[..., Any]) -> None:
        rng = np.random.default_rng(list(name.encode()))
        MODELS.append(Case(name, loss, tuple([np.asarray(0.5 * rng.standard_normal(shape)) for shape in shapes])))

    return enter


_RNG = np.random.default_rng(7)
X = _RNG.standard_normal((6, 5))
TARGETS = _RNG.standard_normal(6)
SIGNS = np.where(_RNG.random(6) < 0.5, -1.0, 1.0)
LABELS = _RNG.integers(0, 3, 6)
CHOSEN = np.eye(3)[LABELS]
COUNTS = _RNG.poisson(2.0, 6).astype(np.float64)
TOKENS = _RNG.integers(0, 7, (2, 4))
IMAGES = _RNG.standard_normal((2, 1, 6, 6))
SERIES = _RNG.standard_normal((3, 4, 2))  # (time, batch, feature)


def _mean_cross_entropy(m: Any, logits: Any, chosen: np.ndarray) -> Any:
    return -m.mean(m.sum(chosen * m.nn.log_softmax(logits), axis=-1))


@model("least squares", (5,), ())
def _(m: Any, w: Any, b: Any) -> Any:
    return m.mean((X @ w + b - TARGETS) ** 2)


@model("ridge regression", (5,), ())
def _(m: Any, w: Any, b: Any) -> Any:
    return m.sum((X @ w + b - TARGETS) ** 2) + 0.1 * m.sum(w * w)


@model("Huber regression", (5,), ())
def _(m: Any, w: Any, b: Any) -> Any:
    r = X @ w + b - TARGETS
    return m.mean(m.where(m.abs(r) < 0.7, 0.5 * r * r, 0.7 * (m.abs(r) - 0.35)))


@model("logistic regression", (5,), ())
def _(m: Any, w: Any, b: Any) -> Any:
    return m.mean(m.log1p(m.exp(-SIGNS * (X @ w + b))))


@model("softmax regression", (5, 3), (3,))
def _(m: Any, w: Any, b: Any) -> Any:
    return _mean_cross_entropy(m, X @ w + b, CHOSEN)


@model("Poisson regression", (5,), ())
def _(m: Any, w: Any, b: Any) -> Any:
    rate = X @ w + b
    return m.mean(m.exp(rate) - COUNTS * rate)


@model("squared hinge", (5,), ())
def _(m: Any, w: Any, b: Any) -> Any:
    return m.mean(m.maximum(0.0, 1 - SIGNS * (X @ w + b)) ** 2) + 0.05 * m.sum(w * w)


@model("negative binomial regression", (5,), (), ())
def _(m: Any, w: Any, b: Any, log_r: Any) -> Any:
    rate, r = m.exp(X @ w + b), m.exp(log_r)
    lgamma = m.special.gammaln
    return -m.mean(lgamma(COUNTS + r) - lgamma(r) + r * m.log(r / (r + rate)) + COUNTS * m.log(rate / (r + rate)))


@model("matrix factorisation", (6, 2), (5, 2))
def _(m: Any, u: Any, v: Any) -> Any:
    return m.sum((X - u @ v.T) ** 2) + 0.1 * (m.sum(u * u) + m.sum(v * v))


@model("mixture of Gaussians", (3, 5), (3, 5), (3,))
def _(m: Any, means: Any, log_scales: Any, logits: Any) -> Any:
    z = (X[:, None, :] - means) / m.exp(log_scales)
    densities = -0.5 * m.sum(z * z, axis=2) - m.sum(log_scales, axis=1)
    return -m.mean(m.nn.logsumexp(densities + m.nn.log_softmax(logits), axis=1))


@model("kernel ridge regression", (6,), ())
def _(m: Any, alpha: Any, log_width: Any) -> Any:
    squared = m.sum((X[:, None, :] - X) ** 2, axis=2)
    kernel = m.exp(-squared * m.exp(log_width) / 10)
    return m.sum((kernel @ alpha - TARGETS) ** 2) + 0.1 * m.sum(alpha * (kernel @ alpha))


for _name in ("tanh", "gelu", "silu"):

    @model(f"network of {_name}", (5, 8), (8,), (8, 3), (3,))
    def _(m: Any, w1: Any, b1: Any, w2: Any, b2: Any, name: str = _name) -> Any:
        act = m.tanh if name == "tanh" else getattr(m.nn, name)
        return _mean_cross_entropy(m, act(X @ w1 + b1) @ w2 + b2, CHOSEN)


@model("network with layer norm", (5, 8), (8,), (8,), (8, 3))
def _(m: Any, w1: Any, scale: Any, shift: Any, w2: Any) -> Any:
    h = X @ w1
    h = (h - m.mean(h, axis=1, keepdims=True)) / m.sqrt(m.var(h, axis=1, keepdims=True) + 1e-5)
    return _mean_cross_entropy(m, m.nn.softplus(h * scale + shift) @ w2, CHOSEN)


@model("network with batch norm", (5, 8), (8,), (8,), (8, 3))
def _(m: Any, w1: Any, scale: Any, shift: Any, w2: Any) -> Any:
    h = X @ w1
    h = (h - m.mean(h, axis=0)) / m.sqrt(m.var(h, axis=0) + 1e-5)
    return _mean_cross_entropy(m, m.nn.relu(h * scale + shift) @ w2, CHOSEN)


@model("residual network", (5, 5), (5, 5), (5, 3))
def _(m: Any, w1: Any, w2: Any, w3: Any) -> Any:
    h = X
    for w in (w1, w2, w1, w2):
        h = h + m.tanh(h @ w)
    return _mean_cross_entropy(m, h @ w3, CHOSEN)


@model("autoencoder", (5, 2), (2,), (2, 5), (5,))
def _(m: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    return m.mean((m.nn.sigmoid(X @ w1 + b1) @ w2 + b2 - X) ** 2)


@model("variational autoencoder", (5, 2), (5, 2), (2, 5))
def _(m: Any, w_mean: Any, w_scale: Any, w_out: Any) -> Any:
    mean, log_variance = X @ w_mean, X @ w_scale
    code = mean + m.exp(log_variance / 2) * X[:, :2]
    divergence = -0.5 * m.sum(1 + log_variance - mean**2 - m.exp(log_variance), axis=1)
    return m.mean(m.sum((code @ w_out - X) ** 2, axis=1) + divergence)


@model("convolutional network", (3, 1, 3, 3), (3,), (27, 2))
def _(m: Any, w1: Any, b1: Any, w2: Any) -> Any:
    h = m.nn.softplus(m.conv2d(IMAGES, w1, 1) + b1[:, None, None])
    h = m.max_pool2d(h, 2)
    return m.mean(m.nn.logsumexp(m.reshape(h, (2, 27)) @ w2, axis=1))


@model("strided convolution and mean", (4, 1, 3, 3), (4, 2))
def _(m: Any, w1: Any, w2: Any) -> Any:
    h = m.nn.relu(m.conv2d(IMAGES, w1, 2))
    return m.mean(m.nn.log_softmax(m.mean(h, axis=(2, 3)) @ w2) ** 2)


@model("recurrent network", (2, 5), (5, 5), (5,), (5, 1))
def _(m: Any, w: Any, u: Any, b: Any, v: Any) -> Any:
    h = np.zeros((4, 5))
    for x in SERIES:
        h = m.tanh(x @ w + h @ u + b)
    return m.mean((h @ v) ** 2)


@model("LSTM", (2, 12), (3, 12), (12,), (3, 1))
def _(m: Any, w: Any, u: Any, b: Any, v: Any) -> Any:
    h, c = np.zeros((4, 3)), np.zeros((4, 3))
    for x in SERIES:
        i, f, g, o = m.split(x @ w + h @ u + b, 4, axis=1)
        c = m.nn.sigmoid(f) * c + m.nn.sigmoid(i) * m.tanh(g)
        h = m.nn.sigmoid(o) * m.tanh(c)
    return m.mean((h @ v) ** 2)


@model("GRU", (2, 9), (3, 9), (3, 1))
def _(m: Any, w: Any, u: Any, v: Any) -> Any:
    h = np.zeros((4, 3))
    for x in SERIES:
        (rx, zx, nx), (rh, zh, nh) = m.split(x @ w, 3, axis=1), m.split(h @ u, 3, axis=1)
        r, z = m.nn.sigmoid(rx + rh), m.nn.sigmoid(zx + zh)
        h = (1 - z) * m.tanh(nx + r * nh) + z * h
    return m.mean((h @ v) ** 2)


@model("skip-gram", (7, 3), (7, 3))
def _(m: Any, u: Any, v: Any) -> Any:
    scores = u[TOKENS[:, :-1]] @ v.T
    return -m.mean(m.take_along_axis(m.nn.log_softmax(scores), TOKENS[:, 1:, None], axis=2))


@model("contrastive pairs", (5, 4))
def _(m: Any, w: Any) -> Any:
    z = X @ w
    z = z / m.sqrt(m.sum(z * z, axis=1, keepdims=True))
    return -m.mean(m.trace(m.nn.log_softmax((z[:3] @ z[3:].T) / 0.5)) / 3)


@model("causal transformer block", (7, 4), (4, 4), (4, 12), (4, 4), (4, 8), (8, 4), (4, 7))
def _(m: Any, e: Any, p: Any, qkv: Any, o: Any, f1: Any, f2: Any, out: Any) -> Any:
    def norm(x: Any) -> Any:
        return (x - m.mean(x, axis=-1, keepdims=True)) / m.sqrt(m.var(x, axis=-1, keepdims=True) + 1e-5)

    x = e[TOKENS] + p
    heads = m.transpose(m.reshape(norm(x) @ qkv, (2, 4, 3, 2, 2)), (2, 0, 3, 1, 4))
    q, k, v = heads[0], heads[1], heads[2]
    scores = m.where(np.tril(np.ones((4, 4), bool)), q @ m.matrix_transpose(k) / 2**0.5, -np.inf)
    attended = m.reshape(m.transpose(m.nn.softmax(scores) @ v, (0, 2, 1, 3)), (2, 4, 4))
    x = x + attended @ o
    x = x + m.nn.gelu(norm(x) @ f1) @ f2
    logits = norm(x) @ out
    return -m.mean(m.take_along_axis(m.nn.log_softmax(logits[:, :-1]), TOKENS[:, 1:, None], axis=2))


@model("Euler steps of a learned flow", (5, 5), (5,))
def _(m: Any, w: Any, b: Any) -> Any:
    x = X
    for _ in range(5):
        x = x + 0.2 * m.sin(x @ w + b)
    return m.mean(x**4)
