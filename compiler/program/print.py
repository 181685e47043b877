"""The program form as text.

In: a program. Out: its parameters, how dims are solved and checked, the arena, the launches with the commit point, the
messages, and the kernels. `compiler.program.parse` reads it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lazygraph.compiler.ir.dims import Extent, Symbol, symbols
from lazygraph.compiler.ir.text import print_frames, print_symbol, quoted
from lazygraph.compiler.loop.print import print_kernel
from lazygraph.compiler.program.ir import (
    Array,
    Choose,
    Commit,
    Copy,
    Equate,
    External,
    Launch,
    Parameter,
    Place,
    Print,
    Program,
    Repeat,
    RepeatWhile,
    Require,
    Step,
)

KINDS = ("inputs", "variables", "outputs", "constants")


def print_program(program: Program) -> str:
    """The text of a program and its kernels."""
    dims = sorted(program_dims(program), key=lambda symbol: symbol.name)
    lines = [f"program {program.name}" + (f" where {', '.join(map(print_symbol, dims))}" if dims else "") + " {"]
    for kind in KINDS:
        lines.extend(f"  {kind[:-1]} {_parameter(each)}" for each in getattr(program, kind))
    for solve in program.solves:
        source = f"input {solve.input} axis {solve.axis} scale {solve.scale} offset {solve.offset}"
        lines.append(f"  solve {solve.symbol.name} from {source} else {solve.message}")
    lines.extend("  " + _REQUIRES[type(each)](each) for each in program.requires)
    lines.extend(f"  slot <{slot.bytes}> at <{slot.offset}>" for slot in program.slots)
    lines.extend([f"  arena <{program.arena}>"] if program.slots else [])
    lines.extend("  " + line for line in _steps(program.steps))
    lines.extend(f"  message {quoted(each.text)}{print_frames(each.frames)}" for each in program.messages)
    return "\n".join([*lines, "}", "", *map(print_kernel, program.kernels)])


def program_dims(program: Program) -> frozenset[Symbol]:
    """Every dim of the inputs' types."""
    extents: list[Extent] = [
        extent for each in (*program.inputs, *program.variables, *program.outputs) for extent in each.type.shape
    ]
    return frozenset(symbol for extent in extents for symbol in symbols(extent)) | {
        each.symbol for each in program.solves
    }


def _parameter(parameter: Parameter) -> str:
    return f"{quoted(parameter.name)}: {parameter.type}"


def _require(each: Require) -> str:
    return f"require input {each.input} axis {each.axis} <{each.expected}> else {each.message}"


def _equate(each: Equate) -> str:
    return f"equate <{each.left}> <{each.right}> else {each.message}"


def print_place(place: Place) -> str:
    strides = "".join([f" at {loop} <{stride}>" for loop, stride in place.strides])
    return f"{place.kind} {place.number}{strides}" + (f" plus <{place.offset}>" if place.offset != 0 else "")


def _steps(steps: Sequence[Step]) -> list[str]:
    return [line for step in steps for line in _STEPS[type(step)](step)]


def _block(head: str, steps: Sequence[Step]) -> list[str]:
    return [f"{head} {{", *[f"  {line}" for line in _steps(steps)], "}"]


def _launch(step: Launch) -> list[str]:
    first = f" messages {step.first_message}" if step.first_message else ""
    return [f"run {step.kernel}({', '.join(map(print_place, step.places))}){first}{print_frames(step.frames)}"]


def _copy(step: Copy) -> list[str]:
    return [f"copy {print_place(step.target)} = {print_place(step.source)} bytes <{step.bytes}>"]


def _print(step: Print) -> list[str]:
    return [f"print {print_place(step.place)}: {step.type} {quoted(step.text)}"]


def _array(each: Array) -> str:
    return print_place(each.place) + (f" every <{each.stride}>" if each.stride != 0 else "")


def _external(step: External) -> list[str]:
    def argument(each: str | Extent | Array) -> str:
        if isinstance(each, Array):
            return _array(each)
        return quoted(each) if isinstance(each, str) else f"<{each}>"

    head = f"call {step.routine}({', '.join(map(argument, step.arguments))})"
    copied = "".join([f" copied {_array(each)} to {print_place(to)} bytes <{size}>" for each, to, size in step.copied])
    return [f"{head}{copied} times <{step.times}> scratch <{step.scratch}> takes <{step.picoseconds}>"]


def _repeat(step: Repeat) -> list[str]:
    return _block(f"repeat {step.number} times <{step.trips}>{' backwards' if step.reverse else ''}", step.body)


def _repeat_while(step: RepeatWhile) -> list[str]:
    *head, end = _block(f"while {step.number} {print_place(step.condition)} most {step.most}", step.head)
    return [*head, *_block(f"{end} do", step.body)]


def _choose(step: Choose) -> list[str]:
    lines = [f"choose {print_place(step.which)}"]
    for branch in step.branches:
        head, *rest = _block("", branch)
        lines[-1] += head
        lines += rest
    return lines


_REQUIRES: Mapping[type[Require | Equate], Callable[[Any], str]] = {Require: _require, Equate: _equate}
_STEPS: Mapping[type[Step], Callable[[Any], list[str]]] = {
    Launch: _launch,
    Copy: _copy,
    Print: _print,
    External: _external,
    Commit: lambda step: ["commit"],
    Repeat: _repeat,
    RepeatWhile: _repeat_while,
    Choose: _choose,
}
