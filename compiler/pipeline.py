"""From a captured graph to object code: every pass in its order, with the reason where the order matters.

In: a graph and options. Out: a `Compilation`: the artifact that the runtime loads, and every stage on the way, to be
looked at. Passes are pure; whatever watches them is one callback, `on_pass(name, before, after)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

import lazygraph.compiler
from lazygraph.compiler.codegen.llvm.contraction import emit_contraction, schedule_for
from lazygraph.compiler.codegen.llvm.entry import emit_entry, kernel_symbols
from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.module import assembly, compile_module
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.hash import graph_hash
from lazygraph.compiler.ir.nominal import nominal
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.loop.ir import AnyKernel, Contraction, Kernel
from lazygraph.compiler.loop.print import print_kernel
from lazygraph.compiler.loop.schedule.contraction import ContractionSchedule
from lazygraph.compiler.loop.schedule.machine import Machine, host_machine
from lazygraph.compiler.loop.schedule.tiling import contraction_work
from lazygraph.compiler.loop.work import Work, work
from lazygraph.compiler.passes.base import OnPass, Pass, ignore
from lazygraph.compiler.passes.branches import Branches
from lazygraph.compiler.passes.canonicalize import Canonicalize
from lazygraph.compiler.passes.cse import MergeEqual
from lazygraph.compiler.passes.dead_code import DropDead
from lazygraph.compiler.passes.decompose import Decompose
from lazygraph.compiler.passes.fold import Fold
from lazygraph.compiler.passes.gradient_stops import DropGradientStops
from lazygraph.compiler.passes.inline import Inline
from lazygraph.compiler.passes.loops import Loops
from lazygraph.compiler.passes.outside import Outside
from lazygraph.compiler.passes.remat import Planned, Rematerialize
from lazygraph.compiler.passes.remat_timeline import Launched, Timeline
from lazygraph.compiler.passes.sequence import OrderEffects
from lazygraph.compiler.passes.stability import Stabilize
from lazygraph.compiler.passes.while_loops import WhileLoops
from lazygraph.compiler.program.build import Built, build
from lazygraph.compiler.program.footprint import call_bytes
from lazygraph.compiler.program.ir import Parameter, Program
from lazygraph.compiler.program.print import print_program
from lazygraph.runtime import artifact

GRAPH_PASSES: tuple[Pass, ...] = (
    MergeEqual(),  # first, because text that was parsed and graphs made by hand are not interned yet
    Inline(),  # before every rewrite, because rules and fusion then see through a function with a rule of its own
    Canonicalize(),  # before stabilize, which applies these rules too, so that a dump shows exact algebra by itself
    Stabilize(),  # before stops are dropped, because stable forms are marked by stops, and are not taken apart again
    DropGradientStops(),  # before fold, because a stop hides a constant; every derivative has been taken by now
    Fold(),  # before dead code, because a folded condition decides its check
    Loops(),  # after fold, because loops that were differentiated are folded already and equal those that were not
    WhileLoops(),  # after fold, because a condition may be known by then, and formulas that are equal are equal nodes
    Branches(),  # after fold, because a choice may be known by then, and like loops
    DropDead(),
    Decompose(),  # after every rule, because none knows the parts
    OrderEffects(),  # last, because it is the order of what is left
)


@dataclass(frozen=True)
class Options:
    """What generated code depends on besides the graph."""

    target: Target
    machine: Machine = field(default_factory=host_machine)
    opt_level: int = 2
    lapack: bool = False  # decompositions of large matrices by outside routines


@dataclass(frozen=True)
class Budget:
    """What a call on that many threads may take: bytes, a part (a float) of what it takes otherwise, or, where there is
    no limit, what it takes when all is computed again that is cheap to."""

    limit: int | float | None
    threads: int


@dataclass(frozen=True)
class Compilation:
    """A compiled graph with its stages. `object_code` is made, or found in a cache, when it is asked for."""

    options: Options
    stages: tuple[tuple[str, Graph], ...]  # the captured graph, then the graph after each pass
    program: Program
    constants: tuple[Value, ...]

    @property
    def graph(self) -> Graph:
        """The graph after all passes."""
        return self.stages[-1][1]

    @cached_property
    def key(self) -> str:
        """The name of the object code in a cache: all that it depends on, hashed; no names, no frames."""
        parts = (
            graph_hash(self.graph),
            source_hash(),
            llvmlite.__version__,
            str(llvm.llvm_version_info),
            repr(self.options),
            str(artifact.ABI),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def schedules(self) -> Mapping[str, ContractionSchedule]:
        return {
            kernel.name: schedule_for(kernel, self.options.machine, self.options.target)
            for kernel in self.program.kernels
            if isinstance(kernel, Contraction)
        }

    @cached_property
    def works(self) -> Mapping[str, Work]:
        return {kernel.name: self._work(kernel) for kernel in self.program.kernels}

    def _work(self, kernel: AnyKernel) -> Work:
        return work(kernel) if isinstance(kernel, Kernel) else contraction_work(kernel, self.schedules[kernel.name])

    @cached_property
    def llvm_texts(self) -> tuple[str, ...]:
        """LLVM IR: the entry, then one text for each distinct kernel."""
        target = self.options.target
        symbols = kernel_symbols(self.program)
        entry = emit_entry(self.program, self.works, target)
        return (entry, *[self._emit(kernel, symbols[kernel.name]) for kernel in self.program.kernels])

    def _emit(self, kernel: AnyKernel, symbol: str) -> str:
        if isinstance(kernel, Kernel):
            return emit_kernel(kernel, symbol, self.options.target)
        return emit_contraction(kernel, symbol, self.schedules[kernel.name], self.options.target)

    @cached_property
    def object_code(self) -> bytes:
        return compile_module(self.llvm_texts, self.options.target, self.options.opt_level)

    def artifact(self, object_code: bytes) -> artifact.Artifact:
        """What the runtime loads; the messages are those of the graph at hand, whoever compiled the code."""
        program = self.program
        return artifact.Artifact(
            object_code,
            tuple(map(_parameter, program.inputs)),
            tuple(map(_parameter, program.variables)),
            tuple(map(_parameter, program.outputs)),
            tuple([value.node["value"].tobytes() for value in self.constants]),
            tuple([solve.symbol.name for solve in program.solves]),
            tuple([artifact.Message(each.text, tuple(map(str, each.frames))) for each in program.messages]),
            tuple([artifact.Print(each.text, each.type.dtype, each.type.rank) for each in program.prints]),
            program.routines,
        )

    # --- looking inside

    def text(self, stage: str) -> str:
        """The text of a stage: one of `stage_names`. KeyError names them."""
        found = self._texts.get(stage)
        if found is None:
            raise KeyError(f"unknown stage {stage!r}: expected one of {', '.join(self._texts)}")
        return found()

    @property
    def stage_names(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def dump(self, folder: Path) -> None:
        """Write every stage into a folder, numbered in order."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, stage in enumerate(self.stage_names):
            (folder / f"{number:02}_{stage}.txt").write_text(self.text(stage))

    @cached_property
    def _texts(self) -> Mapping[str, Callable[[], str]]:
        return {
            **{name: partial(print_graph, graph) for name, graph in self.stages},
            "loops": lambda: "\n".join(map(print_kernel, self.program.kernels)),
            "program": lambda: print_program(self.program),
            "llvm": lambda: "\n".join(self.llvm_texts),
            "asm": lambda: assembly(self.llvm_texts, self.options.target, self.options.opt_level),
        }


