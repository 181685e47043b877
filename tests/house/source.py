"""The source tree as the house tests see it.

In: the repository. Out: its Python files, their installed names, and every import resolved to a full module name.
"""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# folder at the top of the repository -> the name it is installed as
PACKAGES = {
    "lazygraph": "lazygraph",
    "compiler": "lazygraph.compiler",
    "runtime": "lazygraph.runtime",
    "models": "lazygraph.models",
}


@dataclass(frozen=True)
class Import:
    """One imported module: `target` is absolute, `deferred` says that importing `file` does not run the statement."""

    file: Path
    line: int
    target: str
    deferred: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.target}"


@cache
def package_files() -> tuple[Path, ...]:
    """The Python files of the four folders that are installed."""
    return tuple(path for folder in PACKAGES for path in sorted((ROOT / folder).rglob("*.py")))


@cache
def all_files() -> tuple[Path, ...]:
    """Those, and the tests and benchmarks."""
    return package_files() + tuple(
        path for top in ("tests", "benchmarks") for path in sorted((ROOT / top).rglob("*.py"))
    )


def module_name(file: Path) -> str:
    """compiler/ir/graph.py -> lazygraph.compiler.ir.graph; a file outside the package keeps its path's name."""
    top, *rest = file.relative_to(ROOT).with_suffix("").parts
    parts = [PACKAGES.get(top, top), *rest]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def package_modules() -> dict[str, Path]:
    return {module_name(file): file for file in package_files()}


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


@cache
def imports(file: Path) -> tuple[Import, ...]:
    """Every module that a file names: `from package import module` names the module, if there is one."""
    found: list[Import] = []

    def visit(node: ast.AST, deferred: bool) -> None:
        for name in _targets(node, file):
            found.append(Import(file, node.lineno, name, deferred))
        body_is_deferred = deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        body_is_deferred |= isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            visit(child, body_is_deferred)

    visit(tree(file), False)
    return tuple(found)


def _targets(node: ast.AST, file: Path) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:  # relative: drop one name for a plain module, none for a package, and one for each further dot
        here = module_name(file).split(".")
        kept = len(here) - node.level + (file.name == "__init__.py")
        base = ".".join(here[:kept] + ([base] if base else []))
    submodules = [f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in package_modules()]
    others = [alias for alias in node.names if f"{base}.{alias.name}" not in package_modules()]
    return submodules + ([base] if others else [])
