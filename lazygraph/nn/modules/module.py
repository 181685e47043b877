"""Modules: layers that own their weights, put together as attributes of one another.

In: variables and modules, as attributes. Out: parameters and buffers by dotted names, states to save and load, and for
a training pass the new values of buffers. A module is called with a tensor and, in training, with a `Training`; nothing
is remembered between calls and nothing is global.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lazygraph.errors import shape_text
from lazygraph.random import Stream
from lazygraph.state import Variable
from lazygraph.tensor import Tensor

__all__ = ["Module", "Training"]


class Training:
    """What a pass in training mode needs and leaves behind; without one, modules are called for inference.

    `random` is a `lg.random.Stream` or its seed: dropout draws from it. `updates` collects the new values of buffers
    (running statistics of batch norms), for `lg.function` beside an optimizer's.

    >>> import lazygraph as lg
    >>> import numpy as np
    >>> norm = lg.nn.BatchNorm(3)
    >>> x = lg.placeholder((lg.dim("n"), 3), lg.float32, "x")
    >>> train = lg.nn.Training()
    >>> step = lg.function([x], lg.sum(norm(x, train)), updates=train.updates)
    >>> _ = step(np.ones((4, 3), np.float32))
    >>> norm.running_mean.numpy()
    array([0.1, 0.1, 0.1], dtype=float32)
    """

    def __init__(self, random: Stream | int | None = None) -> None:
        self.random = Stream(random) if isinstance(random, int) else random
        self.updates: dict[Variable, Tensor] = {}

    def key(self) -> Tensor:
        """A random key that no other draw has. ValueError where the pass was given no source."""
        if self.random is None:
            raise ValueError("this training pass draws random numbers: give it a source, Training(random=seed)")
        return self.random.key()

    def latest(self, buffer: Variable) -> Tensor:
        """The buffer's value at this place of the pass: its newest, where the pass has renewed it before."""
        return self.updates.get(buffer, buffer)

    def renew(self, buffer: Variable, value: Tensor) -> None:
        """Let the buffer hold this value after the step."""
        self.updates[buffer] = value


class Module:
    """A layer with weights: variables and further modules are its attributes, also in lists, tuples and dicts.

    Variables named in the class attribute `buffers` are no parameters: they are saved with the rest, but an optimizer
    does not see them. A variable that is reached twice is shared, and goes by its first name. Subclasses define
    `__call__(self, x, train=None)`.

    >>> import lazygraph as lg
    >>> class Scale(lg.nn.Module):
    ...     def __init__(self, width):
    ...         self.factor = lg.variable([1.0] * width, "factor", lg.float32)
    ...     def __call__(self, x, train=None):
    ...         return x * self.factor
    >>> model = lg.nn.Sequential(Scale(3), lg.nn.relu, lg.nn.Linear(3, 2, rng=0))
    >>> [name for name, _ in model.named_parameters()]
    ['0.factor', '2.weight', '2.bias']
    >>> print(model)
    Sequential: 11 parameters
      0: Scale: 3 parameters
        factor: float32 (3,)
      1: relu
      2: Linear: 8 parameters
        weight: float32 (2, 3)
        bias: float32 (2,)
    """

    buffers: ClassVar[tuple[str, ...]] = ()

    def __call__(self, x: Any, train: Training | None = None) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, x, train=None)")

    def parts(self) -> Iterator[tuple[str, Any]]:
        """The attributes in the order in which they were set, those in containers one by one ("blocks.0")."""
        for name, value in vars(self).items():
            yield from _flat(name, value)

    # --- names -------------------------------------------------------------------------------------------------------

    def named_parameters(self) -> Iterator[tuple[str, Variable]]:
        """(dotted name, variable) of each parameter, in the order in which attributes were set."""
        return iter([(name, found) for name, found, is_buffer in _variables(self) if not is_buffer])

    def named_buffers(self) -> Iterator[tuple[str, Variable]]:
        """(dotted name, variable) of each buffer."""
        return iter([(name, found) for name, found, is_buffer in _variables(self) if is_buffer])

    def parameters(self) -> list[Variable]:
        """What an optimizer trains: `lg.optim.SGD(0.1).minimize(loss, module.parameters())`."""
        return [found for _, found in self.named_parameters()]

    # --- state -------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """A copy of every parameter and buffer, by dotted name.

        >>> import lazygraph as lg
        >>> {name: array.shape for name, array in lg.nn.Linear(3, 2, rng=0).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return {name: found.numpy() for name, found, _ in _variables(self)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Assign every parameter and buffer from arrays of the same names.

        Raises ValueError that lists names which are missing or unexpected, shapes that differ, and dtypes that would
        lose digits; then nothing has been assigned.

        >>> import lazygraph as lg
        >>> model = lg.nn.Linear(3, 2, rng=0)
        >>> model.load_state_dict({"weight": model.weight.numpy()[:, :2]})
        Traceback (most recent call last):
        ValueError: the state does not fit Linear
          missing: bias
          weight: expected float32 (2, 3), found float32 (2, 2)
        """
        known = {name: found for name, found, _ in _variables(self)}
        arrays = {name: np.asarray(array) for name, array in state.items()}
        missing, unexpected = known.keys() - arrays.keys(), arrays.keys() - known.keys()
        wrong = [
            f"  {what}: {', '.join(sorted(names))}"
            for what, names in (("missing", missing), ("unexpected", unexpected))
            if names
        ]
        for name, found in known.items():
            array = arrays.get(name)
            if array is not None and not _fits(array, found):
                expected = f"expected {found.dtype} {shape_text(found.shape)}"
                wrong.append(f"  {name}: {expected}, found {array.dtype} {shape_text(array.shape)}")
        if wrong:
            raise ValueError("\n".join([f"the state does not fit {type(self).__name__}", *wrong]))
        for name, found in known.items():
            found.assign(arrays[name])

    # --- text --------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return "\n".join(_tree(self, ""))


def _fits(array: NDArray[Any], variable: Variable) -> bool:
    return array.shape == variable.state.shape and np.can_cast(array.dtype, variable.state.dtype, "safe")


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value under its name, or what a container holds under names of their own."""
    if isinstance(value, list | tuple):
        for at, each in enumerate(value):
            yield from _flat(f"{name}.{at}", each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}", each)
    else:
        yield name, value


def _variables(root: Module) -> Iterator[tuple[str, Variable, bool]]:
    """(dotted name, variable, whether it is a buffer), each variable once, each module's own before the next one's."""
    seen: set[int] = set()
    pending: list[tuple[str, Any, bool]] = [("", root, False)]
    while pending:
        name, each, is_buffer = pending.pop()
        if not isinstance(each, Module | Variable) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Variable):
            yield name, each, is_buffer
            continue
        lead = f"{name}." if name else ""
        below = [(f"{lead}{own}", part, own.split(".")[0] in each.buffers) for own, part in each.parts()]
        pending += reversed(below)


def _tree(module: Module, name: str) -> Iterator[str]:
    total = sum(variable.state.numpy().size for variable in module.parameters())
    yield f"{name}{': ' if name else ''}{type(module).__name__}: {total:,} parameters"
    for own, part in module.parts():
        if isinstance(part, Module):
            yield from (f"  {line}" for line in _tree(part, own))
        elif isinstance(part, Variable):
            note = ", a buffer" if own.split(".")[0] in module.buffers else ""
            yield f"  {own}: {part.dtype} {shape_text(part.shape)}{note}"
        elif callable(part):
            yield f"  {own}: {getattr(part, '__name__', repr(part))}"
