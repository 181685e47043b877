"""Type rules and derivatives over symbolic extents: one graph serves every size, and what cannot be decided is an
error.

In: graphs over a dim n. Out: the interpreter's results at several n, 0 and 1 among them, equal to plain NumPy.
"""

from collections.abc import Callable

import numpy as np
import pytest

import lazygraph.compiler.ops
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import OPS, zeros
from lazygraph.runtime.dtypes import float64, int64
from tests.ops.harness import pushed_forward
from tests.ops.native import THREADS, compiled, run

N = dims.symbol("n")
M = dims.symbol("m")
SIZES = (0, 1, 2, 7, 64, 67)

Program = Callable[[Value], Value]
PROGRAMS: dict[str, tuple[Program, Callable[[np.ndarray], np.ndarray]]] = {
    "flatten": (lambda x: emit("reshape", x, shape=(6 * N,)), lambda x: x.reshape(-1)),
    "regroup": (lambda x: emit("reshape", x, shape=(2 * N, 3)), lambda x: x.reshape(-1, 3)),
    "every other": (lambda x: cut(x, 0, N, 2), lambda x: x[::2]),
    "first five": (lambda x: cut(x, 0, dims.minimum(N, 5), 1), lambda x: x[:5]),
    "but the first": (lambda x: cut(x, dims.minimum(N, 1), N, 1), lambda x: x[1:]),
    "spaced": (lambda x: padded(x, 1, 2), lambda x: np.insert(np.insert(x, range(1, len(x)), 0, 0), 0, 0, 0)),
    "joined": (lambda x: emit("concat", x, x, axis=0), lambda x: np.concatenate([x, x])),
    "product": (lambda x: emit("reduce_prod", x, axes=(0,)), lambda x: np.prod(x, 0)),
    "gram": (lambda x: gram(x), lambda x: x.T @ x),
    "backwards": (lambda x: emit("reverse", x, axes=(0, 1)), lambda x: x[::-1, ::-1]),
}


def cut(x: Value, start: Extent, stop: Extent, step: int) -> Value:
    return emit("slice", x, starts=(start, 0), stops=(stop, 6), steps=(step, 1))


def gram(x: Value) -> Value:
    return emit("dot", x, x, batch=((), ()), contract=((0,), (0,)), accumulate=float64)


def padded(x: Value, low: int, step: int) -> Value:
    scalar = zeros(type(x.type)(x.dtype, ()))
    return emit("pad", x, scalar, low=(low, 0), high=(0, 0), interior=(step - 1, 0))


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_graph_serves_every_size(name: str) -> None:
    program, plain = PROGRAMS[name]
    x = new_parameter("x", float64, (N, 6))
    graph = Graph(name, (x,), (program(x),))
    for size in SIZES:
        array = np.random.default_rng(size).standard_normal((size, 6))
        (found,) = interpret(graph, [array]).outputs
        np.testing.assert_allclose(found, plain(array), rtol=1e-13)


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives_of_both_orders_and_transposes_type_check_and_agree(name: str) -> None:
    """Euler: for f of degree k, the derivative at x along x is k f(x), and again k^2 f(x); here k is 1, 2 or n."""
    program, plain = PROGRAMS[name]
    x = new_parameter("x", float64, (N, 6))
    y = program(x)
    (first,) = pushed_forward([y], {x: x})
    assert first is not None
    (second,) = pushed_forward([first], {x: x})
    assert second is not None
    if OPS[y.node.op.name].transpose is not lazygraph.compiler.ops.record.NOT_LINEAR and name != "gram":
        mask = (True,) + (False,) * (len(y.node.inputs) - 1)
        assert y.node.op.transpose(y.node, (y,), mask)[0].type == x.type
    for size in SIZES:
        degree = {"product": size, "gram": 2}.get(name, 1)
        array = np.random.default_rng(size).standard_normal((size, 6))
        found = interpret(Graph(name, (x,), (first, second)), [array]).outputs
        np.testing.assert_allclose(found[0], degree * plain(array), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found[1], degree**2 * plain(array), rtol=1e-12, atol=1e-12)


def counted(shape: tuple[Extent, ...]) -> Value:
    return emit("iota", dtype=int64, shape=shape, axis=0)


WIDE = 70
LOOPS: dict[str, Program] = {
    "sorted": lambda x: OPS["sort"](x, axis=0),
    "carried": lambda x: OPS["sort"](x, counted(x.shape), axis=0)[1],
    "looked up": lambda x: emit("gather", x, emit("sub", full_like(N - 1), counted((N,))), axes=(0,), mode="check"),
    "scattered": lambda x: emit("scatter_add", x, x, counted((N,)), axes=(0,), mode="check"),
    "scattered columns": lambda x: emit("scatter_add", x, columns(x), counted((WIDE,)), axes=(1,), mode="clip"),
    "drawn": lambda x: emit("random_bits", emit("constant", value=KEY), shape=(N, 3)),
    "greatest": lambda x: emit("argmax", x, axis=1),
}
KEY = np.array([1, 2], np.uint32)
KEY.flags.writeable = False


