"""docs/extending.md does what it says: an op in one file, a rule in one file, both as they stand in the repository.

In: a copy of the repository without the op and the rule. Out: what the page's blocks, run in a fresh process, changed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.page import blocks
from tests.house.source import PACKAGES, ROOT

PAGE = ROOT / "docs" / "extending.md"
OP, RULE = "compiler/ops/xlogy.py", "compiler/passes/log_domain.py"
COPIED = (*PACKAGES, "tests", "docs", "pyproject.toml")


def written() -> dict[str, str]:
    """The page's files of Python."""
    return {file: text for language, file, text in blocks(PAGE.read_text()) if language == "python" and file}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository without what the page adds; its four folders are one package there."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name)
        else:
            shutil.copy2(ROOT / name, tmp_path / name)
    for folder, package in PACKAGES.items():
        if "." in package:
            (tmp_path / "lazygraph" / folder).symlink_to(tmp_path / folder)
    (tmp_path / OP).unlink()
    rule = tmp_path / RULE
    rule.write_text(rule.read_text().replace(f"\n\n{written()[RULE]}", ""))
    return tmp_path


def sources(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for top in PACKAGES for path in (folder / top).rglob("*.py")
    }


def test_the_page_shows_the_files_of_the_repository() -> None:
    assert (ROOT / OP).read_text() == written()[OP]
    assert written()[RULE] in (ROOT / RULE).read_text()


def test_the_page_runs_and_touches_one_file_for_the_op_and_one_for_the_rule(copy: Path) -> None:
    before = sources(copy)
    assert OP not in before and b"xlogy" not in b"".join(before.values())
    # without site, so that the copy is found and not the installation; the packages that it needs are named by path
    needed = [path for path in sys.path if "site-packages" in path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(copy), *needed]), "LAZYGRAPH_CACHE": "off"}
    command = [sys.executable, "-S", "-m", "tests.house.page", str(PAGE)]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    after = sources(copy)
    assert {name for name in after if after[name] != before.get(name)} == {OP, RULE}