def compile_graph(
    graph: Graph, options: Options, on_pass: OnPass = ignore, budget: Budget | None = None
) -> Compilation:
    """Run every pass up to the program; code is generated when `object_code` is asked for.

    With a budget the last pass computes values again, whatever it takes to keep to it; `DoesNotFit` where it cannot.
    """
    stages = [("graph", graph)]
    for each in _passes(options):
        after = each(stages[-1][1])
        on_pass(each.name, stages[-1][1], after)
        stages.append((each.name, after))
    if budget is not None:
        fitting = Rematerialize(budget.limit, partial(_planned, options=options, threads=budget.threads))
        after = fitting(stages[-1][1])
        on_pass(fitting.name, stages[-1][1], after)
        stages.append((fitting.name, after))
    built = build(stages[-1][1])
    on_pass("program", stages[-1][1], built.program)
    return _compilation(options, stages, built)


def _passes(options: Options) -> list[Pass]:
    """With LAPACK's pass where it is asked for: behind every rule, and before what it makes is decomposed."""
    asked: list[Pass] = [Outside()] if options.lapack else []
    return [each for one in GRAPH_PASSES for each in ([*asked, one] if isinstance(one, Decompose) else [one])]


def compile_last_form(graph: Graph, options: Options) -> Compilation:
    """The compilation of a graph that every pass has been over."""
    return _compilation(options, [("graph", graph)], build(graph))


def _compilation(options: Options, stages: Sequence[tuple[str, Graph]], built: Built) -> Compilation:
    return Compilation(options, tuple(stages), built.program, built.constants)


def _planned(graph: Graph, options: Options, threads: int) -> Planned:
    built = build(graph)
    works = _compilation(options, [("graph", graph)], built).works.values()
    timeline = Timeline(graph, tuple([Launched(*each) for each in built.launches]))
    return Planned(timeline, nominal(call_bytes(built.program, works, threads)))


def _parameter(parameter: Parameter) -> artifact.Parameter:
    shape = tuple([extent if isinstance(extent, int) else None for extent in parameter.type.shape])
    return artifact.Parameter(parameter.name, parameter.type.dtype, shape)


@cache
def source_hash() -> str:
    """A hash of this package's sources: code compiled by another version is never used."""
    folder = Path(lazygraph.compiler.__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*folder.rglob("*.py"), *(folder.parent / "runtime").glob("*.py")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
