"""The scalar machine over LLVM: each operation on one scalar or on all lanes of a vector.

In: registers. Out: registers, written by `Placement` (hoisted and shared). Values that are equal in all lanes stay
scalar until they meet a vector. No operation becomes a call on any target and none has undefined behaviour: divisors
and shift amounts are made safe first, rounding on targets without the instruction is arithmetic. No fast-math flag is
written.
"""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import numpy as np

from lazygraph.compiler.codegen.llvm import text
from lazygraph.compiler.codegen.llvm.placement import Placement, Register, element_type
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.vector_math import half
from lazygraph.runtime.dtypes import DType, bool_, float16, float32, float64, uint64


def literal(pattern: int, dtype: DType) -> Register:
    """The constant with these bits."""
    if dtype.kind == "bool":
        name = "true" if pattern & 1 else "false"
    elif dtype in (float32, float64):
        # LLVM writes both formats as the bits of a double; widening a float's NaN keeps its payload
        if dtype == float32:
            sign, exponent, fraction = pattern >> 31, pattern >> 23 & 0xFF, pattern & 0x7FFFFF
            if exponent == 0xFF:
                pattern = sign << 63 | 0x7FF << 52 | fraction << 29
            else:
                (number,) = struct.unpack("<f", struct.pack("<I", pattern))
                (pattern,) = struct.unpack("<Q", struct.pack("<d", number))
        element_type(dtype)
        name = f"0x{pattern:016X}"
    else:
        pattern &= (1 << dtype.bits) - 1
        name = str(pattern - (1 << dtype.bits) if dtype.kind == "int" and pattern >> dtype.bits - 1 else pattern)
    return Register(name, dtype, 0, 0, constant=True)


def nearest(value: float, dtype: DType) -> Register:
    """The constant nearest to a Python number; integers wrap."""
    if dtype.is_integer:
        return literal(int(value), dtype)
    with np.errstate(all="ignore"):
        array = np.asarray(value).astype(dtype.numpy)
    return literal(int.from_bytes(array.tobytes(), "little"), dtype)


def _half_type(x: Register) -> str:
    return text.vector(x.lanes, "half") if x.lanes else "half"


