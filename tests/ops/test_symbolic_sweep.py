"""Every record over symbolic extents: one compilation, the reference's values at several sizes.

In: the cases of an op, their extents replaced by symbols wherever its type rule takes that. Out: the op and the sizes
at which compiled code and interpreter differ. Elementwise ops also read a row that is broadcast, fused into them.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import CheckFailed, ShapeError
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import OPS, Op, apply
from lazygraph.runtime.dtypes import DType, float32, from_numpy
from tests.ops.agreement import assert_agrees
from tests.ops.harness import Applied
from tests.ops.native import THREADS, compiled, run

MOST = 6  # cases of an op
EXTENTS = ("shape", "stops")  # attributes that speak of extents; the others count, name axes, or choose
SIZES = ((0, 3), (3, 0), (1, 1), (7, 67), (2, 5))  # none, one, a prime and more than a vector


def chosen_dtype(op: Op) -> DType:
    return float32 if float32 in op.domain.dtypes else op.domain.dtypes[0]


def with_symbols(value: Any, symbols: Mapping[int, Extent]) -> Any:
    return tuple(symbols.get(each, each) for each in value) if isinstance(value, tuple) else value


def symbolic(op: Op, place: int, arrays: tuple[np.ndarray, ...], attributes: dict[str, Any]) -> list[Applied]:
    """The case over symbols: all extents, else those of each size alone; of any value, else not
    below the case's; in attributes too, else not."""
    rest = {name: each for name, each in attributes.items() if name != "graphs"}
    sizes = sorted({extent for array in arrays for extent in array.shape if extent > 1})
    choices = (sizes, *([each] for each in sizes))
    for taken, bounded in itertools.product(choices, (False, True)):
        symbols = {each: dims.symbol(f"n{place}_{each}", lower=each if bounded else 0) for each in taken}
        parameters = tuple(
            new_parameter(f"x{number}", from_numpy(each.dtype), with_symbols(each.shape, symbols))
            for number, each in enumerate(arrays)
        )
        speaking = {name: with_symbols(rest[name], symbols) for name in EXTENTS if name in rest}
        for attributes in (rest | speaking, rest):
            try:
                node = apply(op, parameters, attributes)[0].node
            except ShapeError:
                continue
            return [Applied(parameters, arrays, node)] if taken else []
    return []


def cases(op: Op) -> list[Applied]:
    found: list[Applied] = []
    for place, (arrays, attributes) in enumerate(op.domain.cases(np.random.default_rng(8), chosen_dtype(op))):
        if len(found) < MOST and "graphs" not in attributes:
            found += symbolic(op, place, tuple(np.asarray(each) for each in arrays), attributes)
    return found


NAMES = [name for name in sorted(OPS) if OPS[name].domain.dtypes]
SYMBOLIC = {name: [] if OPS[name].flags.elementwise else cases(OPS[name]) for name in NAMES}


def has_extents(op: Op) -> bool:
    """Whether there are operands, and no sub-graphs of types of their own."""
    arrays, attributes = op.domain.cases(np.random.default_rng(8), chosen_dtype(op))[0]
    return bool(arrays) and "graphs" not in attributes and not op.flags.elementwise


def test_every_op_with_operands_takes_symbolic_extents() -> None:
    assert [name for name in NAMES if has_extents(OPS[name]) and not SYMBOLIC[name]] == []


@pytest.mark.parametrize("name", [name for name, found in SYMBOLIC.items() if found])
def test_one_compilation_gives_the_references_values(name: str) -> None:
    found = SYMBOLIC[name]
    parameters = tuple(each for case in found for each in case.parameters)
    arrays = [each for case in found for each in case.arrays]
    graph = Graph(name, parameters, tuple(each for case in found for each in case.node.outputs))
    expected = interpret(graph, arrays).outputs
    owners = [case for case in found for _ in case.node.outputs]
    for case, result, reference in zip(owners, run(compiled(graph), arrays, THREADS), expected, strict=True):
        assert_agrees(case, result, reference)


@pytest.mark.parametrize("name", [name for name in SYMBOLIC if OPS[name].flags.elementwise])
def test_an_elementwise_op_serves_every_size_and_reads_rows_that_are_broadcast(name: str) -> None:
    """Every operand of shape (n, m), and each in turn a row (m,) repeated n times."""
    op = OPS[name]
    arrays, attributes = op.domain.cases(np.random.default_rng(8), chosen_dtype(op))[-2]
    shape = (dims.symbol("n"), dims.symbol("m"))
    dtypes = [from_numpy(each.dtype) for each in arrays]
    full = tuple(new_parameter(f"x{place}", each, shape) for place, each in enumerate(dtypes))
    rows = tuple(new_parameter(f"row{place}", each, shape[1:]) for place, each in enumerate(dtypes))
    outputs: list[Value] = [apply(op, full, attributes)[0]]
    for place, row in enumerate(rows):
        mixed = list(full)
        mixed[place] = emit("broadcast", row, shape=shape, axes=(1,))
        outputs.append(apply(op, mixed, attributes)[0])
    graph = Graph(name, (*full, *rows), tuple(outputs))
    artifact = compiled(graph)
    for n, m in SIZES:
        given = [np.resize(each, (n, m)) for each in arrays] + [np.resize(each, (m,)) for each in arrays]
        try:
            expected = interpret(graph, given).outputs
        except CheckFailed:
            continue
        owner = Applied(full, tuple(given[: len(full)]), outputs[0].node)
        for result, reference in zip(run(artifact, given, THREADS), expected, strict=True):
            assert_agrees(owner, result, reference)
