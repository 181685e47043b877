"""docs/ops.md, made from the records: every primitive with every rule and every dtype. `make ops-table` writes it.

In: the table of records; the figures of accuracy, measured by `measured.py` or, for the test that compares, those that
the page holds. Out: the page. No cell is empty: where an op takes no operand of a dtype, its type rule's reason stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase

import numpy as np

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ops import lowering
from lazygraph.compiler.ops.elementwise import batch_elementwise
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Op, no_tangent
from lazygraph.compiler.ops.refusals import reason
from lazygraph.runtime.dtypes import ALL, DType, float32, int32
from tests.ops.accuracy import promised
from tests.ops.harness import Applied, applied, as_array
from tests.ops.measured import largest_error

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ops.md"
Figure = Callable[[str, DType], str]  # what the cell of an inexact op says of a dtype

HEAD = """# Every op, every rule, every dtype

Made from the records in `compiler/ops` by `make ops-table`; a test compares it with them. What an op is stands in its
record alone: [extending](extending.md) adds one. The sweep (`tests/ops`, `tests/autodiff`) tries every record on every
dtype below, by its own cases: shapes with 0, 1 and primes, hostile numbers, compiled on one and two threads.
"""
RULES = """## Rules

Under **types** an example, then the attributes. **reference**: on how many cases of a dtype the sweep holds machine
code against NumPy. **derivative**: none means constant wherever it is defined; else the number of cases on which
forward, reverse and second order are held against finite differences. **transpose**: the operands in which the op is
linear. **batch**: how `vmap` takes it. **lowering**, and what it fuses with:
"""
DTYPES = """## dtypes and accuracy

*exact*: the reference's result, bit for bit. A number: the largest error that the sweep measured, in units in the last
place of the result (of sums and products: of the sum of magnitudes), for inexact dtypes against wider arithmetic;
**bound** is what the record promises, in float32; in float64 it is 1e-12 of the result. A letter: the op takes no such
operand, because

"""
HOSTILE = """## Hostile operands

