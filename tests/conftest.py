"""Settings that all tests share: how many random examples hypothesis draws, and where optional data lies.

`make test` draws the same examples every time; `make test-all` asks for the profile "all", which draws 2,000 new ones.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import round_trip

round_trip.install()  # before any test module imports what it wraps
settings.register_profile("slice", max_examples=200, derandomize=True, deadline=None, database=None)
settings.register_profile("all", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("slice")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what golden tests print into their files")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of optional data sets that LAZYGRAPH_DATA names; a test that needs it is skipped without."""
    folder = os.environ.get("LAZYGRAPH_DATA")
    if not folder:
        pytest.skip("LAZYGRAPH_DATA is not set")
    return Path(folder)
