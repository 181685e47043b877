"""From the texts of functions to relocatable object code.

In: texts that `text.Function` wrote, for one target. Out: the bytes of one position-independent ELF object (the JIT
loads it, exports link it), or its assembly. Symbols that the object needs from outside are held to an allow-list:
mathematics that became a call of libm is a mistake of ours, found here and not at load.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.runtime.artifact import MEMORY_SYMBOLS, undefined_symbols

INLINE = "alwaysinline"  # of a call: what it calls is small and called often


@cache
def _machine(target: Target, opt_level: int) -> Any:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=opt_level, reloc="pic", codemodel="small"
    )


def joined(texts: Sequence[str]) -> str:
    """One module's text: every line outside a function once, then every function once, in order."""
    top: dict[str, None] = {}
    functions: dict[str, None] = {}
    for text in texts:
        function: list[str] = []
        for line in text.splitlines():
            if line.startswith(("declare ", "@")):
                top[line] = None
                continue
            function.append(line)
            if line == "}":
                functions["\n".join(function)] = None
                function = []
        functions["\n".join(function)] = None
    return "\n".join([*top, *functions, ""])


def _optimised(texts: Sequence[str], target: Target, opt_level: int) -> tuple[Any, Any]:
    machine = _machine(target, opt_level)
    module = llvm.parse_assembly(f'target triple = "{target.triple}"\n{joined(texts)}')
    module.data_layout = str(machine.target_data)
    if opt_level:
        # The emitters hoist and share values themselves and write the vectors they want: what is left is to fold what
        # only becomes constant or a known pattern by composing ops. These two passes take a tenth of the compile time.
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=opt_level))
        passes = llvm.create_new_module_pass_manager()
        if any([INLINE in text for text in texts]):
            passes.add_always_inliner_pass()
            passes.add_sroa_pass()  # closures that no other function sees become registers
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
        passes.run(module, builder)
    return machine, module


def compile_module(
    texts: Sequence[str], target: Target, opt_level: int = 2, allowed: frozenset[str] = MEMORY_SYMBOLS
) -> bytes:
    """The object code of functions. RuntimeError names an undefined symbol that is not in `allowed`."""
    machine, module = _optimised(texts, target, opt_level)
    code: bytes = machine.emit_object(module)
    foreign = sorted(set(undefined_symbols(code)) - allowed)
    if foreign:
        raise RuntimeError(f"object code for {target.triple} ({target.cpu}) calls {', '.join(foreign)}")
    return code


def assembly(texts: Sequence[str], target: Target, opt_level: int = 2) -> str:
    """The same code as `compile_module`'s, to read."""
    machine, module = _optimised(texts, target, opt_level)
    text: str = machine.emit_assembly(module)
    return text
