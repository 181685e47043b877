"""`lg.function`: structures in and out, updates, errors that name the user's line, one compilation for all sizes."""

import dataclasses
import inspect
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiled import _cached, _open_cache
from lazygraph.compiler.codegen.llvm.target import host, runnable

f32 = np.float32


def here() -> str:
    """test_function.py and the line after the call."""
    return f"test_function.py:{inspect.currentframe().f_back.f_lineno + 1}"  # type: ignore[union-attr]


# --- structures -------------------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass
class Point:
    x: object
    y: object


def test_outputs_come_in_the_structure_they_were_given_in() -> None:
    x = lg.placeholder((3,), lg.float32, "x")
    array = np.array([1, 2, 3], f32)
    for structure in (
        x * 2,
        [x * 2],
        (x * 2,),
        (x * 2, x),
        {"a": x * 2, "b": (x, [x + 1])},
        Pair(x, x * 2),
        Point(x, x),
    ):
        step = lg.function([x], structure)
        for _ in range(2):  # the first call takes the long way
            found = step(array)
            expected = _map(structure, lambda t: t.eval({x: array}))
            assert _same(found, expected), (structure, found)
    assert lg.function([x], ())(array) == () and lg.function([x], {})(array) == {}
    assert lg.function([x], None)(array) is None


def _map(tree: object, function: object) -> object:
    from lazygraph.structure import flatten, unflatten

    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])  # type: ignore[operator]


def _same(left: object, right: object) -> bool:
    from lazygraph.structure import flatten

    (a, structure), (b, other) = flatten(left), flatten(right)
    return structure == other and all(type(x) is np.ndarray and np.array_equal(x, y) for x, y in zip(a, b))


def test_arguments_may_be_nested() -> None:
    w, b, x = (lg.placeholder((3,), lg.float32, name) for name in "wbx")
    step = lg.function([{"w": w, "b": [b]}, x], w * x + b)
    arrays = [np.array(values, f32) for values in ([1, 2, 3], [4, 5, 6], [7, 8, 9])]
    for _ in range(2):
        assert step({"b": [arrays[1]], "w": arrays[0]}, arrays[2]).tolist() == [11, 21, 33]
    assert step({"b": [[4, 5, 6]], "w": [1, 2, 3]}, x=arrays[2]).tolist() == [11, 21, 33]
    with pytest.raises(TypeError, match="argument 0"):
        step({"w": arrays[0]}, arrays[2])


def test_one_placeholder_is_one_argument() -> None:
    x = lg.placeholder((), lg.float64, "x")
    assert lg.function(x, x + 1)(2) == 3.0


def test_arguments_by_name() -> None:
    x, y = lg.placeholder((2,), lg.float32, "x"), lg.placeholder((2,), lg.float32, "y")
    step = lg.function([x, y], x - y)
    a, b = np.array([5, 6], f32), np.array([1, 2], f32)
    assert step(a, y=b).tolist() == step(x=a, y=b).tolist() == step(y=b, x=a).tolist() == [4, 4]


@pytest.mark.parametrize(
    ("args", "named", "words"),
    [
        ((), {}, ("'x'", "missing")),
        ((1,), {}, ("'y'", "missing")),
        ((1, 2, 3), {}, ("takes 2 arguments", "found 3")),
        ((1, 2), {"y": 3}, ("'y'", "twice")),
        ((1, 2), {"z": 3}, ("'z'", "'x', 'y'")),
        ((1,), {"z": 3}, ("'y'", "missing")),
    ],
)
def test_wrong_arguments(args: tuple[int, ...], named: dict[str, int], words: tuple[str, ...]) -> None:
    x, y = lg.placeholder((), lg.float32, "x"), lg.placeholder((), lg.float32, "y")
    step = lg.function([x, y], x - y)
    step(1, 2)
    with pytest.raises(TypeError) as caught:
        step(*args, **named)
    assert all(word in str(caught.value) for word in words), caught.value


def test_an_output_may_be_an_input_a_variable_a_constant_or_named_twice() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    v = lg.variable(np.array([3, 4], f32), "v")
    y = x + v
    step = lg.function([x], [x, v, y, y, lg.constant(np.array([1, 2])), 7.0, v], updates={v: y})
    found = step([1, 1])
    assert [each.tolist() for each in found] == [[1, 1], [3, 4], [4, 5], [4, 5], [1, 2], 7.0, [3, 4]]
    assert v.numpy().tolist() == [4, 5]
    found[1][:] = 0
    assert v.numpy().tolist() == [4, 5]


