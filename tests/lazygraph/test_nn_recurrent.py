"""Recurrent cells and layers: the published formulas in NumPy, masks as shorter sequences, directions and stacking."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg

RNG = np.random.default_rng(0)
INPUTS, HIDDEN = 3, 4
LENGTHS = np.array([5, 2, 0])
X = RNG.normal(size=(3, 5, INPUTS))
MASK = np.arange(5) < LENGTHS[:, None]
MADE: dict[str, Any] = {"rng": 0, "dtype": "float64"}
LAYERS: dict[str, Callable[..., lg.nn.Module]] = {"RNN": lg.nn.RNN, "LSTM": lg.nn.LSTM, "GRU": lg.nn.GRU}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def elman(x: np.ndarray, state: tuple[np.ndarray, ...], w: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    return (np.tanh(w[0] @ x + w[2] + w[1] @ state[0] + w[3]),)


def long_short(x: np.ndarray, state: tuple[np.ndarray, ...], w: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    h, c = state
    i, f, g, o = np.split(w[0] @ x + w[2] + w[1] @ h + w[3], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gated(x: np.ndarray, state: tuple[np.ndarray, ...], w: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    (h,) = state
    r_x, z_x, n_x = np.split(w[0] @ x + w[2], 3)
    r_h, z_h, n_h = np.split(w[1] @ h + w[3], 3)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    n = np.tanh(n_x + r * n_h)
    return ((1 - z) * n + z * h,)


CELLS = {"RNN": (elman, 1), "LSTM": (long_short, 2), "GRU": (gated, 1)}


def walked(kind: str, sequence: np.ndarray, layer: lg.nn.Module, suffix: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """The h after each step of one sequence, and the last state."""
    cell, parts = CELLS[kind]
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = [layer.state_dict()[f"{name}{suffix}"] for name in names]
    state: tuple[np.ndarray, ...] = (np.zeros(HIDDEN),) * parts
    shown = []
    for x in sequence:
        state = cell(x, state, weights)
        shown.append(state[0])
    return np.reshape(shown, (len(sequence), HIDDEN)), list(state)


def states_of(last: Any) -> list[lg.Tensor]:
    return list(last) if isinstance(last, tuple) else [last]


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_of_two_directions_over_unequal_lengths_is_its_formula(kind: str) -> None:
    layer = LAYERS[kind](INPUTS, HIDDEN, bidirectional=True, **MADE)
    x = lg.placeholder((lg.dim("n"), lg.dim("t"), INPUTS), lg.float64, "x")
    mask = lg.placeholder(x.shape[:2], lg.bool_, "mask")
    outputs, last = layer(x, mask=mask)
    found, *ends = lg.function([x, mask], (outputs, *states_of(last)))(X, MASK)
    for example, length in enumerate(LENGTHS):
        real = X[example, :length]
        ahead, ahead_end = walked(kind, real, layer, "_l0")
        back, back_end = walked(kind, real[::-1], layer, "_l0_reverse")
        np.testing.assert_allclose(found[example, :length], np.concatenate([ahead, back[::-1]], -1), rtol=1e-12)
        np.testing.assert_array_equal(found[example, length:], 0)
        for end, *expected in zip(ends, ahead_end, back_end, strict=True):
            np.testing.assert_allclose(end[:, example], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_two_halves_of_a_sequence_are_the_whole(kind: str) -> None:
    layer: Any = LAYERS[kind](INPUTS, HIDDEN, num_layers=2, **MADE)
    name = "state" if kind == "LSTM" else "h"
    whole, end = layer(X)
    first, middle = layer(X[:, :2])
    second, last = layer(X[:, 2:], **{name: middle})
    tensors = (whole, *states_of(end), lg.concat([first, second], axis=1), *states_of(last))
    found = [each.eval() for each in tensors]
    half = len(found) // 2
    for expected, got in zip(found[:half], found[half:], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize(("cell", "layer"), [("RNNCell", "RNN"), ("LSTMCell", "LSTM"), ("GRUCell", "GRU")])
def test_a_cell_is_one_step_of_its_layer(cell: str, layer: str) -> None:
    one: Any = getattr(lg.nn, cell)(INPUTS, HIDDEN, **MADE)
    many: Any = LAYERS[layer](INPUTS, HIDDEN, **MADE)
    many.load_state_dict({f"{name}_l0": value for name, value in one.state_dict().items()})
    outputs, _ = many(X[:, :1])
    stepped = one(X[:, 0])
    shown = stepped[0] if isinstance(stepped, tuple) else stepped
    np.testing.assert_allclose(shown.eval(), outputs[:, 0].eval(), rtol=1e-12)


def test_a_masked_step_has_no_derivative() -> None:
    layer = lg.nn.GRU(INPUTS, HIDDEN, **MADE)
    x = lg.placeholder(X.shape, lg.float64, "x")
    outputs, last = layer(x, mask=MASK)
    slope = lg.grad(lg.sum(outputs) + lg.sum(last), x).eval({x: X})
    assert (slope[~MASK] == 0).all()
    assert (slope[MASK] != 0).all()


def test_names_are_those_of_torch_and_dropout_acts_between_layers() -> None:
    layer = lg.nn.LSTM(INPUTS, HIDDEN, num_layers=2, dropout=0.5, bidirectional=True, rng=0)
    names = [name for name, _ in layer.named_parameters()]
    assert names[:5] == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse"]
    assert names[-1] == "bias_hh_l1_reverse"
    assert layer.state_dict()["weight_ih_l1"].shape == (4 * HIDDEN, 2 * HIDDEN)
    inference, _ = layer(X)
    training, _ = layer(X, lg.nn.Training(random=0))
    assert (inference.eval() != training.eval()).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lg.nn.RNN(3, 4, rng=0)(np.zeros((5, 3), "f")), "expected sequences (n, length, inputs), found (5, 3)"),
        (lambda: lg.nn.RNN(3, 4, rng=0)(X, h=np.zeros((3, 4))), "expected a state (1, n, 4)"),
        (lambda: lg.nn.GRU(3, 4, rng=0)(X, h=np.zeros((1, 2, 4))), "expected a state (3, 4), found (2, 4)"),
        (
            lambda: lg.nn.GRU(3, 4, rng=0)(X, mask=np.ones((3, 5))),
            "expected a mask of bools (n, length), found float64",
        ),
        (lambda: lg.nn.GRU(3, 4, rng=0)(X, mask=np.ones(3, bool)), "expected a mask (n, length), found (3,)"),
        (lambda: lg.nn.RNN(3, 4, nonlinearity="gelu", rng=0)(X), "expected a nonlinearity among tanh, relu"),
        (lambda: lg.nn.LSTM(3, 4, num_layers=0, rng=0), "expected one layer or more, found 0"),
    ],
)
def test_mistakes_are_told(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call()
