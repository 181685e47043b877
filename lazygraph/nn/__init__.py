"""Networks: layers, activations and losses, each a function from tensors to tensors.
In: tensors. Out: tensors built from primitives; nothing here knows how they are compiled."""

from lazygraph.nn.activations import (
    gelu,
    glu,
    log_sigmoid,
    mish,
    sigmoid,
    silu,
    softplus,
    softsign,
    swish,
    tanh,
    tanhshrink,
)
from lazygraph.nn.initializers import glorot_normal, glorot_uniform, he_normal, he_uniform
from lazygraph.nn.layers import dense
from lazygraph.nn.losses import cross_entropy, one_hot
from lazygraph.nn.normalized_exponentials import log_softmax, logsumexp, softmax, softmin
from lazygraph.nn.piecewise import (
    celu,
    elu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    prelu,
    relu,
    relu6,
    selu,
    softshrink,
    threshold,
)

__all__ = [
    "celu",
    "cross_entropy",
    "dense",
    "elu",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "he_normal",
    "he_uniform",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mish",
    "one_hot",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "swish",
    "tanh",
    "tanhshrink",
    "threshold",
]
