"""The wheel holds every source file, and what it holds can be imported without the repository.

In: a copy of the source tree, built by setuptools. Out: the wheel's names and its modules.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.source import PACKAGES, ROOT, package_modules

BUILD = "import setuptools.build_meta as backend, sys; backend.build_wheel(sys.argv[1])"
IMPORT_ALL = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
for name in sys.argv[2:]:
    file = pathlib.Path(importlib.import_module(name).__file__)
    assert file.is_relative_to(root), f"{name} came from {file}, not from the wheel"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in PACKAGES:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=source, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_every_source_file(wheel: Path) -> None:
    expected = set()
    for folder, package in PACKAGES.items():
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        expected |= {"/".join([*package.split("."), *path.relative_to(ROOT / folder).parts]) for path in files}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected, "list the new folder under `packages` in setup.cfg, or its data under package_data"


def test_every_module_imports_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    command = [sys.executable, "-P", "-c", IMPORT_ALL, str(tmp_path), *package_modules()]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
