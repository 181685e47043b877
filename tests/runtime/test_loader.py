"""Object code from anywhere is refused before it is mapped, unless it is whole and needs nothing but what we allow."""

import ctypes

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.module import compile_module
from lazygraph.compiler.codegen.llvm.target import NAMED, host
from lazygraph.runtime.artifact import undefined_symbols
from lazygraph.runtime.loader import LoadError, load

_CODE = "define i64 @answer() {\n  ret i64 42\n}\n"
_CALLS = "declare i32 @system(ptr)\ndefine i32 @run(ptr %x) {\n  %r = call i32 @system(ptr %x)\n  ret i32 %r\n}\n"
_COPIES = (
    "declare ptr @memcpy(ptr, ptr, i64)\n"
    "define ptr @copy(ptr %to, ptr %from, i64 %n) {\n"
    "  %r = call ptr @memcpy(ptr %to, ptr %from, i64 %n)\n"
    "  ret ptr %r\n"
    "}\n"
)


def test_code_is_loaded_and_run() -> None:
    loaded = load(compile_module([_CODE], host()), ("answer",))
    assert ctypes.CFUNCTYPE(ctypes.c_int64)(loaded["answer"])() == 42


def test_allowed_symbols_are_those_of_the_process() -> None:
    loaded = load(compile_module([_COPIES], host()), ("copy",))
    source, target = np.arange(100.0), np.zeros(100)
    copy = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(loaded["copy"])
    copy(target.ctypes.data, source.ctypes.data, 800)
    assert np.array_equal(source, target)


def test_a_foreign_symbol_is_refused_though_the_process_has_it() -> None:
    code = compile_module([_CALLS], host(), allowed=frozenset({"system"}))
    assert undefined_symbols(code) == ["system"]
    with pytest.raises(LoadError, match="calls system"):
        load(code, ("run",))


def test_bytes_that_are_no_object_are_refused() -> None:
    whole = compile_module([_CODE], host())
    rng = np.random.default_rng(0)
    for code in (b"", b"garbage", b"\x7fELF\x02\x01", whole[:100], whole[:-50], rng.bytes(2000)):
        with pytest.raises(LoadError):
            load(code, ("answer",))


def test_a_missing_name_is_refused() -> None:
    with pytest.raises(LoadError):
        load(compile_module([_CODE], host()), ("question",))


def test_another_machines_code_is_refused() -> None:
    other = "neon" if host().architecture == "x86_64" else "sse2"
    with pytest.raises(LoadError):
        load(compile_module([_CODE], NAMED[other]), ("answer",))
