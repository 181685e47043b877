"""What a step shows while it runs.

In: a tensor and a text. Out: the tensor, printed each time it is computed.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ops.printing import printed
from lazygraph.frames import traced
from lazygraph.promotion import value_of
from lazygraph.runtime.artifact import text_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["print"]


@traced
def print(x: TensorLike, text: str = "") -> Tensor:
    """x, printed whenever a step computes it, as NumPy prints it: `text: value`.

    A text with braces is a format of one value: "loss {:.3f}"; `{{` stands for a brace. Prints and checks come in the
    order of data flow, and where they do not depend on each other in the order of the lines that asked for them; within
    `Function.repeat` in every step. What was printed before a check failed or Ctrl-C came has been printed; nothing is
    printed once variables are being written. The print belongs to its result: where nothing uses that, nothing is
    printed. A derivative does not print again; `lg.vmap` prints the whole batch. Output goes to `sys.stdout`; an
    exception there ends the call, before it has changed a variable.

    Raises ValueError for a text that does not format one value of this shape.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float64, "x")
    >>> total = lg.print(lg.sum(lg.print(x, "x")), "total {:.2f}")
    >>> lg.function([x], total * 2)([1, 2])
    x: [1. 2.]
    total 3.00
    array(6.)
    """
    if not isinstance(text, str):
        raise TypeError(f"print: text: expected a text, found {text!r}")
    value = value_of(x)
    try:
        text_of(text, np.ones((1,) * value.type.rank, value.dtype.numpy))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        expected = 'expected a label, or a format of one value such as "loss {:.3f}"'
        raise ValueError(f"print: text: {expected}, found {text!r}: {error}") from None
    return Tensor(printed(value, text))
