"""What is paid before the first result: importing the package, and the first call of a step that was never compiled.

In: the peers that take part. Out: `Measured` in seconds; every figure comes from a fresh process, the peers taking
turns.
"""

import subprocess
import sys
from collections.abc import Container

from benchmarks.harness import Measured, Worker, present
from benchmarks.rows import FRAMEWORKS, MLP, Row, Section, everyone

TIMED = "import time; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"
IMPORT = {  # a package may load its parts when a name is first used, so one is
    "lazygraph": "import lazygraph; lazygraph.Tensor",
    "torch": "import torch; torch.Tensor",
    "jax": "import jax.numpy; jax.numpy.ndarray",
    "numpy": "import numpy; numpy.ndarray",
}

IMPORTS = Row("import, and use of a first name", (), everyone("import", ("torch", "jax", "numpy")), None, 0.0)
FIRST_CALL = Row("first call of the MLP step", MLP, everyone("mlp_step", FRAMEWORKS), None, 0.0)
SECTION = Section(
    "Before the first result",
    "In a new process, seconds: the import; then to build, compile with cold caches and run the MLP step once.",
    "s",
    (IMPORTS, FIRST_CALL),
)


def import_times(peers: Container[str], rounds: int) -> Measured:
    """One more round, before the first that counts, brings the files into memory."""
    row = present(IMPORTS, peers)
    taken: dict[str, list[float]] = {each.label: [] for each in row.entrants}
    for _ in range(rounds + 1):
        for each in row.entrants:
            command = [sys.executable, "-c", TIMED.format(IMPORT[each.peer])]
            taken[each.label].append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return Measured(row, {label: seconds[1:] for label, seconds in taken.items()}, [])


def first_calls(peers: Container[str], rounds: int) -> Measured:
    row = present(FIRST_CALL, peers)
    taken: dict[str, list[float]] = {each.label: [] for each in row.entrants}
    for _ in range(rounds):
        for each in row.entrants:
            with Worker(each.peer) as worker:
                taken[each.label].append(worker.ask("prepare", each.label, each.kind, row.shape)["first"])
    return Measured(row, taken, [])