def full_like(extent: Extent) -> Value:
    return emit("broadcast", emit("extent", value=extent, dtype=int64), shape=(N,), axes=())


def columns(x: Value) -> Value:
    return emit("transpose", x, permutation=(1, 0))


def test_one_compilation_of_loops_serves_every_size() -> None:
    """Sort, gather, scatter and random bits at sizes around the blocks of their loops."""
    x = new_parameter("x", float64, (N, WIDE))
    graph = Graph("loops", (x,), tuple(program(x) for program in LOOPS.values()))
    artifact = compiled(graph)
    for size in (0, 1, 2, 67, 1023, 1025, 2049):
        array = np.random.default_rng(size).integers(-50, 50, (size, WIDE)).astype(np.float64)
        for found, expected in zip(run(artifact, [array], THREADS), interpret(graph, [array]).outputs, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_one_compilation_of_movements_serves_every_size() -> None:
    x = new_parameter("x", float64, (N, 6))
    moving = [program(x) for program, _ in PROGRAMS.values()]
    moving += [each for y in moving for each in pushed_forward([y], {x: x}) if each is not None]
    graph = Graph("movements", (x,), tuple(moving))
    artifact = compiled(graph)
    for size in SIZES:
        array = np.random.default_rng(size).standard_normal((size, 6))
        for found, expected in zip(run(artifact, [array], THREADS), interpret(graph, [array]).outputs, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_the_extent_op_is_the_value_of_its_expression() -> None:
    x = new_parameter("x", float64, (N, 6))
    size = emit("extent", value=2 * N + 1, dtype=int64)
    assert interpret(Graph("size", (x,), (size,)), [np.zeros((5, 6))]).outputs[0] == 11


def some(*shape: Extent) -> Value:
    return new_parameter("x", float64, shape)


PLAIN_DOT = {"batch": ((), ()), "contract": ((1,), (0,)), "accumulate": float64}
MISTAKES = [
    (lambda: emit("reshape", some(N, 6), shape=(N, 5)), ShapeError, "reshape: elements of .n, 6. and .n, 5.: whether"),
    (lambda: emit("reshape", some(4, 6), shape=(5, 5)), ShapeError, "expected equal extents, found 24 and 25"),
    (lambda: emit("concat", some(N, 2), some(M, 3), axis=0), ShapeError, "operands 0 and 1, axis 1.*found 2 and 3"),
    (lambda: emit("concat", some(N, 2), some(3, M), axis=0), ShapeError, "whether 2 equals m is not known"),
    (lambda: emit("slice", some(N), starts=(0,), stops=(5,), steps=(1,)), ShapeError, "whether 5 <= n is not known"),
    (lambda: emit("slice", some(4), starts=(0,), stops=(5,), steps=(1,)), ShapeError, "stop and extent.*found 5 > 4"),
    (lambda: emit("slice", some(4), starts=(0,), stops=(4,), steps=(0,)), ShapeError, "an int >= 1, found 0"),
    (lambda: emit("transpose", some(2, 3), permutation=(0, 0)), ShapeError, "distinct axes"),
    (lambda: emit("transpose", some(2, 3), permutation=(0,)), ShapeError, "expected 2 axes for .2, 3."),
    (lambda: emit("broadcast", some(3), shape=(3, 4), axes=(1,)), ShapeError, "expected equal extents, found 3 and 4"),
    (lambda: emit("reduce_max", some(0, 3), axes=(0,)), ShapeError, "axis 0 of .0, 3. is empty"),
    (lambda: emit("reduce_sum", some(3), axes=(1,)), ShapeError, "axes in 0 .. 0"),
    (lambda: emit("argmax", some(3), axis=1), ShapeError, "expected one of 0 .. 0, found 1"),
    (lambda: emit("dot", some(3, 4), some(5, 6), **PLAIN_DOT), ShapeError, "contract axis 1 of the left"),
    (lambda: emit("dot", some(3, N), some(M, 6), **PLAIN_DOT), ShapeError, "whether n equals m is not known"),
    (lambda: emit("gather", some(3), some(2), axes=(0,), mode="check"), DTypeError, "index 0: expected a dtype"),
    (lambda: emit("sort", some(3), some(4), axis=0), ShapeError, "operands 0 and 1, axis 0.*found 3 and 4"),
]


@pytest.mark.parametrize("make, error, sentence", MISTAKES)
def test_a_mistake_is_an_error_that_names_what_was_found(
    make: Callable[[], Value], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        make()
