"""Every activation against torch's, away from the corners where a derivative is a matter of choice."""

import numpy as np
import torch
from torch.nn import functional as F

import lazygraph as lg
from tests.peers.compare import Case, assert_agree

X = np.random.default_rng(0).normal(size=(5, 6)) * 3
SLOPES = np.random.default_rng(1).normal(size=6)
ROWS = (X,)

UNARY = {
    "relu": (lg.nn.relu, F.relu),
    "relu6": (lg.nn.relu6, F.relu6),
    "leaky_relu": (lambda x: lg.nn.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    "elu": (lambda x: lg.nn.elu(x, 1.3), lambda x: F.elu(x, 1.3)),
    "celu": (lambda x: lg.nn.celu(x, 2.0), lambda x: F.celu(x, 2.0)),  # torch rounds 1 / alpha to a float
    "selu": (lg.nn.selu, F.selu),
    "gelu": (lg.nn.gelu, lambda x: F.gelu(x, approximate="tanh")),
    "gelu exact": (lambda x: lg.nn.gelu(x, approximate="none"), F.gelu),
    "silu": (lg.nn.silu, F.silu),
    "swish": (lg.nn.swish, F.silu),
    "mish": (lg.nn.mish, F.mish),
    "softplus": (lg.nn.softplus, F.softplus),
    "softplus of 2x": (lambda x: lg.nn.softplus(x, 2.0), lambda x: F.softplus(x, 2.0, 40.0)),
    "softsign": (lg.nn.softsign, F.softsign),
    "hardtanh": (lambda x: lg.nn.hardtanh(x, -2.0, 1.5), lambda x: F.hardtanh(x, -2.0, 1.5)),
    "hardsigmoid": (
        lg.nn.hardsigmoid,
        lambda x: F.relu6(x + 3) / 6,
    ),  # so here, and below: torch has no second derivative
    "hardswish": (lg.nn.hardswish, lambda x: x * F.relu6(x + 3) / 6),
    "sigmoid": (lg.nn.sigmoid, torch.sigmoid),
    "log_sigmoid": (lg.nn.log_sigmoid, F.logsigmoid),
    "tanh": (lg.nn.tanh, torch.tanh),
    "tanhshrink": (lg.nn.tanhshrink, F.tanhshrink),
    "softshrink": (lambda x: lg.nn.softshrink(x, 0.7), lambda x: F.softshrink(x, 0.7)),
    "hardshrink": (lambda x: lg.nn.hardshrink(x, 0.7), lambda x: F.hardshrink(x, 0.7)),
    "threshold": (lambda x: lg.nn.threshold(x, 0.4, -7.0), lambda x: F.threshold(x, 0.4, -7.0)),
    "glu": (lg.nn.glu, F.glu),
    "softmax": (lg.nn.softmax, lambda x: F.softmax(x, -1)),
    "softmax of columns": (lambda x: lg.nn.softmax(x, axis=0), lambda x: F.softmax(x, 0)),
    "log_softmax": (lg.nn.log_softmax, lambda x: F.log_softmax(x, -1)),
    "softmin": (lg.nn.softmin, lambda x: F.softmin(x, -1)),
    "logsumexp": (lambda x: lg.nn.logsumexp(x, axis=1), lambda x: torch.logsumexp(x, 1)),
    "normalize": (lg.nn.normalize, F.normalize),
    "normalize by 3": (lambda x: lg.nn.normalize(x, p=3.0), lambda x: F.normalize(x, p=3.0)),
    "normalize by 1": (lambda x: lg.nn.normalize(x, p=1.0), lambda x: F.normalize(x, p=1.0)),
}


def test_activations() -> None:
    cases = [Case(name, ours, theirs, ROWS) for name, (ours, theirs) in UNARY.items()]
    cases.append(Case("prelu", lg.nn.prelu, F.prelu, (X, SLOPES), shared=(1,)))
    cases.append(Case("prelu of one", lg.nn.prelu, F.prelu, (X, SLOPES[:1]), shared=(1,)))
    assert_agree(cases)


def test_corners_where_torch_and_we_agree() -> None:
    """The derivative at a corner is the flatter piece's."""
    x = np.array([[0.0, 6.0, -3.0, 3.0, -1.0, 1.0]])
    named = ("relu", "relu6", "leaky_relu", "hardsigmoid", "hardshrink", "softsign", "mish")
    assert_agree([Case(name, *UNARY[name], (x,)) for name in named])
