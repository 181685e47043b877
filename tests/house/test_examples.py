"""The examples in docstrings run and print what they say.

In: every module of the package with a `>>>` in it.
"""

import doctest
import importlib

import pytest

from tests.house.source import package_modules

EXAMPLES = sorted(name for name, file in package_modules().items() if ">>>" in file.read_text())


@pytest.mark.parametrize("name", EXAMPLES)
def test_docstring_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0
