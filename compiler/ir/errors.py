"""The errors of a graph that does not fit together: raised by type rules where a node is made.

A message is a sentence that starts with the op's name and says what was expected and what was found.
"""

from collections.abc import Sequence

from lazygraph.runtime.artifact import CheckFailed as CheckFailed


class ShapeError(ValueError):
    """Shapes, axes or extents that an op cannot take."""


class BoundsError(IndexError):
    """An index that lies outside its axis, whatever the inputs are."""


class DTypeError(TypeError):
    """An element type that an op cannot take, or operands whose types differ."""


def shape_text(shape: Sequence[object]) -> str:
    """A shape as users write it: (n, 784)."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
