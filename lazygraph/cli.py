"""The `lazygraph` command: train a model, run passes over IR text, look at every stage, check an installation.

In: the command line. Out: text on standard output and an exit status: 0, 1 for a failure that a message explains, 2 for
a command line that is not understood.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A subcommand: what `--help` says, its arguments, and what it does with them."""

    doc: str
    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="lazygraph", description=__doc__.splitlines()[0] if __doc__ else None)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        command.declare(subparsers.add_parser(name, help=command.doc, description=command.doc))
    options = parser.parse_args(arguments)
    return COMMANDS[options.command].run(options)


# --- train -----------------------------------------------------------------------------------------------------------


def _models() -> dict[str, Callable[[Sequence[str]], int]]:
    """The training command of each model that has one; all models are imported for it."""
    names = sorted(each.name for each in pkgutil.iter_modules(importlib.import_module("lazygraph.models").__path__))
    found = {name: importlib.import_module(f"lazygraph.models.{name}") for name in names}
    return {name: module.main for name, module in found.items() if hasattr(module, "main")}


def _declare_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a documented model; any other word lists them")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the model's own: lazygraph train MODEL --help")


def _train(options: argparse.Namespace) -> int:
    models = _models()
    if options.model not in models:
        print(f"lazygraph train: no model {options.model!r}: expected one of {', '.join(models)}", file=sys.stderr)
        return 2
    try:
        return models[options.model](options.arguments)
    except OSError as error:  # a folder that cannot be made, a disk that is full
        print(f"lazygraph train: {error}", file=sys.stderr)
        return 1


# --- opt -------------------------------------------------------------------------------------------------------------


def _declare_opt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="IR text of a graph, a kernel or a program; - for standard input")
    parser.add_argument(
        "--passes", default="", help="names of passes in order, separated by commas; none: verify and print it back"
    )


def _opt(options: argparse.Namespace) -> int:
    from lazygraph.compiler.opt import optimise

    try:
        text = optimise(_text(options.file), [name for name in options.passes.split(",") if name])
    except (ValueError, TypeError, OSError) as error:
        print(f"lazygraph opt: {error}", file=sys.stderr)
        return 1
    sys.stdout.write(text)
    return 0


def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text()


# --- dump ------------------------------------------------------------------------------------------------------------


def _declare_dump(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="IR text of a graph; - for standard input")
    parser.add_argument("--stage", default="program", help="the stage to print: a pass, loops, program, llvm or asm")
    parser.add_argument("--folder", type=Path, help="write every stage into this folder instead")
    parser.add_argument("--target", default="host", help="sse2, avx2, avx512, neon, or host")


def _dump(options: argparse.Namespace) -> int:
    from lazygraph.compiler.codegen.llvm import target
    from lazygraph.compiler.ir.parse import parse_graph
    from lazygraph.compiler.ir.verify import verify_graph
    from lazygraph.compiler.pipeline import Options, compile_graph

    try:
        graph = parse_graph(_text(options.file))
        verify_graph(graph)
        compilation = compile_graph(graph, Options(target.named(options.target)))
        if options.folder is None:
            sys.stdout.write(compilation.text(options.stage))
            return 0
        compilation.dump(options.folder)
    except (ValueError, TypeError, KeyError, OSError) as error:
        print(f"lazygraph dump: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 1
    return 0


# --- doctor ----------------------------------------------------------------------------------------------------------


def _doctor(options: argparse.Namespace) -> int:
    """What a bug report needs: versions, the processor, the settings, and whether a compiled function computes."""
    import llvmlite
    import llvmlite.binding as llvm
    import numpy as np

    import lazygraph as lg
    from lazygraph.compiler.codegen.llvm import target
    from lazygraph.compiler.config import SETTINGS, read

    print(f"lazygraph {lg.__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(f"numpy {np.__version__}, llvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, llvm.llvm_version_info))}")
    print(f"target {target.host()}")
    try:
        for name, setting in SETTINGS.items():
            print(f"{name} = {read(name)!r}: {setting.doc}")
        works, found = _try()
    except (ValueError, RuntimeError) as error:
        print(f"lazygraph doctor: {error}", file=sys.stderr)
        return 1
    print(f"a compiled function {'computes what NumPy does' if works else f'is wrong: it gave {found}'}")
    return 0 if works else 1


def _try() -> tuple[bool, float]:
    """Whether a compiled function computes what NumPy does, and what it computes."""
    import numpy as np

    import lazygraph as lg

    x = lg.placeholder((lg.dim("n"),), lg.float64, "x")
    array = np.linspace(-3, 3, 1001)
    found = float(lg.function([x], lg.sum(lg.exp(x)))(array))
    return bool(np.isclose(found, np.exp(array).sum(), rtol=1e-12)), found


COMMANDS: Mapping[str, Command] = {
    "train": Command("train a documented model", _declare_train, _train),
    "opt": Command("run passes over IR text, verify and print the result", _declare_opt, _opt),
    "dump": Command("compile IR text and print or save its stages", _declare_dump, _dump),
    "doctor": Command("describe this installation and try it", lambda parser: None, _doctor),
}
