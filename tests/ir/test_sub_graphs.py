"""Nodes that hold sub-graphs and have several results, as control flow will: typed, printed, parsed, verified, hashed,
interned, rewritten and interpreted.

In: a record made here, `call`, which applies its one sub-graph to its operands. Out: what loses or confuses sub-graphs.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Graph, Node, Value, interned
from lazygraph.compiler.ir.hash import graph_hash
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ir.parse import parse_graph
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.ir.verify import InvalidGraph, verify_graph
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.lowering import Leaf
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Domain, Op, full, no_tangent
from lazygraph.compiler.passes.canonicalize import Canonicalize
from lazygraph.runtime.dtypes import float32, int32

N = symbol("n")


def call_type(types, attributes):  # type: ignore[no-untyped-def]
    (body,) = attributes["graphs"]
    if types != tuple(each.type for each in body.inputs):
        raise ShapeError(f"call: expected {body.inputs}, found {types}")
    return tuple(each.type for each in body.outputs)


CALL = Op(
    name="call",
    doc="The results of a sub-graph.",
    type_rule=call_type,
    reference=lambda *operands, graphs: graphs[0](*operands),
    jvp=no_tangent,
    transpose=NOT_LINEAR,
    batch=lambda node, inputs, batched, size: inputs,
    lower=Leaf(),
    domain=Domain((), lambda rng, dtype: [], lambda rng: []),
    ulp=0,
)


@pytest.fixture(autouse=True)
def call(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(OPS, "call", CALL)
    yield


def body(name: str = "x", number: float = 2.0) -> Graph:
    """x -> (x + number, x * x)"""
    x = new_parameter(name, float32, (N,))
    return Graph("body", (x,), (x + number, x * x))


def calling(*bodies: Graph) -> Graph:
    """The results of every body, one after another."""
    x = new_parameter("x", float32, (N,))
    return Graph("f", (x,), tuple([each for made in bodies for each in CALL(x, graphs=(made,))]))


def calls(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.op is CALL]


def test_types_follow_from_the_sub_graph() -> None:
    assert [each.type for each in calling(body()).outputs] == [each.type for each in body().outputs]
    with pytest.raises(ShapeError, match="call: expected"):
        CALL(new_parameter("x", float32, (3,)), graphs=(body(),))


def test_it_prints_and_parses_back() -> None:
    graph = calling(body())
    text = print_graph(graph)
    again = parse_graph(text)
    verify_graph(again)
    assert print_graph(again) == text
    assert graph_hash(again) == graph_hash(graph)
    assert "%0 = call @x : f32[n], f32[n] with" in text and "return %0.0, %0.1" in text


def test_a_sub_graph_in_a_sub_graph_prints_and_parses_back() -> None:
    text = print_graph(calling(calling(body())))
    assert print_graph(parse_graph(text)) == text


@pytest.mark.parametrize("number", [2.0, -0.0])
def test_equal_sub_graphs_are_equal_whatever_their_inputs_are_called(number: float) -> None:
    merged = interned(calling(body("x", number), body("y", number)))
    verify_graph(merged)
    assert len(calls(merged)) == 1
    assert merged.outputs[:2] == merged.outputs[2:]


def test_sub_graphs_that_differ_in_bits_stay_apart() -> None:
    assert len(calls(interned(calling(body(number=0.0), body(number=-0.0))))) == 2


def test_sub_graphs_that_return_other_values_stay_apart() -> None:
    made = body()
    turned = Graph("body", made.inputs, made.outputs[::-1])
    assert len(calls(interned(calling(made, turned)))) == 2


def test_the_hash_ignores_names_and_sees_the_sub_graph() -> None:
    assert graph_hash(calling(body("x"))) == graph_hash(calling(body("y")))
    assert graph_hash(calling(body())) != graph_hash(calling(body(number=3.0)))


def test_passes_reach_into_sub_graphs() -> None:
    x = new_parameter("x", float32, (N,))
    twice = Graph("body", (x,), ((x + 2.0) * (x + 2.0) * 1.0, x * 1.0))
    (merged,) = calls(interned(calling(twice)))
    assert sum(node.op.name == "add" for node in merged.graphs[0].nodes) == 1
    simple = Canonicalize()(calling(twice))
    verify_graph(simple)
    (made,) = calls(simple)
    assert made.graphs[0].outputs[1] is made.graphs[0].inputs[0]


def test_the_interpreter_runs_sub_graphs() -> None:
    found = interpret(calling(body()), [np.array([1, 2, 3], np.float32)])
    np.testing.assert_array_equal(found.outputs, [[3, 4, 5], [1, 4, 9]])


def broken_inside() -> Value:
    """A sub-graph that reads a parameter of nobody's."""
    x, y = new_parameter("x", float32, (N,)), new_parameter("y", float32, (N,))
    return CALL(new_parameter("x", float32, (N,)), graphs=(Graph("body", (x,), (x + y,)),))


def broken_type() -> Value:
    x = new_parameter("x", float32, (N,))
    return Node(CALL, (x,), {}, [emit("cast", x, dtype=int32).type], graphs=(Graph("body", (x,), (x,)),)).output


@pytest.mark.parametrize(
    ("broken", "problem"),
    [(broken_inside, "graph body: parameter 'y' is used but not among"), (broken_type, "the record infers f32")],
)
def test_the_verifier_looks_inside(broken: Callable[[], Value], problem: str) -> None:
    value = broken()
    with pytest.raises(InvalidGraph, match=problem):
        verify_graph(Graph("f", (value.node.inputs[0],), (value,)))


def test_constants_of_a_sub_graph_are_not_those_of_the_graph_around_it() -> None:
    x = new_parameter("x", float32, (N,))
    inner = Graph("body", (), (full(x.type, 1),))
    assert len(interned(Graph("f", (x,), (x + 1, CALL(graphs=(inner,))))).nodes) == 5
