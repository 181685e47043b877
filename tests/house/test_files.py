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


def test_environment_variables_are_read_in_one_file() -> None:
    """compiler/config.py; what the runtime needs of it, callers hand over."""
    readers = set()
    for file in set(package_files()) - {ROOT / "compiler" / "config.py"}:
        for node in ast.walk(tree(file)):
            named = isinstance(node, ast.ImportFrom) and node.module == "os" and [each.name for each in node.names]
            if {"environ", "environb", "getenv"} & {getattr(node, "attr", ""), *(named or ())}:
                readers.add(f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert readers == set()
