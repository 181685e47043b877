"""docs/numpy.md lists what is left out of NumPy's namespace: no more, and no less."""

import doctest
import inspect
import re
import types
from typing import Any

import numpy as np

import lazygraph as lg
from tests.house.source import ROOT

PAGE = ROOT / "docs" / "numpy.md"


def section(title: str) -> str:
    return PAGE.read_text().split(f"## {title}\n")[1].split("\n## ")[0]


def listed(title: str) -> set[str]:
    """The names in the first column of a section's table, each row of which gives a reason."""
    rows = [line.strip("|").split("|") for line in section(title).splitlines() if line.startswith("| `")]
    assert all(len(row) == 2 and row[1].strip() for row in rows)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def public() -> dict[str, Any]:
    """What NumPy's namespace holds for its users, but for its modules."""
    names = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    return {name: each for name, each in names.items() if not isinstance(each, types.ModuleType)}


def is_there(name: str) -> bool:
    """Whether the package has it; its files, which Python shows as attributes, are not meant."""
    return hasattr(lg, name) and not isinstance(getattr(lg, name), types.ModuleType)


def is_function(each: Any) -> bool:
    return callable(each) and not isinstance(each, type)


def test_every_function_is_there_or_on_the_page() -> None:
    missing = {name for name, each in public().items() if is_function(each) and not is_there(name)}
    assert missing - listed("Functions left out") == set()


def test_every_type_and_object_is_there_or_on_the_page() -> None:
    missing = {name for name, each in public().items() if not is_function(each) and not is_there(name)}
    assert missing - listed("Types and objects left out") == set()


def test_every_method_is_there_or_on_the_page() -> None:
    names = {name for name in dir(np.ndarray) if not name.startswith("_")}
    missing = {name for name in names if not hasattr(lg.Tensor, name)}
    assert missing == listed("Methods left out") & names
    assert not {name for name in listed("Methods left out") if hasattr(lg.Tensor, name)}


def test_what_the_page_says_is_left_out_is_left_out() -> None:
    names = listed("Functions left out") | listed("Types and objects left out")
    assert {name for name in names if is_there(name)} == set()


def test_every_optional_parameter_is_there_or_on_the_page() -> None:
    missing: dict[str, list[str]] = {}
    for name, each in public().items():
        if is_function(each) and not isinstance(each, np.ufunc) and is_there(name):
            ours = inspect.signature(getattr(lg, name)).parameters
            for parameter in signature(each):
                if parameter not in ours:
                    missing.setdefault(parameter, []).append(name)
    on_page = listed("Parameters left out")
    assert {parameter: names for parameter, names in missing.items() if parameter not in on_page} == {}
    assert on_page - missing.keys() == set()


def signature(function: Any) -> list[str]:
    """The names of the optional parameters of one of NumPy's functions."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C, with a signature that nobody can read
        return []
    return [each.name for each in parameters if each.default is not each.empty]


def test_names_that_the_page_points_to_exist() -> None:
    pointed = re.findall(r"`lg\.(\w\w+)", PAGE.read_text())
    assert {name for name in pointed if not hasattr(lg, name)} == set()


def test_the_examples_run() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0
