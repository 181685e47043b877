"""Loads and stores of buffers, for one scalar or for the lanes of a vector loop.

In: a buffer, an index and the lanes being written. Out: a plain vector access where neighbouring lanes touch
neighbouring elements, one of twice the lanes where they touch neighbouring pairs (the parts of complex numbers), one
scalar access where all lanes touch one element, gathers and scatters elsewhere; masked where a guard or the tail of a
loop leaves lanes out. A lane that is left out touches no memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lazygraph.compiler.codegen.llvm import text
from lazygraph.compiler.codegen.llvm.index import Indices, Lanes
from lazygraph.compiler.codegen.llvm.placement import Placement, Register, element_type, memory_type
from lazygraph.compiler.codegen.llvm.scalar import LlvmScalars, literal, nearest
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Index
from lazygraph.runtime.dtypes import bool_, uint8


@dataclass(frozen=True, slots=True)
class Array:
    """A buffer in memory: `pointer` is known from the function's entry on."""

    buffer: Buffer
    pointer: str


@dataclass(frozen=True, slots=True)
class _Address:
    """Where an access goes: "one" element, "contiguous" elements, or "scattered" pointers."""

    kind: str
    pointer: str
    level: int


def offset(buffer: Buffer, index: Index) -> Extent:
    """The row-major position of an element."""
    position: Extent = 0
    for extent, each in zip(buffer.shape, index):
        position = position * extent + each
    return position


def _is_first_lane(mask: Register | None) -> bool:
    """Whether it is known that the first lane alone is active: a static tail of one element."""
    return mask is not None and mask.name.startswith("<i1 true") and mask.name.count("true") == 1


