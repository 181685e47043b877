"""Recurrent layers with weights, named and laid out as in torch.nn with batch_first.

In: sizes, and `rng`: a NumPy generator or a seed for one, from which initial weights are drawn (torch's defaults). Out:
modules: called with sequences (n, length, inputs) and a state, they give every output and the last state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.nn import recurrent as functions
from lazygraph.nn.initializers import fan_in_uniform
from lazygraph.nn.modules.layers import Dropout, Rng
from lazygraph.nn.modules.module import Module, Training
from lazygraph.nn.piecewise import floating
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.state import Variable, variable
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

Weights = tuple[Variable, Variable, Variable | None, Variable | None]  # weight_ih, weight_hh, bias_ih, bias_hh


class _Weighted(Module):
    """Weights of cells under torch's names: "weight_ih" and so on, with a suffix."""

    gates: ClassVar[int]

    def _draw(
        self, suffix: str, inputs: int, hidden: int, bias: bool, rng: np.random.Generator, dtype: DTypeLike | DType
    ) -> None:
        """Weights (gates * hidden, inputs) and (gates * hidden, hidden), biases (gates * hidden,), all uniform in
        +-1 / sqrt(hidden)."""
        rows = self.gates * hidden
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden)}
        if bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        for name, shape in shapes.items():
            value = variable(fan_in_uniform(shape, hidden, rng, dtype), f"{name}{suffix}")
            setattr(self, f"{name}{suffix}", value)

    def _weights(self, suffix: str) -> Weights:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weight_ih, weight_hh, bias_ih, bias_hh = [getattr(self, f"{name}{suffix}", None) for name in names]
        assert weight_ih is not None and weight_hh is not None
        return weight_ih, weight_hh, bias_ih, bias_hh


# --- cells ------------------------------------------------------------------------------------------------------------


class _Cell(_Weighted):
    def __init__(
        self, inputs: int, hidden: int, bias: bool = True, *, rng: Rng, dtype: DTypeLike | DType = dtypes.float32
    ) -> None:
        self._draw("", inputs, hidden, bias, np.random.default_rng(rng), dtype)

    def _zeros(self, x: Tensor) -> Tensor:
        return lg.zeros((*x.shape[:-1], self._weights("")[1].shape[-1]), x.dtype)


