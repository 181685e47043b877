"""How many threads this process may use.

In: what the operating system and its containers allow. Out: a number, at least 1.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def available_threads(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """The cores this process may run on, fewer where its container's processor quota is less."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quotas = [_quota(folder) for folder in _folders(cgroups, membership)]
    return max(1, min([cores, *[math.ceil(quota) for quota in quotas if quota is not None]]))


def _folders(cgroups: Path, membership: Path) -> set[Path]:
    """Where limits on this process may stand: its control groups and those above them, by version 2 and 1."""
    folders = {cgroups, cgroups / "cpu"}
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "cpu", "cpu,cpuacct"):
            below = (cgroups / "cpu" if controllers else cgroups) / path.lstrip("/")
            folders |= {each for each in (below, *below.parents) if each.is_relative_to(cgroups)}
    return folders


def _quota(folder: Path) -> float | None:
    """Processors' worth of time that a control group may take; None without a limit."""
    # Version 2: "quota period" in one file, "max" for no limit. Version 1: two files, -1 for no limit.
    words = _read(folder / "cpu.max").split() or [
        _read(folder / name).strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    ]
    if len(words) != 2 or not all(word.isdigit() and int(word) > 0 for word in words):
        return None
    return int(words[0]) / int(words[1])


def _read(file: Path) -> str:
    """The text of a file, empty where there is none to read: not every system has control groups."""
    try:
        return file.read_text()
    except OSError:
        return ""
