"""How many threads this process may use.

In: what the operating system and its containers allow. Out: a number, at least 1.
"""

from __future__ import annotations

import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def available_threads(cgroups: Path = CGROUPS) -> int:
    """The cores this process may run on, fewer where its container's processor quota is less."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = _quota(cgroups)
    return max(1, cores if quota is None else min(cores, round(quota + 0.49)))


def _quota(cgroups: Path) -> float | None:
    """Processors' worth of time that the container may take, by control groups version 2 or 1; None without a limit."""
    limits = [_two_numbers(cgroups / "cpu.max"), _two_files(cgroups / "cpu")]
    found = [quota / period for quota, period in filter(None, limits) if quota > 0 and period > 0]
    return min(found, default=None)


def _two_numbers(file: Path) -> tuple[int, int] | None:
    """cpu.max reads "quota period", with "max" for no limit."""
    words = _read(file).split()
    return (int(words[0]), int(words[1])) if len(words) == 2 and words[0].isdigit() and words[1].isdigit() else None


def _two_files(folder: Path) -> tuple[int, int] | None:
    quota, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
    return (int(quota), int(period)) if quota.isdigit() and period.isdigit() else None


def _read(file: Path) -> str:
    """The text of a file, empty where there is none to read: not every system has control groups."""
    try:
        return file.read_text()
    except OSError:
        return ""
