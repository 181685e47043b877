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

from benchmarks.workload import Builders, Call, Classification, array, classification

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


def train(through: Through, optimizer: Callable[..., torch.optim.Optimizer], *shape: int) -> Call:
    data = classification(*shape)
    model, x, labels = network(data), torch.from_numpy(data.x), torch.from_numpy(data.labels).long()
    rule = optimizer(model.parameters())
    loss_of = through(lambda x, labels: F.cross_entropy(model(x), labels))

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
    }
    return named | {kind: partial(of_array, through, function) for kind, function in KERNELS.items()}


PEERS = {"torch": workloads(eager), "torch.compile": workloads(compiled)}
