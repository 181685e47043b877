"""The workloads as torch runs them, eager and through torch.compile.

In: a row's shape. Out: a call that runs the workload once and returns its result. A training step is written as its
users write it: the loss may be compiled, the optimizer is torch's own.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from benchmarks import torch_models, workloads_fft
from benchmarks.workload import Builders, Call, Classification, array, classification, images, state, text

torch.set_num_threads(len(os.sched_getaffinity(0)))

Through = Callable[[Callable[..., Any]], Callable[..., Any]]


def eager(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    torch._dynamo.reset()  # else earlier rows count against the limit of recompilations
    optimized: Callable[..., Any] = torch.compile(function)
    return optimized


def network(data: Classification) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(data.weights, data.biases):
        linear = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T))
            linear.bias.copy_(torch.from_numpy(bias))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


Rule = Callable[..., torch.optim.Optimizer]


def train(through: Through, optimizer: Rule, *shape: int) -> Call:
    data = classification(*shape)
    return steps(through, optimizer, network(data), data.x, data.labels)


def gpt_step(through: Through, optimizer: Rule, batch: int, length: int, width: int, blocks: int, heads: int) -> Call:
    model = torch_models.GPT(65, width, length, blocks, heads)
    return steps(through, optimizer, started(model), *text(batch, length, 65))


def lstm_step(through: Through, optimizer: Rule, batch: int, length: int, width: int) -> Call:
    return steps(through, optimizer, started(torch_models.LSTM(65, width)), *text(batch, length, 65))


def lenet_step(through: Through, optimizer: Rule, batch: int) -> Call:
    return steps(through, optimizer, started(torch_models.LeNet()), *images(batch, 1, 28, 10))


def resnet_step(through: Through, optimizer: Rule, batch: int, side: int) -> Call:
    model = torch_models.ResNet(3, (16, 32, 64), 3, 10)
    return steps(through, optimizer, started(model), *images(batch, 3, side, 10))


def started(model: torch.nn.Module) -> torch.nn.Module:
    """The model with the weights that all peers start from; it keeps its own counters."""
    own = model.state_dict()
    weights = state({name: value.shape for name, value in own.items() if not name.endswith("num_batches_tracked")})
    model.load_state_dict(own | {name: torch.from_numpy(value) for name, value in weights.items()})
    return model


def steps(through: Through, optimizer: Rule, model: torch.nn.Module, x_array: Any, label_array: Any) -> Call:
    x, labels = torch.from_numpy(x_array), torch.from_numpy(label_array).long().flatten()
    rule = optimizer(model.parameters())
    loss_of = through(lambda x, labels: F.cross_entropy(model(x).flatten(0, -2), labels))

    def step() -> Any:
        loss = loss_of(x, labels)
        rule.zero_grad(set_to_none=True)
        loss.backward()
        rule.step()
        return loss.item()

    return step


def gemm(m: int, n: int, k: int) -> Call:
    a, b, out = torch.from_numpy(array(m, k)), torch.from_numpy(array(k, n, seed=1)), torch.empty(m, n)
    return lambda: torch.matmul(a, b, out=out)


def of_array(through: Through, function: Callable[..., Any], *shape: int) -> Call:
    x, run = torch.from_numpy(array(*shape)), through(function)
    return lambda: run(x)


def rbf(x: torch.Tensor) -> torch.Tensor:
    squares = (x * x).sum(1)
    return torch.exp(-0.1 * (squares[:, None] + squares[None] - 2 * x @ x.T))


KERNELS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu_chain": lambda x: F.gelu(x * 1.1 + 0.3, approximate="tanh") * x,
    "exp": torch.exp,
    "tanh": torch.tanh,
    "softmax": lambda x: torch.softmax(x, -1),
    "logsumexp": lambda x: torch.logsumexp(x, -1),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "sum_all": lambda x: x.sum(),
    "sum_columns": lambda x: x.sum(0),
    "transpose": lambda x: x.T.contiguous(),
    "rbf": rbf,
    "call": lambda x: x * 2 + 1,
}


def workloads(through: Through) -> Builders:
    named: Builders = {
        "mlp_step": partial(train, through, partial(torch.optim.Adam, lr=1e-3)),
        "softmax_step": partial(train, through, partial(torch.optim.SGD, lr=0.1)),
        "gemm": gemm,
        "gpt_step": partial(gpt_step, through, partial(torch.optim.Adam, lr=1e-3)),
        "lstm_step": partial(lstm_step, through, partial(torch.optim.Adam, lr=1e-3)),
        "lenet_step": partial(lenet_step, through, partial(torch.optim.SGD, lr=0.1, momentum=0.9)),
        "resnet_step": partial(resnet_step, through, partial(torch.optim.SGD, lr=0.1, momentum=0.9)),
    }
    return named | {kind: partial(of_array, through, function) for kind, function in KERNELS.items()}


TRANSFORMS = workloads_fft.by(torch.fft, torch.from_numpy)
PEERS = {"torch": workloads(eager) | TRANSFORMS, "torch.compile": workloads(compiled)}
