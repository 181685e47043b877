"""The network on digits, as a user runs it."""

import builtins
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import lazygraph as lg
from lazygraph.cli import main
from lazygraph.models import mlp


def test_training_reports_saves_and_reaches_its_accuracy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "mlp", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert len(re.findall(r"epoch +\d+  loss \d\.\d+  train accuracy \d\.\d+  test accuracy \d\.\d+\n", told)) == 30
    assert re.search(r"step time: \d+ us \(median of 1350, batch 32\)\n", told)
    found = re.search(r"\ntest accuracy: (\d\.\d+)\n$", told)
    assert found and float(found.group(1)) >= 0.97
    assert {name: array.shape for name, array in load_file(tmp_path / "weights.safetensors").items()} == {
        "hidden_weight": (64, 128),
        "hidden_bias": (128,),
        "output_weight": (128, 10),
        "output_bias": (10,),
    }
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert any(path.name.endswith("program.txt") for path in (tmp_path / "ir").iterdir())


def test_the_step_is_the_formula_in_the_docstring() -> None:
    """One step of ours from the same weights as one step in NumPy: Adam's first step is lr * sign of the gradient."""
    network = mlp.build(1e-3, seed=0)
    before = {name: weight.numpy().astype(np.float64) for name, weight in network.weights.items()}
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 64)).astype(np.float32), rng.integers(0, 10, 20).astype(np.int32)
    h = np.maximum(x @ before["hidden_weight"] + before["hidden_bias"], 0)
    z = h @ before["output_weight"] + before["output_bias"]
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    dz = (p - np.eye(10)[y]) / 20
    dh = (dz @ before["output_weight"].T) * (h > 0)
    gradients = {
        "hidden_weight": x.T @ dh,
        "hidden_bias": dh.sum(0),
        "output_weight": h.T @ dz,
        "output_bias": dz.sum(0),
    }
    np.testing.assert_allclose(network.step(x, y), -np.log(p[np.arange(20), y]).mean(), rtol=1e-5)
    for name, weight in network.weights.items():
        large = np.abs(gradients[name]) > 1e-4
        expected = before[name] - 1e-3 * np.sign(gradients[name])
        np.testing.assert_allclose(weight.numpy()[large], expected[large], atol=2e-6)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "tqdm":
            raise ModuleNotFoundError("No module named 'tqdm'", name="tqdm")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["train", "mlp"]) == 2
    error = capsys.readouterr().err
    assert "needs the extra `models`: pip install 'lazygraph[models]' (no module tqdm)" in error


def test_one_compilation_serves_every_minibatch() -> None:
    network = mlp.build(1e-3, seed=0)
    for size in (1, 7, 32):
        assert network.step(np.zeros((size, 64), np.float32), np.zeros(size, np.int32)).shape == ()
        assert network.predict(np.zeros((size, 64), np.float32)).shape == (size,)
    assert network.step.compilations == 1
    with pytest.raises(lg.CheckFailed, match="extent 0 of axis 0 is not n for any n >= 1"):
        network.step(np.zeros((0, 64), np.float32), np.zeros(0, np.int32))


def test_a_label_that_is_no_digit_fails_the_step_and_changes_no_variable() -> None:
    network = mlp.build(1e-3, seed=0)
    x, y = np.ones((8, 64), np.float32), np.arange(8, dtype=np.int32)
    network.step(x, y)
    before = [variable.numpy() for variable in network.step.variables]
    y[5] = 10
    with pytest.raises(lg.CheckFailed, match=r"a label is outside 0 .. 9\n.*mlp.py"):
        network.step(x, y)
    for variable, value in zip(network.step.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
