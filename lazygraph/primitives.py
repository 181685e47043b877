"""Ops that users call by the record's own name: those whose record says `public`.

In: the table of records. Out: one function each. So an elementwise op needs no line here, nor in any list.
"""

from __future__ import annotations

from collections.abc import Callable

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ops.record import OPS, Op
from lazygraph.frames import traced
from lazygraph.promotion import as_float, broadcast, same_dtype
from lazygraph.tensor import Tensor, TensorLike


def exported() -> dict[str, Callable[..., Tensor]]:
    """A function for every public record, by its name."""
    return {name: _function(op) for name, op in OPS.items() if op.flags.public}


def _function(op: Op) -> Callable[..., Tensor]:
    """The op over operands of any shapes and dtypes, as they promote; integers become float64 where it takes none."""
    takes_integers = any(dtype.is_integer for dtype in op.domain.dtypes)

    def function(*operands: TensorLike) -> Tensor:
        values = same_dtype(*operands)
        return Tensor(op(*broadcast(*(values if takes_integers else map(as_float, values)))))

    names = ", ".join(dtype.name for dtype in op.domain.dtypes)
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = f"{op.doc}\n\nElement by element over operands that broadcast, of one of the dtypes {names}."
    return traced(function)
