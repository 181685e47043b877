"""The README's programs print what they say."""

import doctest
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_programs_of_the_readme_print_what_they_say() -> None:
    found = doctest.testfile(str(README), module_relative=False)
    assert found.attempted > 10
    assert found.failed == 0
