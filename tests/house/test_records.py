"""Every op record says everything: no field is left empty.

In: the table of records. Out: the fields that hold None or an empty text.
"""

import dataclasses

import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
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