class Memory:
    def __init__(
        self,
        placement: Placement,
        scalars: LlvmScalars,
        indices: Indices,
        arrays: Mapping[str, Array],
        masks_are_vectors: bool,
    ) -> None:
        self._masks_are_vectors = masks_are_vectors
        self._placement = placement
        self._function = placement.function
        self._scalars = scalars
        self._indices = indices
        self._arrays = arrays

    # --- addresses -------------------------------------------------------------------------------------------------

    def _address(self, array: Array, index: Index) -> _Address:
        lanes = self._indices.lanes
        position = offset(array.buffer, index)
        if lanes is None:
            return self._at("one", array, position)
        position = lanes.split(position)
        if not self._indices.differs(position):
            stride, rest = dims.linear_in(position, lanes.lane)
            if stride == 1:
                return self._at("contiguous", array, rest)
            moves = lanes.first in dims.symbols(position)  # with no lane active, the element may not exist
            if stride == 0 and (lanes.mask is None or not moves):
                return self._at("one", array, position)
        return self._at("scattered", array, position)

    def _at(self, kind: str, array: Array, position: Extent) -> _Address:
        """base + what outer regions know + what this one adds + what differs between lanes."""
        outer, inner, lanes = self._indices.parts(position)
        pointer, level = array.pointer, 0
        element = memory_type(array.buffer.dtype)
        for part in (outer, inner):
            if part is not None and part.name != "0":
                at = f"getelementptr {element}, ptr {pointer}, i64 {part.name}"
                pointer, level = self._placement.pure(at, max(level, part.level), f"{array.buffer.name}.at")
        if kind == "scattered":
            count = self._count()
            part = lanes or self._scalars.spread(self._indices.constant(0), count)
            at = f"getelementptr {element}, ptr {pointer}, {part.type} {part.name}"
            pointer, level = self._placement.pure(at, max(level, part.level), f"{array.buffer.name}.at")
        return _Address(kind, pointer, level)

    def _count(self) -> int:
        assert self._indices.lanes is not None
        return self._indices.lanes.count

    # --- loads -----------------------------------------------------------------------------------------------------

    def load(self, name: str, index: Index, guard: Register | None, other: Register | None, hint: str) -> Register:
        array = self._arrays[name]
        address = self._address(array, index)
        lanes = self._indices.lanes
        pair = self._pair(array, index, guard)
        if pair is not None:
            return self._load_part(array, pair, index[-1], hint)
        if address.kind == "one" and (guard is None or not guard.lanes):
            return self._load_one(array, address, guard, other, hint)
        assert lanes is not None
        if address.kind == "one":
            address = self._at("scattered", array, lanes.split(offset(array.buffer, index)))
        mask = self._mask(lanes, guard)
        element, size = memory_type(array.buffer.dtype), array.buffer.dtype.itemsize
        type = text.vector(lanes.count, element)
        level = address.level
        if address.kind == "contiguous" and mask is None:
            instruction = f"load {type}, ptr {address.pointer}, align {size}"
        else:
            active = mask or self._scalars.spread(literal(1, bool_), lanes.count)
            passed = self._passed(array, other, lanes.count)
            gathers = address.kind == "scattered"
            if guard is not None and not gathers and self._masks_are_vectors:
                active = self._scalars.or_(active, self._scalars.spread(self._never(), lanes.count))
            pointers = text.vector(lanes.count, "ptr") if gathers else "ptr"
            callee = f"llvm.masked.{'gather' if gathers else 'load'}.{text.mangled(type)}.{text.mangled(pointers)}"
            self._function.declare(f"declare {type} @{callee}({pointers}, i32, {active.type}, {type})")
            instruction = (
                f"call {type} @{callee}({pointers} {address.pointer}, i32 {size}, "
                f"{active.type} {active.name}, {type} {passed.name})"
            )
            level = max(level, active.level, passed.level)
        loaded, level = self._placement.load(instruction, name, level, hint)
        return self._from_memory(array, Register(loaded, array.buffer.dtype, lanes.count, level))

    def _pair(self, array: Array, index: Index, guard: Register | None) -> _Address | None:
        """Where the first of the pairs lies whose parts all lanes access side by side; None where that is not so.

        Rows of two, as complex numbers are: a vector of whole pairs is accessed in place of every other element.
        """
        lanes = self._indices.lanes
        if lanes is None or lanes.mask is not None or guard is not None or array.buffer.shape[-1:] != (2,):
            return None
        if index[-1] not in (0, 1):
            return None
        position = lanes.split(offset(array.buffer, (*index[:-1], 0)))
        if self._indices.differs(position):
            return None
        stride, rest = dims.linear_in(position, lanes.lane)
        return self._at("contiguous", array, rest) if stride == 2 else None

    def _load_part(self, array: Array, pair: _Address, part: Extent, hint: str) -> Register:
        """Every other element of a vector of pairs. Two parts are two equal loads, of which one remains."""
        buffer, count = array.buffer, self._count()
        wide = text.vector(2 * count, memory_type(buffer.dtype))
        whole, level = self._placement.load(
            f"load {wide}, ptr {pair.pointer}, align {buffer.dtype.itemsize}", buffer.name, pair.level, f"{hint}.pairs"
        )
        chosen = ", ".join([f"i32 {2 * lane + int(str(part))}" for lane in range(count)])
        taken = f"shufflevector {wide} {whole}, {wide} poison, {text.vector(count, 'i32')} <{chosen}>"
        name, level = self._placement.pure(taken, level, hint)
        return self._from_memory(array, Register(name, buffer.dtype, count, level))

    def _mask(self, lanes: Lanes, guard: Register | None) -> Register | None:
        if guard is None:
            return lanes.mask
        guard = self._scalars.spread(guard, lanes.count)
        return guard if lanes.mask is None else self._scalars.and_(guard, lanes.mask)

    def _never(self) -> Register:
        """False, which LLVM does not know.

        LLVM 22 splits a masked load that takes several AVX2 registers; a part all of whose lanes a guard is known to
        leave out, it loads without a mask, or ends the process. With this in the mask nothing is known.
        """
        zero, level = self._placement.pure('call i32 asm "", "=r,0"(i32 0)', 0, "zero")
        name, level = self._placement.pure(f"icmp ne i32 {zero}, 0", level, "never")
        return Register(name, bool_, 0, level)

    def _passed(self, array: Array, other: Register | None, count: int) -> Register:
        """What lanes that are left out get, as memory holds it."""
        value = nearest(0, array.buffer.dtype) if other is None else other
        return self._scalars.spread(self._to_memory(value), count)

    def _load_one(
        self, array: Array, address: _Address, guard: Register | None, other: Register | None, hint: str
    ) -> Register:
        buffer = array.buffer
        element = memory_type(buffer.dtype)
        instruction = f"load {element}, ptr {address.pointer}, align {buffer.dtype.itemsize}"
        if guard is None:
            name, level = self._placement.load(instruction, buffer.name, address.level, hint)
            return self._from_memory(array, Register(name, buffer.dtype, 0, level))
        zero = nearest(0, buffer.dtype)
        passed = zero if other is None or other.lanes else other
        name = self._load_guarded(instruction, element, guard, self._to_memory(passed).name, hint)
        loaded = self._from_memory(array, Register(name, buffer.dtype, 0, self._placement.level))
        return self._scalars.select(guard, loaded, other) if other is not None and other.lanes else loaded

    def _load_guarded(self, instruction: str, element: str, guard: Register, passed: str, hint: str) -> str:
        function = self._function
        before = function.current
        inside, after = function.block(f"{hint}.load"), function.block(f"{hint}.loaded")
        function.branch_if(guard.name, inside, after)
        function.place(inside)
        loaded = function.value(instruction, hint)
        function.branch(after)
        function.place(after)
        merged = function.phi(element, hint)
        merged.add(loaded, inside)
        merged.add(passed, before)
        return merged.name

    def _from_memory(self, array: Array, loaded: Register) -> Register:
        if array.buffer.dtype.kind != "bool":
            return loaded
        bytes_ = Register(loaded.name, uint8, loaded.lanes, loaded.level)
        return self._scalars.convert(bytes_, bool_)

    def _to_memory(self, value: Register) -> Register:
        if value.dtype.kind != "bool":
            return value
        if value.constant:
            return literal(value.name == "true", uint8)
        return self._scalars.write(f"zext {{t}} {{0}} to {Register('', uint8, value.lanes, 0).type}", uint8, value)

    # --- stores ----------------------------------------------------------------------------------------------------

    def store_pair(self, name: str, index: Index, parts: tuple[Register, Register], guard: Register | None) -> None:
        """Both elements of a row of two, at (.., 0) and (.., 1)."""
        array = self._arrays[name]
        pair = self._pair(array, (*index[:-1], 0), guard)
        if pair is None:
            for part, value in enumerate(parts):
                self.store(name, (*index[:-1], part), value, guard)
            return
        count = self._count()
        left, right = (self._scalars.spread(self._to_memory(value), count) for value in parts)
        order = [lane + part * count for lane in range(count) for part in (0, 1)]
        wide = text.vector(2 * count, memory_type(array.buffer.dtype))
        mixed = self._function.shuffle(left.type, left.name, right.name, order, f"{name}.pairs")
        self._function.do(f"store {wide} {mixed}, ptr {pair.pointer}, align {array.buffer.dtype.itemsize}")

    def store(self, name: str, index: Index, value: Register, guard: Register | None) -> None:
        array = self._arrays[name]
        address = self._address(array, index)
        lanes = self._indices.lanes
        value = self._to_memory(value)
        size = array.buffer.dtype.itemsize
        if lanes is None:
            line = f"store {element_type(value.dtype)} {value.name}, ptr {address.pointer}, align {size}"
            if guard is None:
                self._function.do(line)
            else:
                with self._function.when(guard.name, f"{name}.store"):
                    self._function.do(line)
            return
        if address.kind == "one":
            address = self._at("scattered", array, lanes.split(offset(array.buffer, index)))
        value = self._scalars.spread(value, lanes.count)
        mask = self._mask(lanes, guard)
        if address.kind == "contiguous" and mask is None:
            self._function.do(f"store {value.type} {value.name}, ptr {address.pointer}, align {size}")
            return
        if address.kind == "contiguous" and guard is None and _is_first_lane(mask):
            # LLVM 22 stores the element before its truncation here (AVX-512): 4 bytes for a bfloat16 out of a float32.
            first = self._function.value(f"extractelement {value.type} {value.name}, i64 0", name)
            self._function.do(f"store {element_type(value.dtype)} {first}, ptr {address.pointer}, align {size}")
            return
        active = mask or self._scalars.spread(literal(1, bool_), lanes.count)
        scatters = address.kind == "scattered"
        pointers = text.vector(lanes.count, "ptr") if scatters else "ptr"
        callee = f"llvm.masked.{'scatter' if scatters else 'store'}.{text.mangled(value.type)}.{text.mangled(pointers)}"
        where = (pointers, address.pointer)
        arguments = ((value.type, value.name), where, ("i32", str(size)), (active.type, active.name))
        self._function.declare(f"declare void @{callee}({', '.join(type for type, _ in arguments)})")
        self._function.call("void", f"@{callee}", arguments)
