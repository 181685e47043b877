"""The object cache believes nothing: whatever is wrong with an entry, it is gone and compiled again."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lazygraph.runtime.cache import CacheError, ObjectCache, default_folder

KEY, OTHER = "ab" * 32, "cd" * 32
CODE = bytes(range(256)) * 10


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "objects")


def entry(cache: ObjectCache, key: str = KEY) -> Path:
    return cache.folder / f"{key}.object"


def test_what_is_put_is_found(cache: ObjectCache) -> None:
    assert cache.get(KEY) is None
    cache.put(KEY, CODE)
    assert cache.get(KEY) == CODE and cache.get(OTHER) is None
    assert ObjectCache(cache.folder).get(KEY) == CODE
    cache.put(KEY, b"")
    assert cache.get(KEY) == b""


def test_folder_and_entries_are_the_users_alone(cache: ObjectCache) -> None:
    cache.put(KEY, CODE)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert entry(cache).stat().st_mode & 0o077 == 0
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY}.object"]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)


def _link(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


@pytest.mark.parametrize(
    "spoil",
    [
        _flip,
        _link,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(CODE),
        lambda path: path.chmod(0o666),
        lambda path: (path.unlink(), os.mkfifo(path)),
        lambda path: path.chmod(0o620),
    ],
)
def test_a_spoiled_entry_is_removed_and_made_again(cache: ObjectCache, spoil: Callable[[Path], object]) -> None:
    cache.put(KEY, CODE)
    spoil(entry(cache))
    assert cache.get(KEY) is None
    assert not entry(cache).exists()
    cache.put(KEY, CODE)
    assert cache.get(KEY) == CODE


def test_an_entry_under_another_key_is_not_believed(cache: ObjectCache) -> None:
    cache.put(KEY, CODE)
    entry(cache).rename(entry(cache, OTHER))
    assert cache.get(OTHER) is None


def test_a_folder_in_an_entrys_place_is_left_alone(cache: ObjectCache) -> None:
    entry(cache).mkdir()
    assert cache.get(KEY) is None and entry(cache).is_dir()
    with pytest.raises(CacheError, match="cannot be written"):
        cache.put(KEY, CODE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_entries_and_folders_of_another_user_are_not_used(cache: ObjectCache, tmp_path: Path) -> None:
    cache.put(KEY, CODE)
    os.chown(entry(cache), 12345, 12345)
    assert cache.get(KEY) is None
    os.chown(cache.folder, 12345, 12345)
    with pytest.raises(CacheError, match="belongs to user 12345"):
        ObjectCache(cache.folder)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(CacheError, match=f"mode {mode:03o}"):
        ObjectCache(folder)


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="cannot be used"):
        ObjectCache(tmp_path / "file")
    with pytest.raises(CacheError, match="cannot be used"):
        ObjectCache(tmp_path / "file" / "below")


@pytest.mark.parametrize("key", ["", "short", "../" * 10, "AB" * 32, "ab" * 70, "a/" * 16])
def test_keys_are_hexadecimal(cache: ObjectCache, key: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        cache.get(key)
    with pytest.raises(ValueError, match="hexadecimal"):
        cache.put(key, CODE)


def test_the_least_recently_used_entries_go_first(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "small", limit_bytes=3 * len(CODE) + 500)
    keys = [f"{number:064x}" for number in range(4)]
    for age, key in enumerate(keys[:3]):
        cache.put(key, CODE)
        os.utime(entry(cache, key), (1000 + age, 1000 + age))
    assert cache.get(keys[0]) == CODE  # used now
    cache.put(keys[3], CODE)
    assert [cache.get(key) is not None for key in keys] == [True, False, True, True]


def test_what_dead_processes_left_is_removed(cache: ObjectCache) -> None:
    stale, fresh = cache.folder / "a.new", cache.folder / "b.new"
    stale.write_bytes(b"x")
    fresh.write_bytes(b"x")
    os.utime(stale, (1000, 1000))
    cache.put(KEY, CODE)
    assert not stale.exists() and fresh.exists()


def test_writers_and_readers_at_once_see_whole_entries(cache: ObjectCache) -> None:
    codes = [bytes([number]) * 50_000 for number in range(4)]
    seen: list[bytes | None] = []

    def write(code: bytes) -> None:
        for _ in range(30):
            cache.put(KEY, code)
            seen.append(cache.get(KEY))

    threads = [threading.Thread(target=write, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) <= set(codes) and len(list(cache.folder.iterdir())) == 1


def test_the_default_folder_follows_the_users_cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder("/somewhere") == Path("/somewhere/lazygraph")
    assert default_folder("") == default_folder("relative") == tmp_path / ".cache" / "lazygraph"


def test_a_user_without_a_home_has_no_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(CacheError, match="no home"):
        default_folder("")


def test_an_entry_may_go_while_it_is_read(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put(KEY, CODE)
    touch = os.utime

    def evicted_before(path: Path) -> None:
        path.unlink()
        touch(path)

    monkeypatch.setattr(os, "utime", evicted_before)
    assert cache.get(KEY) == CODE
