"""Blocks of rows of a CSR, blocks of columns of a CSC: entries that stand side by side.

In: a matrix whose offsets are known when the graph is built, and a slice along its compressed axis. Out: a matrix of
the same kind; its values are a slice of the values, so gradients reach them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import lazygraph as lg
from lazygraph.compiler.ops.compose import emit
from lazygraph.errors import UnknownValueError
from lazygraph.frames import traced
from lazygraph.sparse.parts import parts
from lazygraph.tensor import Tensor

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import Sparse

S = TypeVar("S", bound="Sparse")
WHOLE = slice(None)


@traced
def sliced(a: S, key: Any) -> S:
    """a[i:j] of a CSR, a[:, i:j] of a CSC."""
    own, name = parts(a), type(a).__name__
    if own.offsets.node.op.name != "constant":
        raise UnknownValueError(f"a slice of a {name} whose offsets only a call knows: slice it before the call")
    array = own.offsets.node["value"]
    start, stop = _range(key, own.major, len(array) - 1, name)
    offsets = array[start : max(start, stop) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    data, indices = (
        Tensor(emit("slice", each, starts=(first,), stops=(last,), steps=(1,))) for each in (own.data, own.indices)
    )
    return type(a)(data, indices, lg.constant(offsets - offsets[0]), a.extent)


def _range(key: Any, major: int, extent: int, name: str) -> tuple[int, int]:
    """(start, stop) along the compressed axis; IndexError for what is no slice of neighbours along it."""
    keys = key if isinstance(key, tuple) else (key,)
    own = keys[major] if major < len(keys) else WHOLE
    others = [each for axis, each in enumerate(keys) if axis != major]
    neighbours = isinstance(own, slice) and own.step in (None, 1)
    if not neighbours or len(keys) > 2 or any(not isinstance(each, slice) or each != WHOLE for each in others):
        wanted = "a[:, i:j]" if major else "a[i:j]"
        raise IndexError(f"a {name} is sliced as {wanted}, found {key!r}; tocsr and tocsc give the other kind")
    start, stop, _ = own.indices(extent)
    return start, stop
