"""The command line: what each command prints; a mistake is a sentence and an exit status, never a traceback."""

from pathlib import Path

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.cli import main
from lazygraph.compiler.codegen.llvm.target import runnable

GRAPH = """graph f(@x: f32[n, 3]) where n >= 0 {
  %0 = constant value=f32[] {1.0} : f32[]
  %1 = broadcast %0 axes=() shape=(<n>, 3) : f32[n, 3]
  %2 = mul @x, %1 : f32[n, 3]
  return %2
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "graph.txt"
    path.write_text(GRAPH)
    return path


def test_opt_prints_what_it_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["opt", str(file)]) == 0
    assert capsys.readouterr().out == GRAPH


def test_opt_runs_the_named_passes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["opt", str(file), "--passes", "canonicalize,decompose"]) == 0
    assert capsys.readouterr().out == "graph f(@x: f32[n, 3]) where n >= 0 {\n  return @x\n}\n"


@pytest.mark.parametrize(
    ("text", "passes", "words"),
    [
        (GRAPH, "fast", "unknown pass 'fast': expected one of cse, inline, canonicalize"),
        (GRAPH, "loops,cse", "pass 'cse' takes a graph: what stands before it is kernels"),
        (GRAPH, "program,cse", "what stands before it is a program"),
        (GRAPH.replace("return %2", "update %2 = %2"), "", "which is not a variable of the graph"),
        (GRAPH.replace("mul", "mull"), "", "mull"),
        (GRAPH.replace(": f32[n, 3]\n  return", ": f32[n, 4]\n  return"), "", "f32[n, 4]"),
        ("", "", "expected graph"),
    ],
)
def test_opt_explains_what_it_does_not_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, passes: str, words: str
) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text(text)
    assert main(["opt", str(path), "--passes", passes]) == 1
    error = capsys.readouterr().err
    assert error.startswith("lazygraph opt: ")
    assert words in error
    assert main(["opt", str(tmp_path / "missing.txt")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_dump_prints_a_stage_or_writes_all(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", str(file), "--stage", "program"]) == 0
    assert capsys.readouterr().out.startswith("program f where n >= 0 {")
    assert main(["dump", str(file), "--folder", str(tmp_path / "out"), "--target", "neon"]) == 0
    names = {path.stem.split("_", 1)[1] for path in (tmp_path / "out").iterdir()}
    assert {"graph", "loops", "program", "llvm", "asm"} <= names
    assert main(["dump", str(file), "--stage", "nothing"]) == 1
    assert "unknown stage 'nothing': expected one of graph" in capsys.readouterr().err
    assert main(["dump", str(file), "--target", "z80"]) == 1
    assert "unknown target 'z80'" in capsys.readouterr().err


def test_what_a_function_dumps_is_read_by_opt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, w = lg.placeholder((lg.dim("n"), 3), name="x"), lg.variable(np.ones(3, np.float32), "w")
    loss = lg.mean(lg.nn.softmax(x * w) ** 2)
    lg.function([x], loss, updates=lg.optim.Adam().minimize(loss, [w])).dump(tmp_path)
    for stage in sorted(tmp_path.iterdir()):
        if stage.read_text().startswith(("graph", "program")) and "\n}\n\n" not in stage.read_text():
            assert main(["opt", str(stage)]) == 0
            assert capsys.readouterr().out == stage.read_text()


def test_variables_of_one_name_are_told_apart_in_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    variables = [lg.variable([float(number)], "w") for number in range(3)]
    difference = lg.function([], variables[0] - variables[1] * variables[2])
    path = tmp_path / "graph.txt"
    path.write_text(difference.ir("graph"))
    assert main(["opt", str(path)]) == 0
    assert capsys.readouterr().out == path.read_text()
    assert '@w: f64[1]; var @1 "w": f64[1]; var @2 "w": f64[1]' in path.read_text()


def test_train_names_the_models_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "gpt5"]) == 2
    assert "no model 'gpt5': expected one of mlp\n" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", "mlp", "--help"])
    assert "--learning-rate" in capsys.readouterr().out


def test_doctor_describes_the_installation_and_tries_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "LLVM" in told and "LAZYGRAPH_CACHE" in told
    assert told.endswith("a compiled function computes what NumPy does\n")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LAZYGRAPH_VERIFY", "2", "LAZYGRAPH_VERIFY: expected 0 or 1, found '2'"),
        ("LAZYGRAPH_TARGET", "neon", "this host runs"),
    ],
)
def test_doctor_says_which_setting_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, words: str
) -> None:
    if value in runnable():
        pytest.skip(f"this host runs {value}")
    monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 1
    assert words in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["train", "mlp", "--out", str(tmp_path / "file" / "run")]) == 1
    told = capsys.readouterr()
    assert told.out == "" and "lazygraph train: [Errno 20] Not a directory" in told.err
