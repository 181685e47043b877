"""`lg.print`: what a step shows, in which order, and what is left of it when the step does not come to its end.

In: compiled functions, and the interpreter on the same graphs. Out: standard output.
"""

import io
import os
import signal
import sys
import threading

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.effects import in_order
from lazygraph.compiler.ir.graph import Graph, with_inputs
from lazygraph.compiler.program.parse import parse_program
from lazygraph.compiler.program.print import print_program
from tests.lazygraph.evaluation import evaluate

N = lg.dim("n")
f32 = np.float32
Capture = pytest.CaptureFixture[str]


def vector(name: str = "x") -> lg.Tensor:
    return lg.placeholder((N,), lg.float32, name)


def test_arrays_are_shown_as_numpy_shows_them(capsys: Capture) -> None:
    x = lg.placeholder((N, 2), lg.float32, "x")
    b = lg.placeholder((), lg.bfloat16, "b")
    step = lg.function([x, b], [lg.print(x, "rows"), lg.print(lg.sum(x), "sum {:.2f}"), lg.print(b), lg.print(x > 1)])
    for rows in (0, 2):
        array = np.arange(2 * rows, dtype=f32).reshape(rows, 2)
        half = np.asarray(1.5, lg.bfloat16.numpy)
        step(array, half)
        assert capsys.readouterr().out == f"rows:\n{array}\nsum {array.sum():.2f}\n1.5\n{array > 1}\n"


@pytest.mark.parametrize("threads", [1, 2])
def test_effects_come_by_data_flow_and_then_as_they_were_asked_for(capsys: Capture, threads: int) -> None:
    x = vector()
    deep = lg.print(lg.sum(lg.exp(lg.sin(x)) * 0) + lg.sum(x), "first")
    shallow = lg.print(x, "second")
    fused = shallow * 2 + x
    last = lg.print(lg.sum(x * 3) + lg.sum(fused) * 0, "third")
    step = lg.function([x], [last, fused, shallow, deep], threads=threads)
    step(f32([1, 2]))
    assert capsys.readouterr().out == "first: 3.0\nsecond: [1. 2.]\nthird: 9.0\n"
    step(np.ones(100_000, f32))
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["first", "second", "third"]
    evaluate([last, fused, shallow, deep], {x: f32([1, 2])})
    assert capsys.readouterr().out == "first: 3.0\nsecond: [1. 2.]\nthird: 9.0\n"


def test_what_comes_before_a_failing_check_is_shown_and_nothing_after(capsys: Capture) -> None:
    x = vector()
    before = lg.print(lg.sum(x), "before")
    held = lg.check(x, x < 2, "too large")
    after = lg.print(lg.max(x), "after")
    count = lg.variable(0.0, "count", lg.float32)
    step = lg.function([x], [after, held, before], updates={count: lg.print(count + 1, "count")})
    step(f32([1]))
    assert capsys.readouterr().out == "before: 1.0\nafter: 1.0\ncount: 1.0\n"
    for _ in range(2):
        with pytest.raises(lg.CheckFailed, match="too large"):
            step(f32([3]))
        assert capsys.readouterr().out == "before: 3.0\n"
    assert count.numpy() == 1
    with pytest.raises(lg.CheckFailed):
        evaluate([after, held, before], {x: [3.0]})
    assert capsys.readouterr().out == "before: 3.0\n"


def test_many_steps_print_many_times(capsys: Capture) -> None:
    count = lg.variable(0, "count", lg.int64)
    step = lg.function([], (), updates={count: lg.print(count, "at") + 1})
    step.repeat(3)
    step.repeat(2, progress=lambda done, steps: None)  # on a thread of its own
    assert capsys.readouterr().out == "".join(f"at: {number}\n" for number in range(5))


