"""The number of threads honours affinity and container limits."""

import os
from pathlib import Path

import pytest

from lazygraph.runtime.threads import available_threads


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(
    ("files", "membership", "expected"),
    [
        ({}, "", 8),
        ({"cpu.max": "200000 100000\n"}, "", 2),
        ({"cpu.max": "max 100000\n"}, "", 8),
        ({"cpu.max": "150000 100000"}, "", 2),
        ({"cpu.max": "1000 100000"}, "", 1),
        ({"cpu.max": "nonsense"}, "", 8),
        ({"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b\n", 3),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", 8),
        ({"cpu/x/cpu.cfs_quota_us": "500000", "cpu/x/cpu.cfs_period_us": "100000"}, "3:cpu,cpuacct:/x\n2:pids:/\n", 5),
    ],
)
def test_a_containers_quota_is_a_limit(tmp_path: Path, files: dict[str, str], membership: str, expected: int) -> None:
    for name, text in files.items():
        write(tmp_path / "groups" / name, text)
    write(tmp_path / "membership", membership)
    assert available_threads(tmp_path / "groups", tmp_path / "membership") == expected


def test_affinity_is_a_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert available_threads(tmp_path, tmp_path / "none") == 1
