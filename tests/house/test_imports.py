"""Imports run one way: models -> lazygraph -> compiler -> runtime.

In: every import statement of every file, found in the syntax tree, so that those inside functions count too.
"""

import networkx as nx
import pytest

from tests.house.source import PACKAGES, ROOT, Import, all_files, imports, module_name, package_files, package_modules

PLAIN_DATA = ("lazygraph.runtime.dtypes", "lazygraph.runtime.artifact")  # all that the compiler may know of the runtime
GENERATES_CODE = ("lazygraph.compiler.codegen", "lazygraph.compiler.pipeline")
JOINT = "lazygraph.compiled"  # the one file that hands compiled code to the runtime


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def layer(name: str) -> str:
    """models, lazygraph, compiler or runtime."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ("compiler", "runtime", "models") else "lazygraph"


def is_allowed(source: str, target: str) -> bool:
    if not within(target, ("lazygraph",)):
        return True
    match layer(source), layer(target):
        case ("runtime", "runtime") | ("compiler", "compiler") | ("lazygraph", "lazygraph" | "compiler" | "runtime"):
            return not (source in PLAIN_DATA and target not in PLAIN_DATA)
        case "compiler", "runtime":
            return within(target, PLAIN_DATA)
        case "models", _:
            return True
    return False


def violations(found: tuple[Import, ...]) -> list[str]:
    return [str(each) for each in found if not is_allowed(module_name(each.file), each.target)]


@pytest.mark.parametrize("folder", PACKAGES)
def test_imports_run_one_way(folder: str) -> None:
    files = [file for file in package_files() if file.is_relative_to(ROOT / folder)]
    assert files
    found = [line for file in files for line in violations(imports(file))]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        ("lazygraph.models.mlp", "lazygraph.nn", True),
        ("lazygraph.nn", "lazygraph.models.mlp", False),
        ("lazygraph.compiled", "lazygraph.compiler.pipeline", True),
        ("lazygraph.compiler.pipeline", "lazygraph.compiled", False),
        ("lazygraph.compiler.ir.graph", "lazygraph", False),
        ("lazygraph.compiler.ir.graph", "lazygraph.runtime.dtypes", True),
        ("lazygraph.compiler.ir.graph", "lazygraph.runtime", False),
        ("lazygraph.compiler.ir.graph", "lazygraph.runtime.threads", False),
        ("lazygraph.runtime.threads", "lazygraph.runtime.dtypes", True),
        ("lazygraph.runtime.threads", "lazygraph.compiler.ir.graph", False),
        ("lazygraph.runtime.dtypes", "lazygraph.runtime.threads", False),
        ("lazygraph.runtime.dtypes", "numpy", True),
    ],
)
def test_the_rule_for_one_import(source: str, target: str, allowed: bool) -> None:
    assert is_allowed(source, target) == allowed


def test_one_file_joins_the_code_generator_and_the_runtime() -> None:
    joints = set()
    for name, file in package_modules().items():
        targets = [each.target for each in imports(file)] if layer(name) == "lazygraph" else []
        generates = any(within(target, GENERATES_CODE) for target in targets)
        loads = any(layer(target) == "runtime" and target not in PLAIN_DATA for target in targets)
        if generates and loads:
            joints.add(name)
    assert joints <= {JOINT}


def test_nobody_imports_a_folder_by_its_bare_name() -> None:
    """`import compiler` works from the root of the repository, and is a second copy of every module in it."""
    bare = ("compiler", "runtime", "models")
    found = [str(each) for file in all_files() for each in imports(file) if within(each.target, bare)]
    assert found == [], "\n".join(found)


def test_importing_a_module_never_comes_back_to_it() -> None:
    """But for the package's face: its modules call each other's functions as `lg.name`, as a user does."""
    edges = [
        (name, each.target)
        for name, file in package_modules().items()
        for each in imports(file)
        if not each.deferred and each.target in package_modules() and each.target not in (name, "lazygraph")
    ]
    circles = [sorted(part) for part in nx.strongly_connected_components(nx.DiGraph(edges)) if len(part) > 1]
    assert circles == [], circles
