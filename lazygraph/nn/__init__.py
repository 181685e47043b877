"""Networks: layers, activations and losses, each a function from tensors to tensors.
In: tensors. Out: tensors built from primitives; nothing here knows how they are compiled."""

from lazygraph.nn.activations import gelu, log_softmax, logsumexp, relu, sigmoid, softmax, softplus, tanh
from lazygraph.nn.initializers import glorot_normal, glorot_uniform, he_normal, he_uniform
from lazygraph.nn.layers import dense
from lazygraph.nn.losses import cross_entropy, one_hot

__all__ = [
    "cross_entropy",
    "dense",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "log_softmax",
    "logsumexp",
    "one_hot",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]
