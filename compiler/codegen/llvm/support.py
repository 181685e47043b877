"""The object code that every process needs once, beside its functions: the thread pool and the Python call adapter.

In: a target and the bytes of an object's header in the interpreter at hand. Out: texts, and their object code.
"""

from __future__ import annotations

from lazygraph.compiler.codegen.llvm.module import compile_module
from lazygraph.compiler.codegen.llvm.pool import pool_text
from lazygraph.compiler.codegen.llvm.python_call import adapter_texts
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.runtime.artifact import MEMORY_SYMBOLS, POOL_SYMBOLS


def support_texts(target: Target, header: int) -> list[str]:
    return [pool_text(target), *adapter_texts(target, header)]


def support_object(target: Target, header: int) -> bytes:
    return compile_module(support_texts(target, header), target, allowed=MEMORY_SYMBOLS | POOL_SYMBOLS)
