"""The report: the same tables as text, as Markdown and as JSON.

In: what was measured, and a description of the machine. Out: text. A cell of a row holds the median over rounds and,
for a peer, how many times longer than ours it took.
"""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from benchmarks import growth
from benchmarks.growth import Point
from benchmarks.harness import Measured, threads
from benchmarks.rows import Limit, Row, Section, Unit

SCALE: dict[Unit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6}  # GFLOP/s is work over time, and is not a scale
LIMIT_NAMES: dict[Limit, str] = {"fma": "arithmetic", "triad": "memory"}
PACKAGES = ("lazygraph", "torch", "jax", "numpy", "llvmlite")
HEAD = """# Performance

Made by `make bench`; [benchmarks/run.py](../benchmarks/run.py) says how it measures."""
METHOD = """A figure is the median over {rounds} interleaved rounds. In brackets stands a peer's time over ours, taken
within a round: above 1, ours is faster. The share of the limit is the time that the row's arithmetic or memory traffic
takes at the machine's limit, measured in the same round, over ours. The memory limit is that of main memory; a row
whose arrays stay in cache may exceed it."""


@dataclass(frozen=True)
class Machine:
    """`limits`: a line for each limit, as measured before the rounds."""

    processor: str
    threads: int
    limits: tuple[str, ...]
    versions: dict[str, str]


@dataclass(frozen=True)
class Table:
    """`cells`: the head, then a line per row. `data`: the same unrounded, as JSON has it."""

    title: str
    note: str
    cells: list[list[str]]
    data: Sequence[object]


def machine(limits: Sequence[str]) -> Machine:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = {name: metadata.version(name) for name in PACKAGES}
    return Machine(names[0] if names else platform.machine(), threads(), tuple(limits), versions)


def quantity(seconds: float, row: Row, unit: Unit) -> str:
    value = row.work / seconds / 1e9 if unit == "GFLOP/s" else seconds * SCALE[unit]
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def of_rows(section: Section, measured: Sequence[Measured]) -> Table:
    """A line per row; a label that a row has no entrant for is left blank."""
    labels = list(dict.fromkeys(label for each in measured for label in each.seconds))
    lines = [[section.unit, *labels, "best peer / ours", "share of limit"]]
    for each in measured:
        line = [each.row.title]
        for label in labels:
            figure = quantity(each.median(label), each.row, section.unit) if label in each.seconds else ""
            line.append(figure if not figure or label == each.ours else f"{figure} ({each.ratio(label):.2f}x)")
        best, share = each.best_peer(), each.share_of_limit()
        line.append(f"{each.ratio(best):.2f}" if best else "")
        line.append(f"{share:.0%} of {LIMIT_NAMES[each.row.limit]}" if share and each.row.limit else "")
        lines.append(line)
    data = [{"row": each.row.title, "seconds": each.seconds, "limit": each.limit} for each in measured]
    return Table(section.title, section.note, lines, data)


def of_growth(points: Sequence[Point]) -> Table:
    """A line per graph size: the microseconds that each stage takes per node."""
    lines = [["us per node", *points[0].seconds, "in all", "in all, seconds"]]
    for point in points:
        total = sum(point.seconds.values())
        shares = [*point.seconds.values(), total]
        lines.append([f"{point.nodes} nodes", *(f"{each / point.nodes * 1e6:.3g}" for each in shares), f"{total:.3g}"])
    return Table(growth.TITLE, growth.NOTE, lines, [asdict(point) for point in points])


def as_text(table: Table) -> str:
    widths = [max(len(line[i]) for line in table.cells) for i in range(len(table.cells[0]))]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table.cells]
    return "\n".join([table.title, *rows, ""])


def as_markdown(tables: Sequence[Table], machine: Machine, rounds: int) -> str:
    facts = [
        f"Machine: {machine.processor}, {machine.threads} threads",
        *(f"Limit: {line}" for line in machine.limits),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in machine.versions.items()),
    ]
    parts = [HEAD, "\n".join(f"- {fact}" for fact in facts), METHOD.format(rounds=rounds)]
    for table in tables:
        head, *rows = ["| " + " | ".join(line) + " |" for line in table.cells]
        parts += [f"## {table.title}", table.note, "\n".join([head, "|---" * len(table.cells[0]) + "|", *rows])]
    return "\n\n".join(parts) + "\n"


def as_json(tables: Sequence[Table], machine: Machine) -> str:
    return json.dumps({"machine": asdict(machine), "tables": [asdict(table) for table in tables]}, indent=1) + "\n"