What elementwise ops give where formulas break. The sweep holds compiled code to it in every dtype. Every op is defined
on every operand: checks and bounds of the others are in their descriptions above.
"""


def kinds_of_lowering() -> dict[str, str]:
    """What `lowering.py` says of each kind of lowering, by its name."""
    assert lowering.__doc__ is not None
    found = re.findall(r"- `(\w+)`: (.*?)(?=\n- |\Z)", lowering.__doc__, re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


def cases(op: Op, dtype: DType) -> list[Applied]:
    return [applied(op, *case) for case in op.domain.cases(np.random.default_rng(0), dtype)]


def example(op: Op) -> str:
    """The types of one case, the smallest with some elements and the most axes, and the names of the attributes."""
    if not op.domain.dtypes:
        return "any"
    dtype = float32 if float32 in op.domain.dtypes else op.domain.dtypes[0]
    found = [each for each in cases(op, dtype) if all(a.size for a in each.arrays)]
    case = max(found, key=lambda each: (max((a.ndim for a in each.arrays), default=0), -sum(map(size, each.arrays))))
    operands = ", ".join(str(each.type) for each in case.node.inputs)
    text = f"{operands} -> {', '.join(str(each.type) for each in case.node.outputs)}".strip()
    names = sorted(case.node.attributes)
    return f"`{text}`" + (f"; {', '.join(names)}" if names else "")


def size(array: np.ndarray) -> int:
    return array.size


def reference(op: Op) -> str:
    counts = [len(op.domain.cases(np.random.default_rng(0), dtype)) for dtype in op.domain.dtypes]
    return " to ".join(map(str, sorted({min(counts), max(counts)}))) if counts else "none: it is what a caller gives"


def derivative(op: Op) -> str:
    count = len(op.domain.smooth(np.random.default_rng(0)))
    if op.jvp is no_tangent:
        return "none"
    return f"yes, {count} case{'s'[: count != 1]}"


def transpose(op: Op) -> str:
    if op.transpose is NOT_LINEAR:
        return "not linear"
    if op.flags.variadic:
        return "in every operand"
    if not op.flags.linear:
        return "where its sub-graphs are linear"
    return f"in operand{'s'[: len(op.flags.linear) > 1]} {', '.join(map(str, op.flags.linear))}"


def batch(op: Op) -> str:
    return "element by element" if op.batch is batch_elementwise else "its own rule"


def marks(op: Op) -> str:
    flags = op.flags
    words = {"commutative": flags.commutative, "moves": flags.moves, "variadic": flags.variadic}
    return ", ".join([*(word for word, holds in words.items() if holds), "pure" if flags.pure else "an effect"])


def rows_of_rules() -> list[str]:
    lines = table_head(
        "op", "what it computes", "types", "reference", "derivative", "transpose", "batch", "lowering", "flags"
    )
    for name, op in sorted(OPS.items()):
        cells = (
            op.doc,
            example(op),
            reference(op),
            derivative(op),
            transpose(op),
            batch(op),
            type(op.lower).__name__,
            marks(op),
        )
        lines.append(row(f"`{name}`", *cells))
    return lines


def why_not(op: Op, dtype: DType) -> str:
    if not op.domain.dtypes:
        return "it is a name for any array of this dtype: there is no value to compare"
    return reason({each.kind for each in op.domain.dtypes}, dtype.kind)


def bounds(op: Op) -> str:
    """What the record promises, and for complex numbers where that is another."""
    parts = {promised(op, dtype) for dtype in op.domain.dtypes if dtype.is_complex} - {op.ulp}
    return "; ".join([f"{op.ulp:g}", *(f"complex {each:g}" for each in parts)])


def rows_of_dtypes(figure: Figure) -> tuple[list[str], list[str]]:
    """The reasons behind the letters, and the table."""
    letters: dict[str, str] = {}
    lines = table_head("op", "bound", *(dtype.code for dtype in ALL))
    for name, op in sorted(OPS.items()):
        cells = []
        for dtype in ALL:
            if dtype in op.domain.dtypes:
                cells.append(figure(name, dtype) if promised(op, dtype) else "exact")
            else:
                why = why_not(op, dtype)
                cells.append(letters.setdefault(why, ascii_lowercase[len(letters)]))
        lines.append(row(f"`{name}`", bounds(op), *cells))
    return [f"- {letter}: {why}" for why, letter in letters.items()], lines


# --- hostile operands -------------------------------------------------------------------------------------------------

LEAST, MOST = int(np.iinfo(np.int32).min), int(np.iinfo(np.int32).max)
POINTS: Mapping[tuple[DType, int], Sequence[tuple[float, ...]]] = {
    (float32, 1): [(-np.inf,), (-1.0,), (-0.0,), (0.0,), (np.inf,), (np.nan,)],
    (float32, 2): [(1.0, 0.0), (0.0, 0.0), (0.0, -0.0), (np.inf, np.inf), (np.inf, 0.0), (np.nan, 1.0), (1.0, np.nan)],
    (int32, 1): [(LEAST,), (-1,), (0,), (MOST,)],
    (int32, 2): [(1, 0), (0, 0), (0, -1), (LEAST, -1), (MOST, 1), (1, 99)],
}


def arity(op: Op, dtype: DType) -> int:
    """The number of operands, all of this dtype; 0 for ops that take others, or attributes."""
    arrays, attributes = op.domain.cases(np.random.default_rng(0), dtype)[0]
    return 0 if attributes or any(each.dtype != dtype.numpy for each in arrays) else len(arrays)


def rows_of_hostile(dtype: DType, operands: int) -> list[str]:
    points = POINTS[dtype, operands]
    lines = table_head("op", *(", ".join(map(show, point)) for point in points))
    for name, op in sorted(OPS.items()):
        if not op.flags.elementwise or dtype not in op.domain.dtypes or arity(op, dtype) != operands:
            continue
        columns = [np.array(column, dtype.numpy) for column in zip(*points)]
        with np.errstate(all="ignore"):
            (found,) = as_array(op.reference(*columns))
        lines.append(row(f"`{name}`", *map(show, found.tolist())))
    return lines


def show(number: float) -> str:
    if isinstance(number, bool):
        return str(number).lower()
    if isinstance(number, int):
        return {LEAST: "least", MOST: "most"}.get(number, str(number))
    return f"{number:.6g}"


# --- the page ---------------------------------------------------------------------------------------------------------


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def table_head(*cells: str) -> list[str]:
    return [row(*cells), "|" + "---|" * len(cells)]


def page(figure: Figure) -> str:
    used = {type(op.lower).__name__ for op in OPS.values()}
    lowerings = [f"- *{name}*: {text}" for name, text in kinds_of_lowering().items() if name in used]
    letters, accuracy = rows_of_dtypes(figure)
    parts = [HEAD, RULES, *lowerings, "", *rows_of_rules(), "", DTYPES.rstrip("\n"), "", *letters, "", *accuracy, ""]
    parts.append(HOSTILE)
    for dtype, operands in POINTS:
        kind = f"{dtype.name}, {'one operand' if operands == 1 else 'two operands'}"
        parts += [f"### {kind}", "", *rows_of_hostile(dtype, operands), ""]
    return "\n".join(parts).rstrip("\n") + "\n"


def measured(name: str, dtype: DType) -> str:
    return f"{largest_error(name, dtype):.2f}"


def recorded(text: str) -> Figure:
    """The figures that a page holds; "?" where it has none yet."""
    found: dict[tuple[str, str], str] = {}
    head: list[str] = []
    for line in text.splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if cells[:2] == ["op", "bound"]:
            head = cells
        elif head and len(cells) == len(head):
            found |= {(cells[0].strip("`"), code): cell for code, cell in zip(head, cells)}
    return lambda name, dtype: found.get((name, dtype.code), "?")


def main() -> None:
    PAGE.write_text(page(measured))
    print(f"{PAGE}: {len(OPS)} ops, {len(ALL)} dtypes")


if __name__ == "__main__":
    main()
