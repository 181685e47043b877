"""Random graphs for property tests: every op of the table at every dtype, and the patterns that the passes look for,
over shared operands, symbolic extents, effects, several outputs and updates.

In: hypothesis' `draw`. Out: a `Case`: a graph, and arrays for its inputs and variables. Values stay of moderate size,
so that rounding is all that may differ between two evaluations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Frame, Graph, Value, origin
from tests.compiler.random_maker import Maker
from tests.compiler.random_patterns import MENU
from tests.compiler.random_records import NAMES, random_op


@dataclass(frozen=True)
class Case:
    graph: Graph
    inputs: tuple[np.ndarray, ...]
    variables: tuple[np.ndarray, ...]


def step(maker: Maker) -> None:
    """Add the results of one op of the table, or of one pattern that fits a value."""
    with origin((Frame("random.py", len(maker.values)),)):
        if maker.draw(st.booleans()):
            made: Any = random_op(maker, NAMES)
        else:
            value: Value = maker.choice(maker.values[-6:])
            fitting = [entry for entry in MENU if entry.fits(maker, value)]
            made = maker.choice(fitting).make(maker, value)
    maker.values.extend(made if isinstance(made, tuple) else (made,))


@st.composite
def cases(draw: Callable[[Any], Any], names: Sequence[str] = NAMES, steps: int = 12) -> Case:
    """A graph of a few inputs and variables and up to `steps` ops, the first of them one of these names."""
    maker = Maker(draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.booleans()))
    maker.values.extend(maker.parameter("input") for _ in range(draw(st.integers(1, 3))))
    variables = tuple(maker.parameter("variable") for _ in range(draw(st.integers(0, 2))))
    variables = tuple(each for each in variables if all(isinstance(extent, int) for extent in each.shape))
    maker.values.extend(variables)
    maker.values.extend(random_op(maker, names))
    for _ in range(draw(st.integers(2, steps))):
        step(maker)
    outputs = tuple(dict.fromkeys(maker.values[-3:]))
    updates = tuple((each, maker.like(each)) for each in variables)
    inputs = tuple(each for each in maker.arrays if each.node["kind"] == "input")
    solvable = {symbol for each in inputs for extent in each.shape for symbol in dims.symbols(extent)}
    used = {symbol for each in maker.values for extent in each.shape for symbol in dims.symbols(extent)}
    if not used <= solvable:  # an extent that no input gives: fix it by one more input
        extra = sorted(used - solvable, key=str)
        extents = np.zeros([maker.sizes[each.name] for each in extra], np.float32)
        inputs = (*inputs, maker.given(extents, shape=tuple(map(dims.of_symbol, extra))))
    graph = Graph("random", inputs, outputs, variables, updates, tuple(maker.effects))
    return Case(graph, tuple(maker.arrays[each] for each in inputs), tuple(maker.arrays[each] for each in variables))
