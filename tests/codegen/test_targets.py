"""Objects for every target, with nothing left undefined, and targets that describe the machine."""

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.module import (
    assembly,
    compile_module,
    joined,
)
from lazygraph.compiler.codegen.llvm.target import NAMED, host, named, runnable
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.loop.build import result_dtype
from lazygraph.compiler.loop.ir import Buffer
from lazygraph.compiler.loop.parse import parse_kernel
from lazygraph.compiler.loop.print import print_kernel
from lazygraph.compiler.ops.complex_parts import unreachable
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.artifact import MEMORY_SYMBOLS, undefined_symbols
from lazygraph.runtime.dtypes import bool_, float32, float64
from tests.codegen.harness import Compiled, wrapper
from tests.codegen.kernels import elementwise, kernel

N = symbol("n")


def elementwise_kernels():
    """Every elementwise record at every real dtype it takes, as a vector loop: complex numbers are split into these."""
    for name, record in sorted(OPS.items()):
        if not isinstance(record.lower, Elementwise):
            continue
        for dtype in record.domain.dtypes:
            if dtype.is_complex or record.lower.expand is unreachable:
                continue
            if name == "cast":
                yield from [elementwise(name, (dtype,), half, N) for half in HALVES]
                yield from [elementwise(name, (half,), dtype, N) for half in HALVES]
                continue
            for operands, attributes in different(record.domain.cases(np.random.default_rng(0), dtype)):
                dtypes = (bool_, dtype, dtype) if name == "select" else (dtype,) * len(operands)
                result = result_dtype(name, *dtypes, attributes=tuple(sorted(attributes.items())))
                yield elementwise(name, dtypes, result, N, **attributes)


def different(cases):
    """The first case for each set of attributes."""
    found = {}
    for operands, attributes in cases:
        found.setdefault(tuple(sorted(attributes.items())), (operands, attributes))
    return found.values()


def test_elementwise_kernels_print_and_parse_back_with_their_attributes():
    """Two that differ in an attribute alone are two statements of one kernel."""
    for each in elementwise_kernels():
        assert parse_kernel(print_kernel(each)) == each
    x, z = Buffer("x", float64, (N,)), Buffer("z", float64, (N,))

    def fill(b):
        def each(i):
            orders = [b.let("polygamma", b.load(x, (i,)), attributes={"n": n}) for n in (1, 2)]
            b.store(z, (i,), b.let("add", *orders))

        b.loop("vector", "i", N, each)

    text = print_kernel(kernel("orders", [x, z], ["z"], fill))
    assert "polygamma {n=1}" in text
    assert "polygamma {n=2}" in text
    assert print_kernel(parse_kernel(text)) == text


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("level", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_no_elementwise_op_becomes_a_call_on_any_target(name, level):
    """What instructions a target lacks does not depend on the optimisation level; `make test-all` shows it."""
    texts = [emit_kernel(each, f"kernel{number}", NAMED[name]) for number, each in enumerate(elementwise_kernels())]
    assert len(texts) > 60
    assert set(undefined_symbols(compile_module(texts, NAMED[name], level))) <= MEMORY_SYMBOLS


def test_a_call_of_libm_is_refused():
    f = Function("f", "float", [("float", "x")], linkage="")
    f.return_("float", f.intrinsic("float", "llvm.sin.f32", [("float", "%x")]))
    with pytest.raises(RuntimeError, match="calls sinf"):
        compile_module([f.text()], host())


def softmax(dtype=float32):
    x, z = Buffer("x", dtype, (N, 100)), Buffer("z", dtype, (N, 100))

    def fill(b):
        def row(i):
            def power(j):
                return b.let("exp", b.let("sub", b.load(x, (i, j)), top))

            (top,) = b.reduce("max", "lanes", "j", 100, lambda j: (b.load(x, (i, j)),))
            (total,) = b.reduce("add", "lanes", "k", 100, lambda j: (power(j),))
            b.loop("vector", "l", 100, lambda j: b.store(z, (i, j), b.let("div", power(j), total)))

        b.loop("parallel", "i", N, row)

    return kernel("softmax", [x, z], ["z"], fill)


@pytest.mark.parametrize("dtype", (float32, float64), ids=str)
def test_targets_agree_bit_for_bit(dtype):
    """Targets with fused multiply-adds agree; without (portable_math) all do."""
    x = np.random.default_rng(0).normal(size=(5, 100)).astype(dtype.numpy) * 4
    exact = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    for portable, names in ((False, [each for each in runnable() if NAMED[each].fma]), (True, runnable())):
        outs = []
        for name in names:
            out = np.zeros_like(x)
            Compiled(softmax(dtype), named(name, portable)).run([x, out], {"n": 5}, parts=2)
            outs.append(out)
        for out in outs:
            np.testing.assert_allclose(out, exact / exact.sum(1, keepdims=True), rtol=64 * np.finfo(dtype.numpy).eps)
            assert out.tobytes() == outs[0].tobytes()


def test_the_same_kernel_compiles_to_the_same_bytes():
    first, second = (Compiled(softmax()).code for _ in range(2))
    assert first == second


def test_optimisation_level_changes_no_bit():
    x = np.random.default_rng(0).normal(size=(5, 100)).astype(np.float32)
    outs = [np.zeros_like(x) for _ in range(3)]
    for level, out in enumerate(outs):
        Compiled(softmax(), host(), level).run([x, out], {"n": 5})
    assert outs[0].tobytes() == outs[1].tobytes() == outs[2].tobytes()


def test_texts_are_joined_with_one_copy_of_each_declaration_and_can_be_read():
    text = emit_kernel(softmax(), "a", host())
    lines = joined([text, text.replace("@a(", "@b(")]).splitlines()
    declared = [line for line in lines if line.startswith("declare")]
    assert len(declared) == len(set(declared))
    assert "; kernel softmax" in lines
    assert "vmaxps" in assembly([text, wrapper().replace("@kernel", "@a")], NAMED["avx512"])


def test_the_host_is_described_by_its_features():
    here = host()
    assert here.architecture in ("x86_64", "aarch64")
    best = runnable()[-1]
    assert here.vector_bytes >= NAMED[best].vector_bytes and here.fma >= NAMED[best].fma
    assert not named("host", portable_math=True).fused
    with pytest.raises(ValueError, match="unknown target 'vax'"):
        named("vax")
