"""What every source file keeps: its length, its first lines, its folder.

In: the files of the repository. Out: those that break the rule.
"""

import ast

from tests.house.source import ROOT, all_files, package_files, tree

MOST_LINES = 600
SUFFIXES = {".py", ".c", ".h", ".js", ".css", ".html"}
FOLDERS = ("lazygraph", "compiler", "runtime", "models", "tests", "benchmarks")


def test_no_file_is_longer_than_600_lines() -> None:
    files = [path for top in FOLDERS for path in (ROOT / top).rglob("*") if path.suffix in SUFFIXES]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_file_begins_by_saying_what_goes_in_and_what_comes_out() -> None:
    silent = []
    for file in all_files():
        first = tree(file).body[:1]
        if not (first and isinstance(first[0], ast.Expr) and ast.get_docstring(tree(file)) and first[0].lineno == 1):
            silent.append(str(file.relative_to(ROOT)))
    assert silent == [], "\n".join(silent)


def test_every_folder_of_python_is_a_package() -> None:
    folders = {file.parent for file in all_files()}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_environment_variables_stand_in_one_file() -> None:
    """compiler/config.py names every variable that is read; whoever reads one elsewhere does so by its literal name."""
    config = ROOT / "compiler" / "config.py"
    named = config.read_text()
    missing = []
    for file in set(package_files()) - {config}:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in (
                "os.environ",
                "os.getenv",
                "os.environb",
            ):
                read = _variable(node, tree(file))
                if read is None or f'"{read}"' not in named:
                    missing.append(f"{file.relative_to(ROOT)}:{node.lineno} reads {read}")
    assert missing == [], "\n".join(missing)


def _variable(environment: ast.expr, module: ast.Module) -> str | None:
    """The literal name in os.environ[name], os.environ.get(name), name in os.environ or os.getenv(name)."""
    parents = {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}
    user = parents[environment]
    if isinstance(user, ast.Attribute):
        user = parents[user]
    match user:
        case ast.Subscript(slice=ast.Constant(value=str(name))) | ast.Call(args=[ast.Constant(value=str(name)), *_]):
            return name
        case ast.Compare(left=ast.Constant(value=str(name))):
            return name
    return None