class Broken(io.StringIO):
    """Takes one line, then fails."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        if self.getvalue().count("\n") == 1:
            raise self.error("closed")
        return super().write(text)


@pytest.mark.parametrize("error", [BrokenPipeError, KeyboardInterrupt])
@pytest.mark.parametrize("progress", [None, lambda done, steps: None], ids=["here", "aside"])
def test_an_exception_while_printing_ends_the_call_and_changes_no_variable(
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
    progress,  # type: ignore[no-untyped-def]
) -> None:
    count = lg.variable(0, "count", lg.int64)
    step = lg.function([], (), updates={count: lg.print(count + 1, "next")})
    out = Broken(error)
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(error, match="closed"):
        step.repeat(1000, progress=progress)
    assert (out.getvalue(), count.numpy()) == ("next: 1\n", 1)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    step()
    assert count.numpy() == 2


def test_ctrl_c_ends_a_call_that_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed while compiled code runs: the first line of Python that runs then is that of the next print."""
    x, count = vector(), lg.variable(0, "count", lg.int64)
    step = lg.function([x], lg.sum(lg.sin(x)), updates={count: lg.print(count, "at") + 1})
    values = np.ones(200_000, f32)
    step(values)
    for steps in (1, 1, 1, 1000):
        out = io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        count.assign(0)
        timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            for _ in range(1000):
                step.repeat(steps, values)
        timer.join()
        monkeypatch.undo()
        lines = out.getvalue().splitlines()
        assert lines == [f"at: {number}" for number in range(len(lines))]
        assert count.numpy() in (len(lines), len(lines) - 1)


def test_derivatives_print_once_and_batches_as_a_whole(capsys: Capture) -> None:
    x = lg.placeholder((2, 3), lg.float64, "x")
    y = lg.sum(lg.print(x, "x") ** 3)
    first = lg.grad(y, x)
    second = lg.jvp(first, x, x)
    rows = lg.vmap(lambda row: lg.print(lg.sum(row), "sums") ** 2)(x)
    array = np.arange(6.0).reshape(2, 3)
    found = lg.function([x], [y, first, second, lg.grad(lg.sum(rows), x)])(array)
    assert capsys.readouterr().out == f"x:\n{array}\nsums: [ 3. 12.]\n"
    np.testing.assert_allclose(found[1], 3 * array**2)
    np.testing.assert_allclose(found[2], 6 * array**2)
    np.testing.assert_allclose(found[3], np.repeat(2 * array.sum(1), 3).reshape(2, 3))


def test_copies_of_a_print_over_simplified_operands_are_one() -> None:
    """A derivative simplifies what it differentiates, and so may hold the print of an equal formula."""
    x = lg.placeholder((), lg.float32, "x")
    shown = lg.print(x * 1, "x").value
    again = with_inputs(shown.node, [x.value]).output
    ordered = in_order(Graph("g", (x.value,), (shown + again,)))
    assert sum(node.op.name == "print" for node in ordered.nodes) == 1


def test_a_function_with_a_rule_prints_inside(capsys: Capture) -> None:
    f = lg.custom_derivative(lambda x: lg.print(x, "inside") * 2, jvp=lambda arguments, result, tangents: tangents[0])
    x = vector()
    lg.function([x], lg.sum(f(x)) + lg.sum(f(x + 1)))(f32([1]))
    assert capsys.readouterr().out == "inside: [1.]\ninside: [2.]\n"


def test_the_program_prints_and_parses_back() -> None:
    x = lg.placeholder((N, 3), lg.float32, "x")
    program = lg.function([x], lg.print(x, 'a "quoted" {}'))._compilation.program
    assert 'print output 0: f32[n, 3] "a \\"quoted\\" {}"' in print_program(program)
    assert parse_program(print_program(program)) == program


@pytest.mark.parametrize("text", ["{} {}", "{", "{x}", "{:.2f}", "{0.nothing}"])
def test_a_text_that_formats_no_array_is_an_error_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="print: text: expected a label, or a format of one value"):
        lg.print(vector(), text)
    with pytest.raises(TypeError, match="print: text: expected a text, found 3"):
        lg.print(vector(), 3)