def test_unused_inputs_are_still_held_to_their_types() -> None:
    x, y = lg.placeholder((2,), lg.float32, "x"), lg.placeholder((2,), lg.float32, "y")
    step = lg.function([x, y], x + 1)
    assert step([1, 2], [3, 4]).tolist() == [2, 3]
    with pytest.raises(ValueError, match="'y'"):
        step([1, 2], [3, 4, 5])


# --- updates ----------------------------------------------------------------------------------------------------------


def test_every_right_hand_side_reads_old_values() -> None:
    a, b = lg.variable(np.arange(4, dtype=f32), "a"), lg.variable(np.arange(4, 8, dtype=f32), "b")
    swap = lg.function([], a + b, updates={a: b, b: a})
    for number in range(3):
        assert swap().tolist() == [4, 6, 8, 10]
        first, second = (a, b) if number % 2 else (b, a)
        assert first.numpy().tolist() == [0, 1, 2, 3] and second.numpy().tolist() == [4, 5, 6, 7]
    rotate = lg.function([], None, updates={a: lg.flip(a), b: a * b})
    before = a.numpy(), b.numpy()
    rotate()
    assert a.numpy().tolist() == before[0][::-1].tolist() and b.numpy().tolist() == (before[0] * before[1]).tolist()


def test_two_variables_may_get_the_same_new_value() -> None:
    a, b = lg.variable(np.zeros(3, f32), "a"), lg.variable(np.ones(3, f32), "b")
    total = a + b
    lg.function([], None, updates={a: total, b: total})()
    assert a.numpy().tolist() == b.numpy().tolist() == [1, 1, 1]


def test_a_failed_check_leaves_every_variable() -> None:
    table, count = lg.variable(np.arange(6, dtype=f32).reshape(3, 2), "table"), lg.variable(0, "count")
    index = lg.placeholder((lg.dim("n"),), lg.int32, "index")
    rows = lg.take(table, index, axis=0)
    step = lg.function([index], rows, updates={table: table * 2, count: count + 1})
    assert step(np.array([2, 0], np.int32)).tolist() == [[4, 5], [0, 1]]
    for bad in (3, -4):
        with pytest.raises(lg.CheckFailed) as caught:
            step(np.array([0, bad], np.int32))
        assert "test_function.py" in str(caught.value) and "out of bounds for an axis of extent 3" in str(caught.value)
    with pytest.raises(lg.CheckFailed):
        step.repeat(5, np.array([7], np.int32))
    assert count.numpy() == 1 and table.numpy().tolist() == [[0, 2], [4, 6], [8, 10]]


def test_repeat_is_many_calls() -> None:
    w = lg.variable(np.array([1.0, 2.0], f32), "w")
    x = lg.placeholder((2,), lg.float32, "x")
    step = lg.function([x], lg.sum(w), updates={w: w + x})
    seen: list[tuple[int, int]] = []
    assert step.repeat(4, [1, 1], progress=lambda done, steps: seen.append((done, steps))) == 9.0
    assert w.numpy().tolist() == [5, 6] and seen[-1] == (4, 4)
    assert step.repeat(1, x=[0, 0]) == 11.0
    with pytest.raises(ValueError, match="at least 1 step"):
        step.repeat(0, [1, 1])


def test_a_stream_renews_itself() -> None:
    stream = lg.random.Stream(0)
    draw = lg.function([], lg.random.uniform(stream.next() if hasattr(stream, "next") else stream.key(), (3,)))
    assert not np.array_equal(draw(), draw())


# --- mistakes when a function is made ---------------------------------------------------------------------------------


def test_a_placeholder_that_is_not_listed() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    line = here()
    y = lg.placeholder((2,), lg.float32, "y")
    with pytest.raises(ValueError, match=f"depends on 'y', which is not among the inputs\n.*{line}"):
        lg.function([x], x + y)


def test_a_surplus_array_is_not_taken_for_an_output() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    step, other = lg.function([x], x + 1), np.zeros(2, f32)
    step(np.zeros(2, f32))
    with pytest.raises(TypeError, match="takes 1 arguments; found 2"):
        step(np.zeros(2, f32), other)
    assert other.tolist() == [0, 0]


def test_what_is_no_input() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    v = lg.variable(np.zeros(2, f32), "v")
    other = lg.placeholder((2,), lg.float32, "x")
    for inputs, error, words in (
        ([x, x], ValueError, "'x' is listed twice"),
        ([x, other], ValueError, "two inputs are named 'x'"),
        ([v], TypeError, "expected a placeholder"),
        ([x + 1], TypeError, "expected a placeholder.*test_function.py"),
        ([3], TypeError, "expected a placeholder, found int"),
    ):
        with pytest.raises(error, match=f"(?s){words}"):
            lg.function(inputs, x + 1)


