"""The documented models against torch's, from the same weights: the first step's loss and every gradient.

In: models of both in float32 and float64, with a fixed and a symbolic batch. Out: agreement to 1e-4 and 1e-9, relative
to the greatest number of each gradient.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import lazygraph as lg
from benchmarks import torch_models
from lazygraph.models import gpt, lenet, resnet
from tests.peers.compare import distance

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
KINDS = [("float32", True), ("float64", False), ("float64", True)]  # the dtype, and whether the batch is symbolic


def assert_first_steps_agree(
    ours: lg.nn.Module,
    theirs: torch.nn.Module,
    loss: Callable[[lg.Tensor, lg.Tensor], lg.Tensor],
    their_loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    x: np.ndarray,
    y: np.ndarray,
    dtype: str,
    symbolic: bool,
) -> None:
    state = {name: value for name, value in theirs.state_dict().items() if not name.endswith("num_batches_tracked")}
    ours.load_state_dict(state)
    n: Any = lg.dim("n", min=1) if symbolic else len(x)
    inputs = [lg.placeholder((n, *each.shape[1:]), each.dtype, name) for name, each in (("x", x), ("y", y))]
    value = loss(*inputs)
    names = [name for name, _ in ours.named_parameters()]
    found, slopes = lg.function(inputs, (value, lg.grad(value, ours.parameters())))(x, y)
    expected = their_loss(torch.tensor(x), torch.tensor(y, dtype=torch.int64))
    expected.backward()
    parameters = dict(theirs.named_parameters())
    assert set(names) == set(parameters)
    np.testing.assert_allclose(found, expected.detach(), rtol=TOLERANCE[dtype])
    errors = {}
    for name, slope in zip(names, slopes, strict=True):
        gradient = parameters[name].grad
        assert gradient is not None and slope.dtype == dtype
        scale = float(gradient.abs().max())
        errors[name] = distance(slope / scale, gradient.numpy() / scale)
    assert max(errors.values()) < TOLERANCE[dtype], errors


@pytest.mark.parametrize(("dtype", "symbolic"), KINDS)
@pytest.mark.parametrize("kind", ["causal", "boolean", "additive"])
def test_gpt(kind: str, dtype: str, symbolic: bool) -> None:
    config = gpt.Config()
    torch.manual_seed(0)
    theirs = torch_models.GPT(config.vocabulary, config.width, config.length, config.blocks, config.heads)
    theirs = theirs.to(getattr(torch, dtype))
    ours = gpt.GPT(config, rng=0, dtype=dtype)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 65, (2, 3, config.length)).astype(np.int32)
    seen = np.tril(np.ones((config.length, config.length), bool))
    mask = {"causal": None, "boolean": seen, "additive": np.where(seen, 0.0, -np.inf).astype(dtype)}[kind]
    told = None if mask is None else torch.tensor(mask)
    assert_first_steps_agree(
        ours,
        theirs,
        lambda x, y: gpt.loss(ours, x, y, mask=mask),
        lambda x, y: F.cross_entropy(theirs(x, told).flatten(0, 1), y.flatten()),
        x,
        y,
        dtype,
        symbolic,
    )


@pytest.mark.parametrize(("dtype", "symbolic"), KINDS)
def test_resnet(dtype: str, symbolic: bool) -> None:
    config = resnet.Config()
    torch.manual_seed(0)
    theirs = torch_models.ResNet(config.blocks, config.widths, config.channels, config.classes)
    theirs = theirs.to(getattr(torch, dtype))
    ours = resnet.ResNet(config, rng=0, dtype=dtype)
    rng = np.random.default_rng(0)
    assert_first_steps_agree(
        ours,
        theirs,
        lambda x, y: resnet.loss(ours, x, y, lg.nn.Training()),
        lambda x, y: F.cross_entropy(theirs(x), y),
        rng.normal(size=(4, 3, 32, 32)).astype(dtype),
        rng.integers(0, 10, 4).astype(np.int32),
        dtype,
        symbolic,
    )


def test_resnet_moves_its_running_statistics_as_torch_does_and_infers_with_them() -> None:
    theirs = torch_models.ResNet(1, (4, 8), 3, 10).double()
    ours = resnet.ResNet(resnet.Config(blocks=1, widths=(4, 8)), rng=0, dtype="float64")
    ours.load_state_dict({name: value for name, value in theirs.state_dict().items() if "num_batches" not in name})
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3, 8, 8)), rng.integers(0, 10, 4).astype(np.int32)
    resnet.training_step(ours, lg.optim.SGD(0.1, momentum=0.9), (3, 8, 8))(x, y)
    optimizer = torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.9)
    F.cross_entropy(theirs(torch.tensor(x)), torch.tensor(y, dtype=torch.int64)).backward()
    optimizer.step()
    for name, value in theirs.state_dict().items():
        if "num_batches" not in name:
            assert distance(dict(ours.state_dict())[name], value.numpy()) < 1e-9, name
    theirs.eval()
    images = lg.placeholder((lg.dim("n"), 3, 8, 8), lg.float64, "images")
    found = lg.function([images], ours(images))(x)
    assert distance(found, theirs(torch.tensor(x)).detach().numpy()) < 1e-9


@pytest.mark.parametrize(("dtype", "symbolic"), KINDS)
def test_lenet(dtype: str, symbolic: bool) -> None:
    torch.manual_seed(0)
    theirs = torch_models.LeNet().to(getattr(torch, dtype))
    ours = lenet.LeNet(rng=0, dtype=dtype)
    rng = np.random.default_rng(0)
    assert_first_steps_agree(
        ours,
        theirs,
        lambda x, y: lenet.loss(ours, x, y),
        lambda x, y: F.cross_entropy(theirs(x), y),
        rng.normal(size=(5, 1, 28, 28)).astype(dtype),
        rng.integers(0, 10, 5).astype(np.int32),
        dtype,
        symbolic,
    )
