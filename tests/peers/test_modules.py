"""Modules against torch.nn's of the same name: a state of torch's loads as it is, and gives the same values.

In: a module of each kind. Out: equal names, and inference that agrees to 1e-9.
"""

import numpy as np
import torch

import lazygraph as lg
from tests.peers.compare import distance

RNG = np.random.default_rng(0)
ROWS, LINE = RNG.normal(size=(3, 7, 6)), RNG.normal(size=(2, 4, 9))
IMAGE, VOLUME = RNG.normal(size=(2, 4, 7, 6)), RNG.normal(size=(2, 4, 5, 6, 4))
MADE = {"rng": 0, "dtype": "float64"}
NN, T = lg.nn, torch.nn
MODULES = {
    "Linear": (NN.Linear(6, 5, **MADE), T.Linear(6, 5), ROWS),
    "Linear without bias": (NN.Linear(6, 5, bias=False, **MADE), T.Linear(6, 5, bias=False), ROWS),
    "Embedding": (NN.Embedding(9, 4, padding_idx=2, **MADE), T.Embedding(9, 4, padding_idx=2), np.array([[0, 2, 8]])),
    "Conv1d": (NN.Conv1d(4, 6, 3, 2, padding=1, **MADE), T.Conv1d(4, 6, 3, 2, padding=1), LINE),
    "Conv2d": (
        NN.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), dilation=2, groups=2, **MADE),
        T.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), dilation=2, groups=2),
        IMAGE,
    ),
    "Conv3d": (NN.Conv3d(4, 2, 2, padding=1, bias=False, **MADE), T.Conv3d(4, 2, 2, padding=1, bias=False), VOLUME),
    "LayerNorm": (NN.LayerNorm((7, 6), dtype="float64"), T.LayerNorm((7, 6)), ROWS),
    "RMSNorm": (NN.RMSNorm(6, dtype="float64"), T.RMSNorm(6), ROWS),
    "GroupNorm": (NN.GroupNorm(2, 4, dtype="float64"), T.GroupNorm(2, 4), IMAGE),
    "BatchNorm": (NN.BatchNorm(4, dtype="float64"), T.BatchNorm2d(4), IMAGE),
    "MaxPool1d": (NN.MaxPool1d(3, 2, 1), T.MaxPool1d(3, 2, 1), LINE),
    "MaxPool2d": (NN.MaxPool2d(2), T.MaxPool2d(2), IMAGE),
    "MaxPool3d": (NN.MaxPool3d(2), T.MaxPool3d(2), VOLUME),
    "AvgPool1d": (NN.AvgPool1d(3, 2, 1), T.AvgPool1d(3, 2, 1), LINE),
    "AvgPool2d": (NN.AvgPool2d(2, 1), T.AvgPool2d(2, 1), IMAGE),
    "AvgPool3d": (NN.AvgPool3d(2), T.AvgPool3d(2), VOLUME),
    "AdaptiveAvgPool2d": (NN.AdaptiveAvgPool2d((3, 2)), T.AdaptiveAvgPool2d((3, 2)), IMAGE),
    "Flatten": (NN.Flatten(), T.Flatten(), IMAGE),
    "Sequential": (
        NN.Sequential(NN.Linear(6, 8, **MADE), NN.gelu, NN.Linear(8, 2, **MADE)),
        T.Sequential(T.Linear(6, 8), T.GELU(approximate="tanh"), T.Linear(8, 2)),
        ROWS,
    ),
    "MultiHeadAttention": (NN.MultiHeadAttention(6, 3, **MADE), T.MultiheadAttention(6, 3, batch_first=True), ROWS),
}


def drawn(theirs: torch.nn.Module) -> dict[str, np.ndarray]:
    """Random weights and statistics for torch's module, and the state that is given to ours."""
    state = {}
    for name, value in theirs.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            value.copy_(torch.tensor(RNG.uniform(0.5, 1.5, value.shape)))
            state[name] = value.numpy()
    return state


def test_states_of_torch_load_and_give_the_same_values() -> None:
    inputs, outputs, expected = [], [], []
    for number, (ours, theirs, array) in enumerate(MODULES.values()):
        theirs = theirs.double().eval()
        ours.load_state_dict(drawn(theirs))
        x = lg.placeholder((lg.dim(f"n{number}"), *array.shape[1:]), array.dtype, f"x{number}")
        inputs.append(x)
        outputs.append(ours(x))
        given = torch.tensor(array)
        found = theirs(given, given, given)[0] if isinstance(theirs, T.MultiheadAttention) else theirs(given)
        expected.append(found.detach().numpy())
    found = lg.function(inputs, outputs)(*[array for _, _, array in MODULES.values()])
    for name, ours, theirs in zip(MODULES, found, expected, strict=True):
        assert distance(ours, theirs) < 1e-9, name


def test_initial_weights_have_torchs_distributions() -> None:
    """Bounds and variances of large layers, ours and torch's."""
    torch.manual_seed(0)
    pairs = {
        "Linear": (NN.Linear(300, 400, rng=0), T.Linear(300, 400)),
        "Conv2d": (NN.Conv2d(8, 512, 3, rng=0), T.Conv2d(8, 512, 3)),
        "Embedding": (NN.Embedding(300, 200, rng=0), T.Embedding(300, 200)),
        "MultiHeadAttention": (NN.MultiHeadAttention(200, 4, rng=0), T.MultiheadAttention(200, 4)),
    }
    for kind, (ours, theirs) in pairs.items():
        own = ours.state_dict()
        assert own.keys() == theirs.state_dict().keys(), kind
        for name, value in theirs.state_dict().items():
            weight = value.numpy()
            assert own[name].dtype == weight.dtype
            np.testing.assert_allclose(own[name].var(), weight.var(), rtol=0.3, err_msg=f"{kind} {name}")
            if kind != "Embedding":
                np.testing.assert_allclose(abs(own[name]).max(), abs(weight).max(), rtol=0.1, err_msg=f"{kind} {name}")
