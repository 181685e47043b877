"""The map in docs/architecture.md shows the house as it is.

In: the page, the folders of the package, the list of passes. Out: rooms and passes that a reader would not find.
"""

import re

from lazygraph.compiler.pipeline import GRAPH_PASSES
from tests.house.source import ROOT, package_files

PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_every_room_is_on_the_map() -> None:
    first_cells = [
        row.split("|")[1] for row in PAGE.split("## Each folder")[1].split("\n## ")[0].splitlines() if "|" in row
    ]
    shown = {name.rstrip("/") for cell in first_cells for name in re.findall(r"`([\w/]+)`", cell)}
    rooms = {str(file.parent.relative_to(ROOT)) for file in package_files() if any(file.parent.glob("[!_]*.py"))}
    assert rooms - shown == set()
    assert [room for room in shown if not (ROOT / room).is_dir()] == []


def test_every_pass_has_a_row_in_its_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `passes/", PAGE, re.MULTILINE)
    assert rows == [each.name for each in GRAPH_PASSES]


def test_every_file_on_the_map_exists() -> None:
    paths = re.findall(r"`((?:compiler|lazygraph|runtime|models|tests)/[\w/]+\.py)`", PAGE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
