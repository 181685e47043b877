"""Object code on disk, so that a program that was compiled once starts at once.

In: a key (hex) and object code. Out: the same bytes in a later process, or None. Nothing in the folder is believed: the
folder and every file in it must belong to this user and be writable by nobody else, and a file's contents must have the
hash that it begins with, which covers the key too. What fails is removed and compiled again. Entries are written under
a temporary name and renamed, so that readers see whole files; the least recently used ones go when the folder is too
full.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
import time
from pathlib import Path

LIMIT_BYTES = 1 << 30
STALE_SECONDS = 3600  # a temporary file this old was left by a process that died

_MARK = b"lazygraph object 1\n"
_KEY = re.compile(r"[0-9a-f]{16,128}")
_SUFFIX, _TEMPORARY = ".object", ".new"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class CacheError(RuntimeError):
    """The cache's folder cannot be used."""


def default_folder(cache_home: str) -> Path:
    """`lazygraph` in $XDG_CACHE_HOME, or in ~/.cache where that is not absolute (XDG Base Directory Specification
    0.8). CacheError where there is no such folder.
    """
    if os.path.isabs(cache_home):
        return Path(cache_home) / "lazygraph"
    try:
        return Path.home() / ".cache" / "lazygraph"
    except RuntimeError as error:  # in a container, for one: a user without HOME and of no name
        raise CacheError("the object cache has no folder: this user has no home") from error


class ObjectCache:
    """A folder of object code. CacheError when it cannot be made, is somebody else's, or is open to others."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.stat()
        except OSError as error:
            raise CacheError(f"the object cache {folder} cannot be used: {error.strerror}") from error
        if found.st_uid != os.geteuid():
            raise CacheError(f"the object cache {folder} belongs to user {found.st_uid}: expected {os.geteuid()}")
        if found.st_mode & _OTHERS_WRITE:
            mode = stat.S_IMODE(found.st_mode)
            raise CacheError(f"the object cache {folder} may be written by other users (mode {mode:03o}): expected 700")

    def get(self, key: str) -> bytes | None:
        """The object code stored under the key, if it is there and sound."""
        path = self._path(key)
        try:
            content = _read_own(path)
        except FileNotFoundError:
            return None
        except OSError:  # a link, or not ours to read
            content = None
        code = None if content is None else _verified(key, content)
        if code is None:
            _remove(path)
        else:
            _touch(path)
        return code

    def put(self, key: str, code: bytes) -> None:
        """Store object code; CacheError if it cannot be written."""
        path = self._path(key)
        try:
            handle, name = tempfile.mkstemp(_TEMPORARY, dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_MARK + _digest(key, code) + code)
                os.replace(name, path)
            except BaseException:
                _remove(Path(name))
                raise
            self._evict()
        except OSError as error:
            raise CacheError(f"the object cache {self.folder} cannot be written: {error.strerror}") from error

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"the cache key {key!r} is not 16 to 128 hexadecimal digits")
        return self.folder / f"{key}{_SUFFIX}"

    def _evict(self) -> None:
        """Remove the least recently used entries above the limit, and what dead processes left."""
        entries: list[tuple[float, int, Path]] = []
        for path in self.folder.iterdir():
            try:
                found = path.lstat()
            except FileNotFoundError:  # another process evicts too
                continue
            if path.suffix == _SUFFIX:
                entries.append((found.st_mtime, found.st_size, path))
            elif path.suffix == _TEMPORARY and time.time() - found.st_mtime > STALE_SECONDS:
                _remove(path)
        excess = sum(size for _, size, _ in entries) - self.limit_bytes
        for _, size, path in sorted(entries):
            if excess <= 0:
                break
            _remove(path)
            excess -= size


def _read_own(path: Path) -> bytes | None:
    """The file's contents; None unless it is a regular file of this user's that nobody else may write."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        sound = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE
        if not sound:
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def _verified(key: str, content: bytes) -> bytes | None:
    """The object code in a file's contents; None where the hash is not that of the key and the code."""
    start = len(_MARK)
    digest, code = content[start : start + 32], content[start + 32 :]
    return code if content.startswith(_MARK) and digest == _digest(key, code) else None


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + code).digest()


def _touch(path: Path) -> None:
    """Note that the file is used now; another process may just have removed it."""
    try:
        os.utime(path)
    except OSError:
        pass


def _remove(path: Path) -> None:
    """Remove a file if it is there; a folder in its place is somebody's, and stays."""
    try:
        path.unlink()
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        pass