def test_updates_that_do_not_fit() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    v = lg.variable(np.zeros(2, f32), "v")
    with pytest.raises(lg.DTypeError, match="variable 'v': expected float32, found float64\n.*test_function.py"):
        lg.function([x], x, updates={v: v.astype(lg.float64)})
    with pytest.raises(lg.ShapeError, match=r"variable 'v': expected shape \(2,\), found \(\)"):
        lg.function([x], x, updates={v: lg.sum(v)})
    with pytest.raises(TypeError, match="expected variables as keys"):
        lg.function([x], x, updates={x: x})


def test_dims_that_contradict_or_follow_from_nothing() -> None:
    x = lg.placeholder((lg.dim("n"),), lg.float32, "x")
    y = lg.placeholder((lg.dim("n", min=2),), lg.float32, "y")
    with pytest.raises(ValueError, match="dim 'n' is declared twice"):
        lg.function([x, y], lg.sum(x) + lg.sum(y))
    n, m = lg.dim("n"), lg.dim("m")
    square = lg.placeholder((n * m,), lg.float32, "z")
    with pytest.raises(ValueError, match="dim 'm' does not follow from the inputs"):
        lg.function([square], lg.sum(square))
    with pytest.raises(ValueError, match="threads: expected at least 1, found 0"):
        lg.function([x], x, threads=0)


def test_a_dim_that_only_an_index_names_is_an_error_when_the_function_is_made() -> None:
    k, x = lg.dim("k", max=5), lg.placeholder((lg.dim("n") + 10,), lg.float32, "x")
    with pytest.raises(ValueError, match="dim 'k' does not follow from the inputs"):
        lg.function([x], x[k : k + 3])


# --- calling ----------------------------------------------------------------------------------------------------------


def test_one_compilation_serves_every_size() -> None:
    n, m = lg.dim("n"), lg.dim("m")
    x, y = lg.placeholder((n, m), lg.float32, "x"), lg.placeholder((m,), lg.float32, "y")
    step = lg.function([x, y], (x @ y, lg.sum(x, axis=0) * y))
    rng = np.random.default_rng(0)
    for rows, columns in ((1, 1), (7, 3), (128, 64), (1000, 5), (0, 4), (4, 0), (0, 0)):
        a, b = rng.random((rows, columns), f32), rng.random(columns, f32)
        for _ in range(2):
            product, total = step(a, b)
            assert np.allclose(product, a @ b, rtol=1e-5) and np.allclose(total, a.sum(0) * b, rtol=1e-4)
    assert step.compilations == 1
    with pytest.raises(lg.CheckFailed, match="'y'.*axis 0 has extent 3"):
        step(np.zeros((2, 4), f32), np.zeros(3, f32))


def test_an_offered_output_has_the_structure_of_the_outputs() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    step = lg.function([x], {"twice": x * 2, "more": (x + 1,)})
    out = {"twice": np.empty(2, f32), "more": (np.empty(2, f32),)}
    for _ in range(2):
        found = step([1, 2], out=out)
        assert found["twice"] is out["twice"] and out["twice"].tolist() == [2, 4] and out["more"][0].tolist() == [2, 3]
    with pytest.raises(TypeError, match="out"):
        step([1, 2], out=[np.empty(2, f32)])
    with pytest.raises(ValueError, match=r"out for 'out0': expected shape \(2,\), found \(3,\)"):
        step([1, 2], out={"twice": np.empty(3, f32), "more": (np.empty(2, f32),)})


def test_threads_give_the_same_bits() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n, 64), lg.float32, "x")
    value = np.random.default_rng(0).random((3000, 64), f32)
    y = lg.nn.softmax(lg.tanh(x @ lg.sum(x, axis=0)[:, None]) * x)
    results = {lg.function([x], y, threads=threads)(value).tobytes() for threads in (1, 2, 4)}
    assert len(results) == 1


