"""docs/ops.md is what the records say, and the records say everything: each dtype is swept, or refused for a reason.

In: the page and the table of records. Out: the lines that differ, the cells that are empty, the dtypes that the sweep
would miss. The figures of accuracy are the page's own; that they hold is the sweep's to show.
"""

from math import prod

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import ALL, float32
from tests.ops.acceptance import refusals
from tests.ops.harness import applied
from tests.ops.table import PAGE, page, recorded, why_not


def test_the_page_is_what_the_records_say() -> None:
    text = PAGE.read_text()
    expected = page(recorded(text))
    missing = sorted(set(expected.splitlines()) - set(text.splitlines()))
    assert text == expected, "run `make ops-table`; lines that the page lacks:\n" + "\n".join(missing[:20])


def test_no_cell_is_empty_or_unmeasured() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert len(rows) > 2 * len(OPS)
    assert [line for line in rows for cell in line[1:-1].split("|") if cell.strip() in ("", "?")] == []


def test_the_figures_keep_the_bounds_of_the_records() -> None:
    figure = recorded(PAGE.read_text())
    inexact = [name for name, op in OPS.items() if op.ulp and isinstance(op.lower, Elementwise)]
    bounded = [name for name in inexact if float32 in OPS[name].domain.dtypes]
    assert [name for name in bounded if float(figure(name, float32)) > OPS[name].ulp] == []


@pytest.mark.parametrize("name", [name for name in sorted(OPS) if OPS[name].domain.dtypes])
def test_a_dtype_is_swept_or_refused_for_the_reason_that_the_table_gives(name: str) -> None:
    op = OPS[name]
    for dtype in ALL:
        if dtype not in op.domain.dtypes:
            found = refusals(op, dtype)
            assert found, f"{name} takes {dtype}, but its domain does not name it: the sweep never tries it"
            wanted = why_not(op, dtype)
            assert [each for each in found if wanted not in each] == [], wanted


@pytest.mark.parametrize("name", [name for name in sorted(OPS) if OPS[name].domain.dtypes])
def test_the_cases_have_no_elements_one_a_prime_number_and_more_than_a_vector(name: str) -> None:
    """Of every dtype, among operands and results; an op without operands is tried as its attributes say."""
    op = OPS[name]
    for dtype in op.domain.dtypes:
        cases = [applied(op, *case) for case in op.domain.cases(np.random.default_rng(0), dtype)]
        if not any(case.arrays for case in cases):
            continue
        operands = [tuple(each.shape) for case in cases for each in (*case.node.inputs, *case.node.outputs)]
        extents = {extent for shape in operands for extent in shape}
        assert 0 in extents and (1 in extents or () in operands)
        assert extents & {5, 7, 11, 13, 67, 131}
        assert max(prod(shape) for shape in operands) > 64
