"""Recurrent cells and what they give over sequences. Weights are variables that the caller makes, laid out as torch's.

In: sequences (n, length, inputs), a state, weights, and a mask where lengths differ. Out: the state at each step
(n, length, hidden) and the state after the last one. The inputs are projected in one product for all steps; what
depends on the state is one native loop (`lg.scan`). G below is the number of gates: 1, 4 (LSTM) or 3 (GRU).
"""

from __future__ import annotations

from collections.abc import Callable

import lazygraph as lg
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.nn.activations import sigmoid
from lazygraph.nn.layers import linear
from lazygraph.nn.piecewise import floating, relu
from lazygraph.promotion import value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "rnn", "rnn_cell"]

Pair = tuple[Tensor, Tensor]
State = tuple[Tensor, ...]
Bias = TensorLike | None
_NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {"tanh": lg.tanh, "relu": relu}


# --- one step ---------------------------------------------------------------------------------------------------------


@composite
def rnn_cell(
    x: TensorLike,
    h: TensorLike,
    weight_ih: TensorLike,
    weight_hh: TensorLike,
    bias_ih: Bias = None,
    bias_hh: Bias = None,
    nonlinearity: str = "tanh",
) -> Tensor:
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh): x (..., inputs), h (..., hidden) -> (..., hidden).

    weight_ih is (hidden, inputs), weight_hh (hidden, hidden), the biases (hidden,). `nonlinearity` is "tanh" or "relu",
    else ValueError. Elman, "Finding structure in time", 1990.

    >>> import lazygraph as lg
    >>> lg.nn.rnn_cell([1.0], [0.5], [[1.0]], [[2.0]], nonlinearity="relu").eval()
    array([2.])
    """
    return _elman(nonlinearity)(linear(x, weight_ih, bias_ih), floating(h), weight_hh, bias_hh)


@composite
def lstm_cell(
    x: TensorLike,
    state: tuple[TensorLike, TensorLike],
    weight_ih: TensorLike,
    weight_hh: TensorLike,
    bias_ih: Bias = None,
    bias_hh: Bias = None,
) -> Pair:
    """(h', c') of a long short-term memory: x (..., inputs), state (h, c) each (..., hidden).

    With (i, f, g, o) = W_ih x + b_ih + W_hh h + b_hh, split along the last axis:
    c' = sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c'). weight_ih is (4 hidden, inputs), weight_hh
    (4 hidden, hidden), the biases (4 hidden,). Hochreiter and Schmidhuber, "Long short-term memory", 1997, with the
    forget gate of Gers, Schmidhuber and Cummins, 2000.

    >>> import lazygraph as lg
    >>> h, c = lg.nn.lstm_cell([0.0], ([0.0], [2.0]), [[0.0]] * 4, [[0.0]] * 4)
    >>> c.eval()
    array([1.])
    """
    h, c = state
    return _lstm(linear(x, weight_ih, bias_ih), floating(h), floating(c), weight_hh, bias_hh)


@composite
def gru_cell(
    x: TensorLike,
    h: TensorLike,
    weight_ih: TensorLike,
    weight_hh: TensorLike,
    bias_ih: Bias = None,
    bias_hh: Bias = None,
) -> Tensor:
    """h' of a gated recurrent unit: x (..., inputs), h (..., hidden) -> (..., hidden).

    With (r_x, z_x, n_x) = W_ih x + b_ih and (r_h, z_h, n_h) = W_hh h + b_hh: r = sigmoid(r_x + r_h),
    z = sigmoid(z_x + z_h), n = tanh(n_x + r n_h) and h' = (1 - z) n + z h. weight_ih is (3 hidden, inputs), weight_hh
    (3 hidden, hidden), the biases (3 hidden,). Cho et al., "Learning phrase representations using RNN encoder-decoder",
    2014; the reset gate acts behind the product, as cuDNN's and torch's does.

    >>> import lazygraph as lg
    >>> lg.nn.gru_cell([0.0], [2.0], [[0.0]] * 3, [[0.0]] * 3).eval()
    array([1.])
    """
    return _gru(linear(x, weight_ih, bias_ih), floating(h), weight_hh, bias_hh)


def _elman(nonlinearity: str) -> Callable[[Tensor, Tensor, TensorLike, Bias], Tensor]:
    if nonlinearity not in _NONLINEARITIES:
        raise ValueError(f"expected a nonlinearity among {', '.join(_NONLINEARITIES)}, found {nonlinearity!r}")
    activation = _NONLINEARITIES[nonlinearity]

    def step(projected: Tensor, h: Tensor, weight_hh: TensorLike, bias_hh: Bias) -> Tensor:
        return activation(projected + linear(h, weight_hh, bias_hh))

    return step


def _lstm(projected: Tensor, h: Tensor, c: Tensor, weight_hh: TensorLike, bias_hh: Bias) -> Pair:
    i, f, g, o = lg.split(projected + linear(h, weight_hh, bias_hh), 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * lg.tanh(g)
    return sigmoid(o) * lg.tanh(c), c


def _gru(projected: Tensor, h: Tensor, weight_hh: TensorLike, bias_hh: Bias) -> Tensor:
    r_x, z_x, n_x = lg.split(projected, 3, axis=-1)
    r_h, z_h, n_h = lg.split(linear(h, weight_hh, bias_hh), 3, axis=-1)
    n = lg.tanh(n_x + sigmoid(r_x + r_h) * n_h)
    z = sigmoid(z_x + z_h)
    return n + z * (h - n)


# --- sequences --------------------------------------------------------------------------------------------------------


@composite
def rnn(
    x: TensorLike,
    h: TensorLike | None,
    weight_ih: TensorLike,
    weight_hh: TensorLike,
    bias_ih: Bias = None,
    bias_hh: Bias = None,
    nonlinearity: str = "tanh",
    mask: TensorLike | None = None,
    reverse: bool = False,
) -> Pair:
    """`rnn_cell` over sequences: x (n, length, inputs), h (n, hidden) or None for zeros ->
    (the states (n, length, hidden), the last one (n, hidden)).

    Where `mask` (n, length), bools, is False there is no step: the state stays as it was and 0 stands among the states.
    `reverse` walks from the last step to the first; with a mask it so begins at each sequence's own end. Lengths become
    a mask by `lg.arange(length) < lengths[:, None]`. The states stand at their steps' positions in either direction.

    Raises ShapeError or DTypeError for operands that do not fit, ValueError for another nonlinearity.

    >>> import lazygraph as lg
    >>> states, last = lg.nn.rnn([[[1.0], [2.0], [9.0]]], None, [[1.0]], [[1.0]], nonlinearity="relu",
    ...                          mask=[[True, True, False]])
    >>> states.eval()[0, :, 0], last.eval()
    (array([1., 3., 0.]), array([[3.]]))
    """
    step = _elman(nonlinearity)
    projected = _projected(x, weight_ih, _sum(bias_ih, bias_hh), mask)
    start = (_start(h, projected, weight_hh),)
    states, (last,) = _over(lambda now, h: (step(now, h[0], weight_hh, None),), projected, start, mask, reverse)
    return states, last


@composite
def lstm(
    x: TensorLike,
    state: tuple[TensorLike, TensorLike] | None,
    weight_ih: TensorLike,
    weight_hh: TensorLike,
    bias_ih: Bias = None,
    bias_hh: Bias = None,
    mask: TensorLike | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Pair]:
    """`lstm_cell` over sequences: x (n, length, inputs), state (h, c) each (n, hidden) or None for zeros ->
    (every h (n, length, hidden), the last (h, c)). `mask` and `reverse` as in `lg.nn.rnn`, and its errors.

    >>> import lazygraph as lg
    >>> states, (h, c) = lg.nn.lstm([[[1.0], [2.0]]], None, [[1.0]] * 4, [[0.0]] * 4)
    >>> states.shape, bool(lg.all(states[:, -1] == h))
    ((1, 2, 1), True)
    """
    projected = _projected(x, weight_ih, _sum(bias_ih, bias_hh), mask)
    h, c = (None, None) if state is None else state
    start = (_start(h, projected, weight_hh), _start(c, projected, weight_hh))
    states, (h, c) = _over(
        lambda now, each: _lstm(now, each[0], each[1], weight_hh, None), projected, start, mask, reverse
    )
    return states, (h, c)


@composite
def gru(
    x: TensorLike,
    h: TensorLike | None,
    weight_ih: TensorLike,
    weight_hh: TensorLike,
    bias_ih: Bias = None,
    bias_hh: Bias = None,
    mask: TensorLike | None = None,
    reverse: bool = False,
) -> Pair:
    """`gru_cell` over sequences: x (n, length, inputs), h (n, hidden) or None for zeros ->
    (the states (n, length, hidden), the last one (n, hidden)). `mask` and `reverse` as in `lg.nn.rnn`, and its errors.

    >>> import lazygraph as lg
    >>> states, last = lg.nn.gru([[[1.0], [2.0]]], None, [[1.0]] * 3, [[0.0]] * 3, reverse=True)
    >>> states.shape, bool(lg.all(states[:, 0] == last))
    ((1, 2, 1), True)
    """
    projected = _projected(x, weight_ih, bias_ih, mask)
    start = (_start(h, projected, weight_hh),)
    states, (last,) = _over(lambda now, h: (_gru(now, h[0], weight_hh, bias_hh),), projected, start, mask, reverse)
    return states, last


def _sum(first: Bias, second: Bias) -> Bias:
    """Both biases in one, where both are."""
    return second if first is None else first if second is None else floating(first) + second


def _projected(x: TensorLike, weight_ih: TensorLike, bias: Bias, mask: TensorLike | None) -> Tensor:
    """What the gates take from the inputs, steps first: (length, n, gates)."""
    sequence = floating(x)
    if sequence.ndim != 3:
        raise ShapeError(f"expected sequences (n, length, inputs), found {shape_text(sequence.shape)}")
    if mask is not None:
        given = Tensor(value_of(mask))
        if given.dtype.kind != "bool":
            raise DTypeError(f"expected a mask of bools (n, length), found {given.dtype}")
        if given.ndim != 2:
            raise ShapeError(f"expected a mask (n, length), found {shape_text(given.shape)}")
    return lg.moveaxis(linear(sequence, weight_ih, bias), 1, 0)


def _start(state: TensorLike | None, projected: Tensor, weight_hh: TensorLike) -> Tensor:
    """The state before the first step: (n, hidden)."""
    hidden = Tensor(value_of(weight_hh)).shape[-1]
    shape = (projected.shape[1], hidden)
    if state is None:
        return lg.zeros(shape, projected.dtype)
    given = floating(state)
    if given.shape != shape:
        raise ShapeError(f"expected a state {shape_text(shape)}, found {shape_text(given.shape)}")
    return given.astype(projected.dtype)


def _over(
    cell: Callable[[Tensor, State], State],
    projected: Tensor,
    start: State,
    mask: TensorLike | None,
    reverse: bool,
) -> tuple[Tensor, State]:
    """The cell from step to step: the first part of the state after each, with the steps second, and the last state."""

    def free(state: State, now: Tensor) -> tuple[State, Tensor]:
        state = cell(now, state)
        return state, state[0]

    def masked(state: State, now: tuple[Tensor, Tensor]) -> tuple[State, Tensor]:
        projection, real = now
        state = tuple([lg.where(real, new, old) for new, old in zip(cell(projection, state), state)])
        return state, lg.where(real, state[0], 0)

    if mask is None:
        last, states = lg.scan(free, start, projected, reverse=reverse)
    else:
        real = lg.expand_dims(lg.moveaxis(Tensor(value_of(mask)), 1, 0), -1)
        last, states = lg.scan(masked, start, (projected, real), reverse=reverse)
    return lg.moveaxis(states, 0, 1), last
