"""Where a product's result lands: through the reshapes and transposes that alone read it, into the last of them.
In: a product's value and its users. Out: the chain of values, index maps along it, and which axis of the product is
contiguous where it lands. A transposed result then costs no copy, and what follows it is an epilogue like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.loop.ir import Index
from lazygraph.compiler.loop.spaces import offset
from lazygraph.compiler.loop.views import identity, output_symbols
from lazygraph.compiler.ops.lowering import Form, Product
from lazygraph.compiler.ops.structural import split_index

Chain = tuple[Value, ...]  # the product's value, then movements of it, each the only reader of the one before


def _transposed(node: Node, index: Index) -> Index:
    return tuple([index[axis] for axis in node["permutation"]])


def _reshaped(node: Node, index: Index) -> Index:
    return split_index(index, node.inputs[0].shape, node.output.shape)


# the index of a movement's result at which an element of its operand lands
_FORWARD: Mapping[str, Callable[[Node, Index], Index]] = {"transpose": _transposed, "reshape": _reshaped}


def landing(graph: Graph, results: Set[Value], node: Node) -> Chain:
    """The longest chain from a product's value into which it can be stored along its vectors."""
    chain = [node.output]
    while chain[-1] not in results:
        users = graph.users[chain[-1]]
        if len(users) != 1 or users[0].op.name not in _FORWARD:
            break
        chain.append(users[0].output)
    while len(chain) > 1 and not _contiguous(tuple(chain)):
        chain.pop()
    return tuple(chain)


def lands(chain: Chain, value: Value) -> bool:
    """Whether a movement of what was computed from the chain's last value may be stored by the same kernel."""
    return value.node.op.name in _FORWARD and _stored_along_vectors(form_of(chain), (*chain, value))


def landed(chain: Chain, index: Index) -> Index:
    """The index of the chain's last value at which the product's element lands."""
    for value in chain[1:]:
        index = _FORWARD[value.node.op.name](value.node, index)
    return index


def form_of(chain: Chain) -> Form:
    """The product's form for where it lands."""
    product = chain[0].node.op.lower
    assert isinstance(product, Product)
    return product.form(chain[0].node, _innermost(chain))


def _innermost(chain: Chain) -> int:
    """The axis of the product along which neighbours land side by side; its last one where no other does."""
    last = len(chain[0].shape) - 1
    if len(chain) == 1:
        return last
    position = offset(landed(chain, identity(chain[0])), chain[-1].shape)
    symbols = output_symbols(chain[0])
    moving = [axis for axis, extent in enumerate(chain[0].shape) if extent != 1]
    return next((axis for axis in moving if dims.linear_in(position, symbols[axis])[0] == 1), last)


def _contiguous(chain: Chain) -> bool:
    return _stored_along_vectors(form_of(chain), chain)


def _stored_along_vectors(form: Form, chain: Chain) -> bool:
    """Whether neighbours along the form's n are stored side by side at the end of the chain, or as they would be
    without it."""
    axes = {}
    for role in ("batch", "m", "n"):
        extents = getattr(form, role)
        axes[role] = tuple([dims.symbol(f"{role}{place}", 0, extent - 1) for place, extent in enumerate(extents)])
    moving = [dims.as_symbol(each) for each, extent in zip(axes["n"], form.n) if extent != 1]
    if not moving or moving[-1] is None:
        return False
    own = form.place(axes["batch"], axes["m"], axes["n"])
    strides = [dims.linear_in(offset(landed(each, own), each[-1].shape), moving[-1])[0] for each in (chain, chain[:1])]
    return strides[0] == 1 or strides[0] is not None and strides[0] == strides[1]
