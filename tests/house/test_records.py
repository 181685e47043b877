"""Every op record says everything: no field is left empty.

In: the table of records. Out: the fields that hold None or an empty text.
"""

import dataclasses
import re
import sys
from pathlib import Path

import pytest

import lazygraph.compiler.ops
from lazygraph.compiler.ops.record import OPS


def test_there_are_records() -> None:
    assert OPS


@pytest.mark.parametrize("name", sorted(OPS))
def test_a_record_has_no_empty_field(name: str) -> None:
    record = OPS[name]
    assert record.name == name
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    assert [
        field for field, value in values.items() if value is None or (isinstance(value, str) and not value.strip())
    ] == []


def test_no_list_names_the_files_of_ops() -> None:
    """A file with a record is found by being there: nobody enters it anywhere."""
    folder = Path(lazygraph.compiler.ops.__file__).parent
    code = (folder / "__init__.py").read_text().split('"""')[2]
    files = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    assert {f"lazygraph.compiler.ops.{name}" for name in files} <= sys.modules.keys()
    assert [name for name in files if re.search(rf"\b{name}\b", code)] == []
