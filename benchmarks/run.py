"""Times ours against torch, torch.compile, jax and numpy: `make bench`, or `python -m benchmarks.run --help`.

In: an environment with all of them (torch.compile also needs g++). Out: tables on stdout, build/benchmarks.json with
every round, and, when nothing was left out, docs/performance.md.

How it measures. Each peer is one process that lives through the whole run (`worker.py`). For each row every peer
prepares the same workload from the same arrays (`workload.py`, `workloads_*.py`), and the results must agree before
anything is timed. Then the peers take turns, in a new order each round, with a pause in between, because idle threads
spin: one warm-up sample, then samples for 40 ms, of which the median counts. A call ends when its result is ready.
The machine's own limits (`peak.py`) take a turn in each round as well. A ratio is the median over rounds of theirs
over ours within a round, so that a shared machine's slow minutes fall on both. All use every core that the process
may run on.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path

from benchmarks import growth, report, startup
from benchmarks.harness import LIMIT_WORK, TURN_SECONDS, Worker, measure, prepare_limits, threads
from benchmarks.rows import SECTIONS, Limit
from benchmarks.worker import MODULES

ROOT = Path(__file__).resolve().parents[1]
PEERS = [peer for peer in MODULES if peer != "machine"]
STARTUP_ROUNDS = 3
LIMIT_TURNS = 8
LIMIT_UNITS: dict[Limit, str] = {"fma": "GFLOP/s of float32 multiply-adds", "triad": "GB/s of memory traffic"}


def limits(machine: Worker) -> list[str]:
    """What one thread and all threads reach at best, as lines of the report."""
    lines = []
    for limit, unit in LIMIT_UNITS.items():
        work = LIMIT_WORK[limit]
        for count in sorted({1, threads()}):
            machine.ask("prepare", "alone", limit, (work, count))
            rate = work / min(machine.ask("turn", "alone", TURN_SECONDS) for _ in range(LIMIT_TURNS)) / 1e9
            lines.append(f"{rate:.0f} {unit} on {count} thread{'s'[: count > 1]}")
    machine.ask("drop", "alone")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Times ours against the peers, in interleaved rounds.")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each peer in each row (default 15)")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="who takes part (default all)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose section or title contains this")
    arguments = parser.parse_args()
    tables: list[report.Table] = []

    with ExitStack() as stack:
        workers = {peer: stack.enter_context(Worker(peer)) for peer in (*arguments.peers, "machine")}
        machine = report.machine(limits(workers["machine"]))
        prepare_limits(workers["machine"])
        for section in SECTIONS:
            rows = [row for row in section.rows if arguments.only in f"{section.title}: {row.title}"]
            rows = [row for row in rows if any(each.peer in workers for each in row.entrants)]
            if rows:
                tables.append(report.of_rows(section, [measure(row, workers, arguments.rounds) for row in rows]))
                print(report.as_text(tables[-1]), flush=True)

    timed = {startup.IMPORTS: startup.import_times, startup.FIRST_CALL: startup.first_calls}
    chosen = [row for row in timed if arguments.only in f"{startup.SECTION.title}: {row.title}"]
    if chosen:
        tables.append(report.of_rows(startup.SECTION, [timed[row](arguments.peers, STARTUP_ROUNDS) for row in chosen]))
        print(report.as_text(tables[-1]), flush=True)

    if "lazygraph" in arguments.peers and arguments.only in growth.TITLE:
        tables.append(report.of_growth(growth.measure()))
        print(report.as_text(tables[-1]), flush=True)

    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "benchmarks.json").write_text(report.as_json(tables, machine))
    if not arguments.only and set(arguments.peers) == set(PEERS):
        (ROOT / "docs" / "performance.md").write_text(report.as_markdown(tables, machine, arguments.rounds))


if __name__ == "__main__":
    main()
