"""Golden programs: the text of a form through named passes, as `lazygraph opt` prints it.

Each file in `golden/` holds `passes: a, b`, the input, a line `----`, and the expected output. Run pytest with
`--update-golden` to write what is printed now into the files; then read the difference.
"""

from pathlib import Path

import pytest

from lazygraph.compiler.opt import optimise

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.txt"))
SEPARATOR = "----\n"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_program_comes_out_as_written(path: Path, request: pytest.FixtureRequest) -> None:
    head, _, rest = path.read_text().partition("\n")
    assert head.startswith("passes: "), f"{path.name} does not start with `passes:`"
    source, _, expected = rest.partition(SEPARATOR)
    found = optimise(source, [name.strip() for name in head.removeprefix("passes: ").split(",")])
    if request.config.getoption("--update-golden"):
        path.write_text(f"{head}\n{source}{SEPARATOR}{found}")
    else:
        assert found == expected
