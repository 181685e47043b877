"""The workloads as lazygraph runs them: one compiled function each.

In: a row's shape. Out: a call that runs the workload once and returns its result.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import lazygraph as lg
from benchmarks import workloads_fft, workloads_linalg
from benchmarks.workload import TRIPS, Builders, Call, array, classification, images, state, text
from benchmarks.workloads_sparse import OURS
from lazygraph.models import gpt, lenet, lstm, resnet

Minimize = Callable[[lg.Tensor, list[lg.Variable]], Any]  # (loss, variables) -> the updates of a function


def train(minimize: Minimize, batch: Any, shape: tuple[int, ...]) -> Call:
    """The step on a batch of shape[0] rows, compiled for `batch` rows: an int or a dim."""
    data = classification(*shape)
    x = lg.placeholder((batch, shape[1]), lg.float32, "x")
    labels = lg.placeholder((batch,), lg.int32, "labels")
    weights = [lg.variable(value, f"w{i}") for i, value in enumerate(data.weights)]
    biases = [lg.variable(value, f"b{i}") for i, value in enumerate(data.biases)]
    hidden = x
    for weight, bias in zip(weights[:-1], biases[:-1]):
        hidden = lg.nn.relu(hidden @ weight + bias)
    loss = lg.mean(lg.nn.cross_entropy(hidden @ weights[-1] + biases[-1], labels))
    step = lg.function([x, labels], loss, updates=minimize(loss, weights + biases))
    return lambda: float(step(data.x, data.labels))


def fixed(minimize: Minimize, *shape: int) -> Call:
    return train(minimize, shape[0], shape)


def symbolic(minimize: Minimize, *shape: int) -> Call:
    return train(minimize, lg.dim("batch"), shape)


def started(model: Any) -> Any:
    """The model with the weights that all peers start from."""
    model.load_state_dict(state({name: value.shape for name, value in model.state_dict().items()}))
    return model


def gpt_step(batch: int, length: int, width: int, blocks: int, heads: int, max_memory: float | None = None) -> Call:
    config = gpt.Config(width=width, length=length, blocks=blocks, heads=heads)
    model = started(gpt.GPT(config, rng=0))
    step = gpt.training_step(model, lg.optim.Adam(1e-3), length, batch, max_memory=max_memory)
    tokens, following = text(batch, length, config.vocabulary)
    return lambda: float(step(tokens, following))


def lstm_step(batch: int, length: int, width: int) -> Call:
    config = lstm.Config(width=width)
    step = lstm.training_step(started(lstm.LSTM(config, rng=0)), lg.optim.Adam(1e-3), length, batch)
    tokens, following = text(batch, length, config.vocabulary)
    return lambda: float(step(tokens, following))


def lenet_step(batch: int) -> Call:
    step = lenet.training_step(started(lenet.LeNet(rng=0)), lg.optim.SGD(0.1, momentum=0.9), batch)
    x, y = images(batch, 1, lenet.SIDE, lenet.CLASSES)
    return lambda: float(step(x, y))


def resnet_step(batch: int, side: int) -> Call:
    config = resnet.Config()
    model = started(resnet.ResNet(config, rng=0))
    step = resnet.training_step(model, lg.optim.SGD(0.1, momentum=0.9), (config.channels, side, side), batch)
    x, y = images(batch, config.channels, side, config.classes)
    return lambda: float(step(x, y))


def gemm(m: int, n: int, k: int) -> Call:
    a, b = lg.placeholder((m, k), lg.float32, "a"), lg.placeholder((k, n), lg.float32, "b")
    run, left, right = lg.function([a, b], a @ b), array(m, k), array(k, n, seed=1)
    return lambda: run(left, right)


def of_array(function: Callable[[lg.Tensor], lg.Tensor], *shape: int) -> Call:
    x = lg.placeholder(shape, lg.float32, "x")
    run, value = lg.function([x], function(x)), array(*shape)
    return lambda: run(value)


def layer_norm(x: lg.Tensor) -> lg.Tensor:
    centred = x - lg.mean(x, axis=-1, keepdims=True)
    return centred / lg.sqrt(lg.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)


def rbf(x: lg.Tensor) -> lg.Tensor:
    squares = lg.sum(x * x, axis=1)
    return lg.exp(-0.1 * (squares[:, None] + squares[None] - 2 * x @ x.T))


KERNELS: dict[str, Callable[[lg.Tensor], lg.Tensor]] = {
    "gelu_chain": lambda x: lg.nn.gelu(x * 1.1 + 0.3) * x,
    "exp": lg.exp,
    "tanh": lg.tanh,
    "softmax": lambda x: lg.nn.softmax(x, axis=-1),
    "logsumexp": lambda x: lg.nn.logsumexp(x, axis=-1),
    "layer_norm": layer_norm,
    "sum_all": lg.sum,
    "sum_columns": lambda x: lg.sum(x, axis=0),
    "transpose": lambda x: x.T,
    "rbf": rbf,
    "scan_sums": lambda x: lg.scan(lambda c, e: (c + e, c), lg.constant(0, lg.float32), x)[1],
    "newton": lambda x: lg.while_loop(lambda c: c[0] < TRIPS, lambda c: (c[0] + 1, (c[1] + 2 / c[1]) / 2), (0, x))[1],
    "set_elements": lambda x: lg.fori(0, TRIPS, lambda i, v: v.at[i].set(v[i] * 2 + 1), x),
    "call": lambda x: x * 2 + 1,
}


NAMED: Builders = {
    "mlp_step": partial(fixed, lg.optim.Adam(1e-3).minimize),
    "mlp_step_symbolic": partial(symbolic, lg.optim.Adam(1e-3).minimize),
    "softmax_step": partial(fixed, lg.optim.SGD(0.1).minimize),
    "gemm": gemm,
    "gpt_step": gpt_step,
    "gpt_step_half": partial(gpt_step, max_memory=0.5),
    "lstm_step": lstm_step,
    "lenet_step": lenet_step,
    "resnet_step": resnet_step,
}
PEERS: dict[str, Builders] = {
    "lazygraph": NAMED
    | OURS
    | workloads_linalg.OURS
    | workloads_fft.OURS
    | {kind: partial(of_array, function) for kind, function in KERNELS.items()},
}