class RNNCell(_Cell):
    """`lg.nn.rnn_cell`: x (n, inputs), h (n, hidden) or None for zeros -> (n, hidden).

    `nonlinearity` is "tanh" or "relu". Weights start uniform in +-1 / sqrt(hidden).

    >>> import lazygraph as lg
    >>> lg.nn.RNNCell(3, 4, rng=0)([[1.0, 2.0, 3.0]]).shape
    (1, 4)
    """

    gates = 1

    def __init__(
        self,
        inputs: int,
        hidden: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: Rng,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        super().__init__(inputs, hidden, bias, rng=rng, dtype=dtype)
        self.nonlinearity = nonlinearity

    def __call__(self, x: TensorLike, train: Training | None = None, h: TensorLike | None = None) -> Tensor:
        given = floating(x)
        state = self._zeros(given) if h is None else h
        return functions.rnn_cell(given, state, *self._weights(""), self.nonlinearity)


class LSTMCell(_Cell):
    """`lg.nn.lstm_cell`: x (n, inputs), state (h, c) each (n, hidden) or None for zeros -> (h, c).

    Weights start uniform in +-1 / sqrt(hidden).

    >>> import lazygraph as lg
    >>> h, c = lg.nn.LSTMCell(3, 4, rng=0)([[1.0, 2.0, 3.0]])
    >>> h.shape, c.shape
    ((1, 4), (1, 4))
    """

    gates = 4

    def __call__(
        self, x: TensorLike, train: Training | None = None, state: tuple[TensorLike, TensorLike] | None = None
    ) -> tuple[Tensor, Tensor]:
        given = floating(x)
        start = (self._zeros(given), self._zeros(given)) if state is None else state
        return functions.lstm_cell(given, start, *self._weights(""))


class GRUCell(_Cell):
    """`lg.nn.gru_cell`: x (n, inputs), h (n, hidden) or None for zeros -> (n, hidden).

    Weights start uniform in +-1 / sqrt(hidden).

    >>> import lazygraph as lg
    >>> lg.nn.GRUCell(3, 4, rng=0)([[1.0, 2.0, 3.0]]).shape
    (1, 4)
    """

    gates = 3

    def __call__(self, x: TensorLike, train: Training | None = None, h: TensorLike | None = None) -> Tensor:
        given = floating(x)
        return functions.gru_cell(given, self._zeros(given) if h is None else h, *self._weights(""))


# --- layers -----------------------------------------------------------------------------------------------------------


class _Recurrent(_Weighted):
    """Layers of cells over sequences: each layer reads the outputs of the one before, of both directions side by side.

    Weights go by torch's names: `weight_ih_l0`, ..., `bias_hh_l1_reverse`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Rng,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        if num_layers < 1:
            raise ValueError(f"expected one layer or more, found {num_layers}")
        generator = np.random.default_rng(rng)
        self.hidden, self.num_layers, self.bidirectional = hidden, num_layers, bidirectional
        self.dropout = Dropout(dropout)
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                width = inputs if layer == 0 else hidden * len(self._suffixes(0))
                self._draw(suffix, width, hidden, bias, generator, dtype)

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse") if self.bidirectional else (f"_l{layer}",)

    def parts(self) -> Iterator[tuple[str, Any]]:
        return iter([(name, value) for name, value in super().parts() if name != "dropout"])

    def _states(self, states: Sequence[TensorLike] | None) -> list[list[Tensor] | None]:
        """The states of each layer and direction: of each part of the state, one (n, hidden)."""
        count = self.num_layers * len(self._suffixes(0))
        if states is None:
            return [None] * count
        given = [floating(each) for each in states]
        for each in given:
            if each.ndim != 3 or each.shape[0] != count:
                expected = f"a state ({count}, n, {self.hidden}): layers times directions first"
                raise ShapeError(f"expected {expected}, found {shape_text(each.shape)}")
        return [[each[place] for each in given] for place in range(count)]

    def _run(
        self, x: TensorLike, states: Sequence[TensorLike] | None, mask: TensorLike | None, train: Training | None
    ) -> tuple[Tensor, list[Tensor]]:
        """The outputs of the last layer, and of each part of the state what all layers and directions end with."""
        starts = iter(self._states(states))
        value, ends = floating(x), []
        for layer in range(self.num_layers):
            value = self.dropout(value, train) if layer else value
            outputs = []
            for suffix in self._suffixes(layer):
                output, end = self._one(value, next(starts), suffix, mask, suffix.endswith("reverse"))
                outputs.append(output)
                ends.append(end)
            value = outputs[0] if len(outputs) == 1 else lg.concat(outputs, axis=-1)
        return value, [lg.stack(each) for each in zip(*ends)]

    def _one(
        self, x: Tensor, start: list[Tensor] | None, suffix: str, mask: TensorLike | None, reverse: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One layer in one direction: every output, and each part of the last state."""
        raise NotImplementedError(f"{type(self).__name__} has no _one")


class _Hidden(_Recurrent):
    """Layers whose state is h alone."""

    def __call__(
        self,
        x: TensorLike,
        train: Training | None = None,
        h: TensorLike | None = None,
        mask: TensorLike | None = None,
    ) -> tuple[Tensor, Tensor]:
        output, (last,) = self._run(x, None if h is None else (h,), mask, train)
        return output, last

    def _one(
        self, x: Tensor, start: list[Tensor] | None, suffix: str, mask: TensorLike | None, reverse: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        output, last = self._walk(x, None if start is None else start[0], suffix, mask, reverse)
        return output, (last,)

    def _walk(
        self, x: Tensor, h: Tensor | None, suffix: str, mask: TensorLike | None, reverse: bool
    ) -> tuple[Tensor, Tensor]:
        """One layer in one direction: every h, and the last one."""
        raise NotImplementedError(f"{type(self).__name__} has no _walk")


class RNN(_Hidden):
    """Elman layers, `lg.nn.rnn`: x (n, length, inputs) -> (outputs (n, length, D hidden), last state (L D, n, hidden)),
    with L layers and D directions.

    `h` is the state to start from, laid out as the last one; zeros where it is None. `mask` (n, length), bools, says
    which steps there are, for sequences of unequal lengths. `dropout` drops outputs of all layers but the last in
    training. `nonlinearity` is "tanh" or "relu". Weights start uniform in +-1 / sqrt(hidden).

    >>> import lazygraph as lg
    >>> outputs, last = lg.nn.RNN(3, 4, num_layers=2, bidirectional=True, rng=0)(lg.zeros((5, 7, 3)))
    >>> outputs.shape, last.shape
    ((5, 7, 8), (4, 5, 4))
    """

    gates = 1

    def __init__(
        self,
        inputs: int,
        hidden: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Rng,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        super().__init__(inputs, hidden, num_layers, bias, dropout, bidirectional, rng=rng, dtype=dtype)
        self.nonlinearity = nonlinearity

    def _walk(
        self, x: Tensor, h: Tensor | None, suffix: str, mask: TensorLike | None, reverse: bool
    ) -> tuple[Tensor, Tensor]:
        return functions.rnn(x, h, *self._weights(suffix), self.nonlinearity, mask, reverse)


class LSTM(_Recurrent):
    """Long short-term memory, `lg.nn.lstm`: x (n, length, inputs) -> (outputs (n, length, D hidden), (h, c)), with the
    last h and c (L D, n, hidden) of L layers and D directions.

    `state` is the (h, c) to start from, laid out as the last one; zeros where it is None. `mask` (n, length), bools,
    says which steps there are, for sequences of unequal lengths. `dropout` drops outputs of all layers but the last in
    training. Weights start uniform in +-1 / sqrt(hidden).

    >>> import lazygraph as lg
    >>> layer = lg.nn.LSTM(3, 4, rng=0)
    >>> outputs, (h, c) = layer(lg.placeholder((lg.dim("n"), lg.dim("t"), 3), lg.float32, "x"))
    >>> outputs.shape, c.shape
    ((Dim(n), Dim(t), 4), (1, Dim(n), 4))
    """

    gates = 4

    def __call__(
        self,
        x: TensorLike,
        train: Training | None = None,
        state: tuple[TensorLike, TensorLike] | None = None,
        mask: TensorLike | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        output, (h, c) = self._run(x, state, mask, train)
        return output, (h, c)

    def _one(
        self, x: Tensor, start: list[Tensor] | None, suffix: str, mask: TensorLike | None, reverse: bool
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        state = None if start is None else (start[0], start[1])
        return functions.lstm(x, state, *self._weights(suffix), mask, reverse)


class GRU(_Hidden):
    """Gated recurrent units, `lg.nn.gru`: x (n, length, inputs) -> (outputs (n, length, D hidden), last state
    (L D, n, hidden)), with L layers and D directions.

    `h`, `mask` and `dropout` as in `lg.nn.RNN`. Weights start uniform in +-1 / sqrt(hidden).

    >>> import lazygraph as lg
    >>> outputs, last = lg.nn.GRU(3, 4, rng=0)(lg.zeros((5, 7, 3)), mask=lg.arange(7) < lg.full((5, 1), 6))
    >>> outputs.shape, last.shape
    ((5, 7, 4), (1, 5, 4))
    """

    gates = 3

    def _walk(
        self, x: Tensor, h: Tensor | None, suffix: str, mask: TensorLike | None, reverse: bool
    ) -> tuple[Tensor, Tensor]:
        return functions.gru(x, h, *self._weights(suffix), mask, reverse)
