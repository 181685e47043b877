"""The workloads as jax runs them, under jax.jit, with buffers donated where a step updates them.

In: a row's shape. Out: a call that runs the workload once and returns its result when it is ready.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import jax_models
from benchmarks.workload import TRIPS, Builders, Call, array, classification, images, state, text

Tree = Any  # nested lists and tuples of arrays
Update = Callable[[Tree, Tree, Tree], tuple[Tree, Tree]]  # (parameters, state, gradients) -> (parameters, state)


def sgd(parameters: Tree, state: Tree, gradients: Tree) -> tuple[Tree, Tree]:
    return jax.tree.map(lambda p, g: p - 0.1 * g, parameters, gradients), state


def momentum(parameters: Tree, state: Tree, gradients: Tree) -> tuple[Tree, Tree]:
    count, mean, unused = state
    mean = jax.tree.map(lambda m, g: 0.9 * m + g, mean, gradients)
    return jax.tree.map(lambda p, m: p - 0.1 * m, parameters, mean), (count, mean, unused)


def adam(parameters: Tree, state: Tree, gradients: Tree) -> tuple[Tree, Tree]:
    """Kingma and Ba 2015, algorithm 1."""
    count, first, second = state
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)

    def moved(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        return p - 1e-3 * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)

    return jax.tree.map(moved, parameters, first, second), (count + 1, first, second)


def logits(parameters: Tree, x: jax.Array) -> jax.Array:
    *hidden, (weight, bias) = parameters
    for inner, shift in hidden:
        x = jax.nn.relu(x @ inner + shift)
    return x @ weight + bias


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1).mean()


def train(update: Update, *shape: int) -> Call:
    data = classification(*shape)
    parameters = [(jnp.array(w), jnp.array(b)) for w, b in zip(data.weights, data.biases)]
    return steps(update, parameters, logits, data.x, data.labels)


def model_step(update: Update, model: tuple[jax_models.Shapes, jax_models.Apply], x: Any, labels: Any) -> Call:
    shapes, apply = model
    return steps(update, {name: jnp.array(value) for name, value in state(shapes).items()}, apply, x, labels)


def gpt_step(batch: int, length: int, width: int, blocks: int, heads: int) -> Call:
    return model_step(adam, jax_models.gpt(65, length, width, blocks, heads), *text(batch, length, 65))


def lstm_step(batch: int, length: int, width: int) -> Call:
    return model_step(adam, jax_models.lstm(65, width), *text(batch, length, 65))


def lenet_step(batch: int) -> Call:
    return model_step(momentum, jax_models.lenet(), *images(batch, 1, 28, 10))


def resnet_step(batch: int, side: int) -> Call:
    return model_step(momentum, jax_models.resnet(3, (16, 32, 64), 3, 10), *images(batch, 3, side, 10))


def steps(update: Update, start: Tree, apply: Callable[..., Any], x_array: Any, label_array: Any) -> Call:
    parameters = start
    state: Tree = (jnp.float32(1), jax.tree.map(jnp.zeros_like, parameters), jax.tree.map(jnp.zeros_like, parameters))
    x, labels = jnp.array(x_array), jnp.array(label_array)

    def loss_of(parameters: Tree, x: jax.Array, labels: jax.Array) -> jax.Array:
        return cross_entropy(apply(parameters, x), labels)

    def whole_step(parameters: Tree, state: Tree, x: jax.Array, labels: jax.Array) -> tuple[Tree, Tree, jax.Array]:
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, labels)
        return *update(parameters, state, gradients), loss

    run = jax.jit(whole_step, donate_argnums=(0, 1))

    def step() -> float:
        nonlocal parameters, state
        parameters, state, loss = run(parameters, state, x, labels)
        return float(loss)

    return step


def gemm(m: int, n: int, k: int) -> Call:
    a, b, run = jnp.array(array(m, k)), jnp.array(array(k, n, seed=1)), jax.jit(lambda a, b: a @ b)
    return lambda: run(a, b).block_until_ready()


def of_array(function: Callable[..., Any], *shape: int) -> Call:
    x, run = jnp.array(array(*shape)), jax.jit(function)
    return lambda: run(x).block_until_ready()


def layer_norm(x: jax.Array) -> jax.Array:
    return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


def rbf(x: jax.Array) -> jax.Array:
    squares = (x * x).sum(1)
    return jnp.exp(-0.1 * (squares[:, None] + squares[None] - 2 * x @ x.T))


KERNELS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu_chain": lambda x: jax.nn.gelu(x * 1.1 + 0.3) * x,
    "exp": jnp.exp,
    "tanh": jnp.tanh,
    "softmax": lambda x: jax.nn.softmax(x),
    "logsumexp": lambda x: jax.nn.logsumexp(x, -1),
    "layer_norm": layer_norm,
    "sum_all": lambda x: x.sum(),
    "sum_columns": lambda x: x.sum(0),
    "transpose": lambda x: x.T + 0.0,  # a bare transpose would come back as a view
    "rbf": rbf,
    "scan_sums": lambda x: jax.lax.scan(lambda c, e: (c + e, c), jnp.float32(0), x)[1],
    "newton": lambda x: jax.lax.while_loop(lambda c: c[0] < TRIPS, lambda c: (c[0] + 1, (c[1] + 2 / c[1]) / 2), (0, x))[
        1
    ],
    "set_elements": lambda x: jax.lax.fori_loop(0, TRIPS, lambda i, v: v.at[i].set(v[i] * 2 + 1), x),
    "call": lambda x: x * 2 + 1,
}

NAMED: Builders = {
    "mlp_step": partial(train, adam),
    "softmax_step": partial(train, sgd),
    "gemm": gemm,
    "gpt_step": gpt_step,
    "lstm_step": lstm_step,
    "lenet_step": lenet_step,
    "resnet_step": resnet_step,
}
PEERS: dict[str, Builders] = {
    "jax": NAMED | {kind: partial(of_array, function) for kind, function in KERNELS.items()},
}