class LlvmScalars:
    """`ScalarBuilder[Register]`."""

    def __init__(self, placement: Placement, target: Target) -> None:
        self._placement = placement
        self._target = target
        self.hint = "v"  # what results are called: the name of the kernel's scalar that is being computed

    # --- plumbing --------------------------------------------------------------------------------------------------

    def dtype(self, x: Register) -> DType:
        return x.dtype

    def const(self, number: float, dtype: DType) -> Register:
        return nearest(number, dtype)

    def bits(self, pattern: int, dtype: DType) -> Register:
        return literal(pattern, dtype)

    def spread(self, x: Register, lanes: int) -> Register:
        """The register with `lanes` lanes (0: as it is)."""
        if x.lanes == lanes:
            return x
        if x.lanes:
            raise ValueError(f"{x.name} has {x.lanes} lanes where {lanes} are expected")
        element = element_type(x.dtype)
        if x.constant:
            return Register(text.splat(element, x.name), x.dtype, lanes, 0)
        type = text.vector(lanes, element)
        insert = f"insertelement {type} poison, {element} {x.name}, i64 0"
        first, level = self._placement.pure(insert, x.level, x.name[1:])
        zeros = f"{text.vector(lanes, 'i32')} zeroinitializer"
        repeat = f"shufflevector {type} {first}, {type} poison, {zeros}"
        name, level = self._placement.pure(repeat, level, f"{x.name[1:]}.all")
        return Register(name, x.dtype, lanes, level)

    def write(self, form: str, dtype: DType, *operands: Register) -> Register:
        """An instruction as text: {0}, {1}, ... are the operands, of equal lanes, and {t} the type of the first."""
        lanes = max(each.lanes for each in operands)
        spread = [self.spread(each, lanes) for each in operands]
        instruction = form.format(*[each.name for each in spread], t=spread[0].type)
        name, level = self._placement.pure(instruction, max(each.level for each in spread), self.hint)
        return Register(name, dtype, lanes, level)

    def _intrinsic(self, name: str, dtype: DType, *operands: Register, extra: str = "") -> Register:
        lanes = max(each.lanes for each in operands)
        spread = [self.spread(each, lanes) for each in operands]
        result = Register("", dtype, lanes, 0).type
        overload = [text.mangled(result)] + ([text.mangled(spread[0].type)] if spread[0].type != result else [])
        callee = ".".join([name, *overload])
        types = ", ".join([each.type for each in spread] + ([extra.split()[0]] if extra else []))
        self._placement.function.declare(f"declare {result} @{callee}({types})")
        arguments = ", ".join([f"{each.type} {each.name}" for each in spread] + ([extra] if extra else []))
        level = max(each.level for each in spread)
        name, level = self._placement.pure(f"call {result} @{callee}({arguments})", level, self.hint)
        return Register(name, dtype, lanes, level)

    def _same(self, operation: str, x: Register, *others: Register) -> Register:
        operands = ", ".join(f"{{{position}}}" for position in range(1 + len(others)))
        return self.write(f"{operation} {{t}} {operands}", x.dtype, x, *others)

    def _by_kind(self, floats: str, integers: str, x: Register, y: Register) -> Register:
        return self._same(floats if x.dtype.is_float else integers, x, y)

    # --- arithmetic ------------------------------------------------------------------------------------------------

    def add(self, x: Register, y: Register) -> Register:
        return self._by_kind("fadd", "add", x, y)

    def sub(self, x: Register, y: Register) -> Register:
        return self._by_kind("fsub", "sub", x, y)

    def mul(self, x: Register, y: Register) -> Register:
        return self._by_kind("fmul", "mul", x, y)

    def div(self, x: Register, y: Register) -> Register:
        return self._same("fdiv", x, y)

    def mul_high(self, x: Register, y: Register) -> Register:
        if x.dtype.itemsize < 8:
            wide = self.mul(self.convert(x, uint64), self.convert(y, uint64))
            return self.convert(self.shift_right(wide, nearest(x.dtype.bits, uint64)), x.dtype)
        # Four products of halves; no sum below overflows: (2**32-1)**2 + 2*(2**32-1) < 2**64
        half, low = nearest(32, uint64), nearest(0xFFFFFFFF, uint64)
        x0, x1 = self.and_(x, low), self.shift_right(x, half)
        y0, y1 = self.and_(y, low), self.shift_right(y, half)
        middle = self.add(self.mul(x1, y0), self.shift_right(self.mul(x0, y0), half))
        other = self.add(self.mul(x0, y1), self.and_(middle, low))
        return self.add(self.add(self.mul(x1, y1), self.shift_right(middle, half)), self.shift_right(other, half))

    def int_div(self, x: Register, y: Register) -> Register:
        signed = x.dtype.kind == "int"
        zero, one = nearest(0, x.dtype), nearest(1, x.dtype)
        unsafe = by_zero = self.equal(y, zero)
        if signed:
            lowest = literal(1 << x.dtype.bits - 1, x.dtype)
            overflows = self.and_(self.equal(x, lowest), self.equal(y, nearest(-1, x.dtype)))
            unsafe = self.or_(by_zero, overflows)
        divisor = self.select(unsafe, one, y)
        if x.dtype.bits <= 32 and max(x.lanes, y.lanes):
            # No machine divides vectors of integers; a quotient of 32-bit integers truncates right in 53 bits
            ratio = self.div(self.convert(x, float64), self.convert(divisor, float64))
            truncate = "fptosi" if signed else "fptoui"
            quotient = self.write(f"{truncate} {{t}} {{0}} to {self._type(x.dtype, ratio)}", x.dtype, ratio)
        else:
            quotient = self._same("sdiv" if signed else "udiv", x, divisor)
        return self.select(by_zero, zero, quotient)

    def _type(self, dtype: DType, like: Register) -> str:
        return Register("", dtype, like.lanes, 0).type

    def fma(self, x: Register, y: Register, z: Register) -> Register:
        return self._intrinsic("llvm.fma", x.dtype, x, y, z) if self.has_fma() else self.add(self.mul(x, y), z)

    def has_fma(self) -> bool:
        return self._target.fused

    def neg(self, x: Register) -> Register:
        return self._same("fneg", x) if x.dtype.is_float else self.sub(nearest(0, x.dtype), x)

    def abs(self, x: Register) -> Register:
        if x.dtype.is_float:
            return self._intrinsic("llvm.fabs", x.dtype, x)
        return x if x.dtype.kind == "uint" else self._intrinsic("llvm.abs", x.dtype, x, extra="i1 false")

    def sqrt(self, x: Register) -> Register:
        return self._intrinsic("llvm.sqrt", x.dtype, x)

    def floor(self, x: Register) -> Register:
        if self._target.rounds:
            return self._intrinsic("llvm.floor", x.dtype, x)
        even = self._round_even_by_sum(x)
        lower = self.select(self.less(x, even), self.sub(even, nearest(1.0, x.dtype)), even)
        return self._intrinsic("llvm.copysign", x.dtype, lower, x)  # floor(-0.0) = -0.0, and signs agree elsewhere

    def round_even(self, x: Register) -> Register:
        if self._target.rounds:
            return self._intrinsic("llvm.roundeven", x.dtype, x)
        return self._round_even_by_sum(x)

    def _round_even_by_sum(self, x: Register) -> Register:
        """|x| + 2**p - 2**p is integral where |x| < 2**p (p fraction bits); greater x are integral already, or NaN."""
        limit = nearest(math.ldexp(1.0, 23 if x.dtype == float32 else 52), x.dtype)
        magnitude = self.abs(x)
        rounded = self.sub(self.add(magnitude, limit), limit)
        return self.select(self.less(magnitude, limit), self._intrinsic("llvm.copysign", x.dtype, rounded, x), x)

    # --- comparisons and logic -------------------------------------------------------------------------------------

    def _compare(self, floats: str, signed: str, unsigned: str, x: Register, y: Register) -> Register:
        predicate = floats if x.dtype.is_float else signed if x.dtype.kind == "int" else unsigned
        return self.write(f"{'fcmp' if x.dtype.is_float else 'icmp'} {predicate} {{t}} {{0}}, {{1}}", bool_, x, y)

    def less(self, x: Register, y: Register) -> Register:
        return self._compare("olt", "slt", "ult", x, y)

    def less_equal(self, x: Register, y: Register) -> Register:
        return self._compare("ole", "sle", "ule", x, y)

    def equal(self, x: Register, y: Register) -> Register:
        return self._compare("oeq", "eq", "eq", x, y)

    def select(self, condition: Register, x: Register, y: Register) -> Register:
        if condition.constant:
            return x if condition.name == "true" else y
        lanes = max(condition.lanes, x.lanes, y.lanes)
        x, y = self.spread(x, lanes), self.spread(y, lanes)
        if x.name == y.name:
            return x
        # A scalar condition chooses between whole vectors.
        form = f"select {condition.type} {condition.name}, {x.type} {x.name}, {y.type} {y.name}"
        name, level = self._placement.pure(form, max(condition.level, x.level, y.level), self.hint)
        return Register(name, x.dtype, lanes, level)

    def and_(self, x: Register, y: Register) -> Register:
        return self._same("and", x, y)

    def or_(self, x: Register, y: Register) -> Register:
        return self._same("or", x, y)

    def xor(self, x: Register, y: Register) -> Register:
        return self._same("xor", x, y)

    def not_(self, x: Register) -> Register:
        return self.xor(x, literal((1 << x.dtype.bits) - 1, x.dtype))

    def shift_left(self, x: Register, y: Register) -> Register:
        return self._shift("shl", x, y)

    def shift_right(self, x: Register, y: Register) -> Register:
        if x.dtype.kind != "int":
            return self._shift("lshr", x, y)
        last = nearest(x.dtype.bits - 1, x.dtype)
        return self._same("ashr", x, self.select(self._amount_fits(y), y, last))

    def _shift(self, operation: str, x: Register, y: Register) -> Register:
        zero = nearest(0, x.dtype)
        fits = self._amount_fits(y)
        return self.select(fits, self._same(operation, x, self.select(fits, y, zero)), zero)

    def _amount_fits(self, y: Register) -> Register:
        """0 <= y < bits; a negative amount is a large unsigned one."""
        if y.constant:
            return literal(0 <= int(y.name) < y.dtype.bits, bool_)
        return self.write("icmp ult {t} {0}, {1}", bool_, y, nearest(y.dtype.bits, y.dtype))

    # --- conversions -----------------------------------------------------------------------------------------------

    def bitcast(self, x: Register, dtype: DType) -> Register:
        if element_type(dtype) == element_type(x.dtype):
            return self._reread(x, dtype)
        return self.write(f"bitcast {{t}} {{0}} to {self._type(dtype, x)}", dtype, x)

    def _reread(self, x: Register, dtype: DType) -> Register:
        """The same bits of the same LLVM type, as signed or unsigned."""
        return literal(int(x.name), dtype) if x.constant else replace(x, dtype=dtype)

    def convert(self, x: Register, dtype: DType) -> Register:
        if x.dtype == dtype:
            return x
        if x.dtype in HALVES:
            return self.convert(self._widened(x), dtype)
        if dtype in HALVES and x.dtype.kind != "bool":
            return self._narrowed(self._single(x), dtype)
        if dtype.kind == "bool":
            zero = nearest(0, x.dtype)
            return self.write(f"{'fcmp une' if x.dtype.is_float else 'icmp ne'} {{t}} {{0}}, {{1}}", bool_, x, zero)
        if x.dtype.kind == "bool":
            return self.select(x, nearest(1, dtype), nearest(0, dtype))
        if x.dtype.is_float and dtype.is_float:
            operation = "fptrunc" if dtype.itemsize < x.dtype.itemsize else "fpext"
        elif x.dtype.is_float:
            return self._saturate(x, dtype)
        elif dtype.is_float:
            operation = "sitofp" if x.dtype.kind == "int" else "uitofp"
        elif dtype.itemsize == x.dtype.itemsize:
            return self._reread(x, dtype)
        elif dtype.itemsize < x.dtype.itemsize:
            operation = "trunc"
        else:
            operation = "sext" if x.dtype.kind == "int" else "zext"
        return self.write(f"{operation} {{t}} {{0}} to {self._type(dtype, x)}", dtype, x)

    def _widened(self, x: Register) -> Register:
        """A half as float32."""
        if x.dtype == float16 and self._target.converts_float16:
            return self._in_turn(x, float32, "bitcast", _half_type(x), "fpext", self._type(float32, x))
        return half.widened(self, x)

    def _narrowed(self, x: Register, dtype: DType) -> Register:
        """A float32 as a half."""
        if dtype == float16 and self._target.converts_float16:
            return self._in_turn(x, dtype, "fptrunc", _half_type(x), "bitcast", self._type(dtype, x))
        return half.narrowed(self, x, dtype)

    def _in_turn(self, x: Register, dtype: DType, first: str, middle: str, second: str, last: str) -> Register:
        """Two conversions by way of LLVM's own half, which no register of ours holds."""
        name, level = self._placement.pure(f"{first} {x.type} {x.name} to {middle}", x.level, self.hint)
        name, level = self._placement.pure(f"{second} {middle} {name} to {last}", level, self.hint)
        return Register(name, dtype, x.lanes, level)

    def _single(self, x: Register) -> Register:
        """A number as the float32 from which a half rounds as from the number: exact, or rounded to odd."""
        if x.dtype == float32 or x.dtype.is_integer and x.dtype.bits <= 16:
            return self.convert(x, float32)
        if x.dtype.bits == 64 and x.dtype.is_integer:  # large: what is below 2**12 goes into one bit that is set
            low = self.and_(x, nearest(0xFFF, x.dtype))
            zero, one = nearest(0, x.dtype), nearest(1 << 12, x.dtype)
            odd = self.or_(self.sub(x, low), self.select(self.equal(low, zero), zero, one))
            x = self.select(self.less(nearest(1 << 52, x.dtype), self.abs(x)), odd, x)
        return half.rounded_to_odd(self, self.convert(x, float64))

    def _saturate(self, x: Register, dtype: DType) -> Register:
        return self._intrinsic("llvm.fptosi.sat" if dtype.kind == "int" else "llvm.fptoui.sat", dtype, x)