def test_several_threads_of_python_share_a_function_and_its_variables() -> None:
    total = lg.variable(0, "total")
    x = lg.placeholder((), lg.int64, "x")
    add = lg.function([x], total, updates={total: total + x})

    def work() -> None:
        for _ in range(200):
            add(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total.numpy() == 800


def test_a_forked_child_computes() -> None:
    x = lg.placeholder((lg.dim("n"),), lg.float32, "x")
    step = lg.function([x], lg.exp(x), threads=4)
    big = np.linspace(-1, 1, 1 << 20, dtype=f32)
    expected = step(big)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(step(big), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


# --- looking inside, the cache ----------------------------------------------------------------------------------------


def test_every_stage_can_be_read(tmp_path: Path) -> None:
    x = lg.placeholder((lg.dim("n"), 3), lg.float32, "x")
    step = lg.function([x], lg.sum(lg.exp(x), axis=1), name="energy")
    assert repr(step) == "<Function energy(x)>"
    assert "exp" in step.ir("graph") and "define" in step.ir("llvm") and "program energy" in step.ir("program")
    with pytest.raises(KeyError, match="unknown stage 'magic'.*graph.*llvm"):
        step.ir("magic")
    step.dump(tmp_path / "dump")
    assert len(list((tmp_path / "dump").iterdir())) == len(step.stages)


def test_the_memory_plan_is_what_a_call_allocates() -> None:
    n = lg.dim("n")
    x, w = lg.placeholder((n, 32), lg.float32, "x"), lg.variable(np.ones((32, 8), f32), "w")
    step = lg.function([x], lg.sum(lg.nn.softmax(x @ w), axis=0), updates={w: w * 2}, threads=2)
    plan = step.memory_plan()
    for rows in (1, 100, 1000):
        step(np.ones((rows, 32), f32))
        assert step._executable.arena_bytes == plan.arena(n=rows)
    assert plan.peak(n=10) == plan.arena(n=10) + 10 * 32 * 4 + 8 * 4 + 32 * 8 * 4
    assert "variables: 1.0 KiB: w 1.0 KiB" in str(plan)


def test_object_code_is_found_again(tmp_path: Path) -> None:
    code = "\n".join(
        [
            "import numpy as np, lazygraph as lg",
            "from lazygraph.compiler import pipeline",
            "made = []",
            "compile = pipeline.compile_module",
            "pipeline.compile_module = lambda *a, **k: made.append(1) or compile(*a, **k)",
            "x = lg.placeholder((lg.dim('n'),), lg.float32, 'x')",
            "print(lg.function([x], lg.exp(x) * 3)(np.zeros(2, np.float32)).tolist(), len(made))",
        ]
    )

    def run(cache: str) -> str:
        environment = {**os.environ, "LAZYGRAPH_CACHE": cache}
        found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        return found.stdout.strip() + ("warned" if "object cache" in found.stderr else "") or found.stderr

    folder = tmp_path / "cache"
    assert [run(str(folder)) for _ in range(2)] == ["[3.0, 3.0] 1", "[3.0, 3.0] 0"]
    for entry in folder.iterdir():
        entry.write_bytes(entry.read_bytes()[:-1] + b"x")
    assert [run(str(folder)) for _ in range(2)] == ["[3.0, 3.0] 1", "[3.0, 3.0] 0"]
    assert run("off") == "[3.0, 3.0] 1"
    folder.chmod(0o777)
    assert run(str(folder)) == "[3.0, 3.0] 1warned"


def test_without_a_cache_code_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAZYGRAPH_CACHE", "off")
    assert _open_cache("off", "") is None
    assert _cached("ab" * 32, lambda: b"made") == b"made"


def test_every_stage_is_verified_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAZYGRAPH_VERIFY", "1")
    x = lg.placeholder((lg.dim("n"), 3), lg.float32, "x")
    assert lg.function([x], lg.log(lg.nn.softmax(x)))(np.zeros((1, 3), f32)).shape == (1, 3)


def test_a_dump_of_every_compilation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAZYGRAPH_DUMP", str(tmp_path))
    x = lg.placeholder((2,), lg.float32, "x")
    for _ in range(2):
        step = lg.function([x], x + 1, name="increment")
    folders = sorted(tmp_path.iterdir())
    assert [folder.name[3:] for folder in folders] == ["_increment"] * 2
    assert all(len(list(folder.iterdir())) == len(step.stages) for folder in folders)


def test_targets_and_names_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    with pytest.raises(ValueError, match="name is an identifier; found '../x'"):
        lg.function([x], x, name="../x")
    foreign = "neon" if host().architecture == "x86_64" else "sse2"
    monkeypatch.setenv("LAZYGRAPH_TARGET", foreign)
    with pytest.raises(RuntimeError, match=f"LAZYGRAPH_TARGET is {foreign}: this host runs"):
        lg.function([x], x)


@pytest.mark.parametrize("name", runnable())
def test_every_target_that_this_host_runs(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("LAZYGRAPH_TARGET", name)
    x = lg.placeholder((lg.dim("n"), 33), lg.float32, "x")
    value = np.random.default_rng(0).random((17, 33), f32)
    found = lg.function([x], x.T @ x)(value)
    assert np.allclose(found, value.T @ value, rtol=1e-5)
