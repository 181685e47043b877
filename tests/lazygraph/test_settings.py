"""What the environment says: a value that is none names its variable; a cache that cannot be used stops nobody."""

from pathlib import Path

import pytest

from lazygraph.compiled import _cached
from lazygraph.compiler import config

KEY = "ab" * 32


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LAZYGRAPH_NUM_THREADS", "0", "expected a whole number of at least 1, found '0'"),
        ("LAZYGRAPH_NUM_THREADS", "²", "expected a whole number of at least 1, found '²'"),
        ("LAZYGRAPH_VERIFY", "yes", "expected 0 or 1, found 'yes'"),
    ],
)
def test_a_setting_that_is_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{name}: {expected}$"):
        config.read(name)


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAZYGRAPH_CACHE", str(tmp_path))
    (tmp_path / f"{KEY}.object").mkdir()  # stands for a full disk, which is hard to come by
    tmp_path.chmod(0o700)
    with pytest.warns(UserWarning, match="cannot be written: Is a directory. Set LAZYGRAPH_CACHE to another folder"):
        assert _cached(KEY, lambda: b"made") == b"made"
