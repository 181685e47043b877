"""The package's face: what is exported, and that importing it loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lazygraph as lg
from lazygraph.primitives import exported


def test_type_checkers_and_programs_see_the_same_names() -> None:
    """`lazygraph/__init__.py` lists its modules as imports for type checkers and as names to load."""
    tree = ast.parse(Path(str(lg.__file__)).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    starred = {str(node.module).removeprefix("lazygraph.") for node in imports if node.names[0].name == "*"}
    named = {alias.asname for node in imports for alias in node.names if alias.name != "*"}
    assert starred == set(lg._MODULES)
    exports = lg._exports()
    assert named <= exports.keys()
    starred_names = {name for module in starred for name in sys.modules[f"lazygraph.{module}"].__all__}
    assert exports.keys() == named | starred_names | exported().keys()


def test_no_two_modules_export_the_same_name() -> None:
    lg._exports()
    names = [name for module in lg._MODULES for name in sys.modules[f"lazygraph.{module}"].__all__]
    names += exported()
    assert len(names) == len(set(names))


def test_no_module_has_the_name_of_what_is_exported() -> None:
    """`import lazygraph.x` puts the module where `lg.x` looks, so that `lg.x` would be the module for whoever asks
    first."""
    modules = {each.stem for each in Path(str(lg.__file__)).parent.glob("*.py")}
    assert modules & lg._exports().keys() <= {*lg._NAMESPACES}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'lazygraph' has no attribute 'sotfmax'"):
        getattr(lg, "sotfmax")  # noqa: B009
    assert {"Tensor", "function", "nn", "matmul"} <= set(dir(lg))


def test_importing_loads_neither_llvm_nor_networkx() -> None:
    code = "import lazygraph, sys; print([m for m in ('llvmlite', 'networkx', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    code = "import lazygraph as lg, sys; lg.Tensor; print([m for m in ('llvmlite', 'networkx') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "first", ["lazygraph.compiled", "lazygraph.state", "lazygraph.tensor", "lazygraph.random", "lazygraph.nn.losses"]
)
def test_a_submodule_may_be_imported_first(first: str) -> None:
    code = (
        f"import {first}; import lazygraph as lg; x = lg.placeholder((), name='x'); print(lg.function([x], x + 1)(1))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "2.0\n"
