"""Every environment variable that the project reads, in one place.
`lazygraph doctor` and the docs list this table. A variable marked `code` changes generated code and is part of the
cache key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    name: str
    doc: str
    default: str
    parse: Callable[[str], Any]
    code: bool = False


def _threads(text: str) -> int | None:
    if text == "":
        return None
    count = int(text) if text.isdecimal() else 0
    if count < 1:
        raise ValueError(f"expected a whole number of at least 1, found {text!r}")
    return count


def _flag(text: str) -> bool:
    if text not in ("", "0", "1"):
        raise ValueError(f"expected 0 or 1, found {text!r}")
    return text == "1"


_SETTINGS = (
    Setting("LAZYGRAPH_CACHE", "folder of the object cache, or `off`; default: the user's cache folder", "", str),
    Setting("XDG_CACHE_HOME", "the user's cache folder, in which `lazygraph` is made; default: ~/.cache", "", str),
    Setting(
        "LAZYGRAPH_NUM_THREADS",
        "threads of compiled functions; default: the processors this process may use",
        "",
        _threads,
    ),
    Setting("LAZYGRAPH_DUMP", "folder to which every stage of every compilation is written", "", str),
    Setting(
        "LAZYGRAPH_VERIFY", "1: verify every stage, and compare the values before and after each graph pass", "0", _flag
    ),
    Setting(
        "LAZYGRAPH_TARGET", "compile for a named target (sse2, avx2, avx512) instead of this host", "", str, code=True
    ),
    Setting("LAZYGRAPH_DATA", "folder of optional data sets, for tests and training commands", "", str),
)
SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _SETTINGS}


def read(name: str) -> Any:
    """The present value of a setting; ValueError where the text is not one."""
    setting = SETTINGS[name]
    try:
        return setting.parse(os.environ.get(name, setting.default))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
