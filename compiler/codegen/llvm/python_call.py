"""The call adapter: Python's array objects in, the compiled entry called, array objects out, with no Python in between.

In: a target and the bytes of an object's header in the interpreter at hand. Out: two functions in CPython's
METH_FASTCALL convention, bound by the runtime to a call record (a NumPy array of words, see RECORD_*), whose address
they read from it:
    object* lg_call(record array, object** args, int64 count)
        checks the arguments, allocates the outputs (or takes those that follow the inputs), runs one step
    object* lg_run(record array, object** args, int64 count)
        runs what three arrays hold (control block, inputs' descriptors, outputs' addresses); gives the status
`lg_call` returns None wherever anything is out of the ordinary (another type, dtype, layout or extent, a failed check,
a busy record, an arena too small, a long call): the runtime then takes its own path, which explains what is wrong.
That is safe since a step that did not end leaves no trace. Both take the variables' locks in the record's order and
leave Python's global lock while the entry runs. Null comes back only with a Python exception set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Block, Function
from lazygraph.runtime import artifact as layout

# PyArrayObject after the object header (numpy/ndarraytypes.h: data, nd, dimensions, strides, base, descr, flags), a
# public layout since NumPy 1.0. The runtime tries it on a probe array before the first call.
_DATA, _RANK, _DIMENSIONS, _DTYPE, _FLAGS = 0, 8, 16, 40, 48
_TYPE = 8  # of an object's type, from the header's end backwards: ob_type is its last word
_DENSE = 0x001 | 0x100  # NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_ALIGNED
_CARRAY = 0x001 | 0x100 | 0x400  # and NPY_ARRAY_WRITEABLE


@dataclass(frozen=True)
class _Record:
    """Reads words of the call record and calls what its API table names."""

    f: Function
    pointer: str

    def claim(self, taken: Block) -> None:
        """Go on as the only caller inside, or leave for `taken`."""
        f = self.f
        busy = f.offset("i64", self.pointer, str(layout.RECORD_BUSY))
        swap = f.value(f"cmpxchg ptr {busy}, i64 0, i64 1 acquire monotonic, align 8", "swap")
        mine = f.block("mine")
        f.branch_if(f.value(f"extractvalue {{ i64, i1 }} {swap}, 1"), mine, taken)
        f.place(mine)

    def release(self) -> None:
        busy = self.f.offset("i64", self.pointer, str(layout.RECORD_BUSY))
        self.f.do(f"store atomic i64 0, ptr {busy} release, align 8")

    def word(self, number: int, type: str = "i64", hint: str = "word") -> str:
        return self.f.load(type, self.f.offset("i64", self.pointer, str(number)), 8, hint)

    def object(self, number: int, type: str) -> str:
        """The address of an object that the API table names."""
        table = self.word(layout.RECORD_API, "ptr", "api")
        return self.f.load(type, self.f.offset("i64", table, str(number)), 8, "object")

    def api(self, number: int, result: str, arguments: list[tuple[str, str]], hint: str = "v") -> str:
        table = self.word(layout.RECORD_API, "ptr", "api")
        function = self.f.load("ptr", self.f.offset("i64", table, str(number)), 8, "function")
        return self.f.call(result, function, arguments, hint)


def adapter_texts(target: Target, header: int) -> list[str]:
    """The texts of both functions, which need nothing from outside."""
    return [_locked_entry(target), _call(target, header), _run(target, header)]


_LOCKED = [("ptr", "record"), ("ptr", "control"), ("ptr", "inputs"), ("ptr", "outputs")]


def _locked_entry(target: Target) -> str:
    """status = the entry under the variables' locks, without the global lock; INTERRUPTED while waiting for a lock."""
    f = Function("lg.locked.entry", "i32", _LOCKED, attributes=target.attributes)
    record = _Record(f, "%record")
    count = record.word(layout.RECORD_LOCKS, hint="locks")
    methods = record.word(layout.RECORD_LOCK_METHODS, "ptr", "methods")
    held = f.value("alloca i64, align 8", "held")
    status = f.value("alloca i32, align 4", "status")
    f.store("i64", "0", held, 8)
    f.store("i32", str(layout.INTERRUPTED), status, 4)
    release, done = f.block("release"), f.block("done")
    with f.loop("lock", "0", count) as i:
        acquire = f.load("ptr", f.offset("i64", methods, f.binary("mul", "i64", i, "2")), 8, "acquire")
        answer = record.api(layout.API_CALL, "ptr", [("ptr", acquire)], "answer")
        got = f.block("got")
        f.branch_if(f.compare("eq", "ptr", answer, "null"), release, got)
        f.place(got)
        record.api(layout.API_DECREMENT, "void", [("ptr", answer)])
        f.store("i64", f.binary("add", "i64", i, "1"), held, 8)
    context = record.word(layout.RECORD_CONTEXT, "ptr", "context")
    entry = record.word(layout.RECORD_ENTRY, "ptr", "entry")
    thread = record.api(layout.API_SAVE_THREAD, "ptr", [], "thread")
    arguments = [("ptr", context), ("ptr", "%control"), ("ptr", "%inputs"), ("ptr", "%outputs")]
    f.store("i32", f.call("i32", entry, arguments, "found"), status, 4)
    record.api(layout.API_RESTORE_THREAD, "void", [("ptr", thread)])
    f.branch(release)
    f.place(release)
    # A method may not be called while an exception stands: it is put aside meanwhile.
    error = [f.value("alloca ptr, align 8", "error") for _ in range(3)]
    record.api(layout.API_ERROR_FETCH, "void", [("ptr", each) for each in error])
    with f.loop("unlock", "0", f.load("i64", held, 8)) as i:
        at = f.binary("add", "i64", f.binary("mul", "i64", i, "2"), "1")
        method = f.load("ptr", f.offset("i64", methods, at), 8, "method")
        record.api(
            layout.API_DECREMENT, "void", [("ptr", record.api(layout.API_CALL, "ptr", [("ptr", method)], "nothing"))]
        )
    record.api(layout.API_ERROR_RESTORE, "void", [("ptr", f.load("ptr", each, 8)) for each in error])
    f.branch(done)
    f.place(done)
    f.return_("i32", f.load("i32", status, 4))
    return f.text()


def _array_data(f: Function, header: int, array: str, hint: str) -> str:
    return f.load("ptr", f.offset("i8", array, str(header + _DATA)), 8, hint)


_FASTCALL = [("ptr", "self"), ("ptr", "args"), ("i64", "count")]


def _run(target: Target, header: int) -> str:
    f = Function("lg_run", "ptr", _FASTCALL, attributes=target.attributes, linkage="")
    record = _Record(f, _array_data(f, header, "%self", "record"))
    taken, interrupted, ended = f.block("taken"), f.block("interrupted"), f.block("ended")
    arguments = [("ptr", record.pointer)]
    for number, name in enumerate(("control", "inputs", "outputs")):
        array = f.load("ptr", f.offset("i64", "%args", str(number)), 8, name)
        arguments.append(("ptr", _array_data(f, header, array, name)))
    record.claim(taken)
    status = f.call("i32", "@lg.locked.entry", arguments, "status")
    record.release()
    f.branch_if(f.compare("eq", "i32", status, str(layout.INTERRUPTED)), interrupted, ended)
    f.place(interrupted)
    f.return_("ptr", "null")
    f.place(ended)
    wide = f.convert("sext", "i32", status, "i64")
    f.return_("ptr", record.api(layout.API_LONG_FROM_LONG, "ptr", [("i64", wide)]))
    f.place(taken)
    f.return_("ptr", record.api(layout.API_LONG_FROM_LONG, "ptr", [("i64", str(layout.BUSY))]))
    return f.text()


class _Call:
    """The blocks of `lg_call`: each step leaves for `refuse` (None) or `fail` (exception) when it cannot go on."""

    def __init__(self, target: Target, header: int) -> None:
        self.f = f = Function("lg_call", "ptr", _FASTCALL, attributes=target.attributes, linkage="")
        self.header = header
        self.record = _Record(f, _array_data(f, header, "%self", "record"))
        self.made = f.value("alloca i64, align 8", "made")  # outputs that exist so far
        self.bytes = f.value("alloca i64, align 8", "bytes")  # of the output at hand
        self.array = f.value("alloca ptr, align 8", "array")
        self.base = f.value("alloca ptr, align 8", "base")
        self.data = f.value("alloca ptr, align 8", "data")
        self.result = f.value("alloca ptr, align 8", "result")
        self.none, self.refuse, self.fail, self.leave = (f.block(each) for each in ("none", "refuse", "fail", "leave"))
        f.store("i64", "0", self.made, 8)

    def require(self, condition: str, otherwise: Block) -> None:
        after = self.f.block("go")
        self.f.branch_if(condition, after, otherwise)
        self.f.place(after)

    def field(self, object: str, at: int, type: str, hint: str) -> str:
        pointer = self.f.offset("i8", object, str(self.header + at))
        return self.f.load(type, pointer, 4 if type == "i32" else 8, hint)

    @contextmanager
    def table(self, count: int, rows: int, words: int, hint: str) -> Iterator[tuple[str, str]]:
        """For each row of a table of the record: (its number, its address)."""
        start = self.record.word(rows, "ptr", f"{hint}.specs")
        with self.f.loop(hint, "0", self.record.word(count, hint=f"{hint}s")) as i:
            yield i, self.f.offset("i64", start, self.f.binary("mul", "i64", i, str(words)), hint)

    def claim(self) -> None:
        f, record = self.f, self.record
        inputs = record.word(layout.RECORD_INPUTS, hint="inputs")
        everything = f.binary("add", "i64", inputs, record.word(layout.RECORD_OUTPUTS), "everything")
        self.offered = f.compare("ne", "i64", "%count", inputs, "offered")
        fits = f.binary(
            "or", "i1", f.compare("eq", "i64", "%count", inputs), f.compare("eq", "i64", "%count", everything)
        )
        self.require(fits, self.none)
        record.claim(self.none)

    def check_array(self, array: str, spec: str, flags: int, *, any_extent: bool) -> str:
        """Leave unless the object is an array as the spec says and has all flags; gives its extents."""
        f = self.f
        array_type = self.record.object(layout.API_ARRAY_TYPE, "i64")
        self.require(f.compare("eq", "i64", self.field(array, -_TYPE, "i64", "type"), array_type), self.refuse)
        dtype = f.load("i64", spec, 8, "dtype")
        self.require(f.compare("eq", "i64", self.field(array, _DTYPE, "i64", "found"), dtype), self.refuse)
        rank = f.load("i64", f.offset("i64", spec, "1"), 8, "rank")
        found = f.convert("sext", "i32", self.field(array, _RANK, "i32", "rank"), "i64")
        self.require(f.compare("eq", "i64", found, rank), self.refuse)
        set_flags = f.binary("and", "i32", self.field(array, _FLAGS, "i32", "flags"), str(flags))
        self.require(f.compare("eq", "i32", set_flags, str(flags)), self.refuse)
        extents = self.field(array, _DIMENSIONS, "ptr", "extents")
        wanted = f.load("ptr", f.offset("i64", spec, "2"), 8, "wanted")
        with f.loop("axis", "0", rank) as axis:
            want = f.load("i64", f.offset("i64", wanted, axis), 8, "want")
            same = f.compare("eq", "i64", want, f.load("i64", f.offset("i64", extents, axis), 8, "have"))
            if any_extent:
                same = f.binary("or", "i1", same, f.compare("slt", "i64", want, "0"))
            self.require(same, self.refuse)
        return extents

    def read_inputs(self) -> None:
        f, record = self.f, self.record
        descriptors = record.word(layout.RECORD_DESCRIPTORS, "ptr", "descriptors")
        with self.table(layout.RECORD_INPUTS, layout.RECORD_INPUT_SPECS, layout.SPEC_WORDS, "input") as (i, spec):
            argument = f.load("ptr", f.offset("i64", "%args", i), 8, "argument")
            extents = self.check_array(argument, spec, _DENSE, any_extent=True)
            at = f.offset("i64", descriptors, f.binary("mul", "i64", i, "2"))
            f.store("ptr", self.field(argument, _DATA, "ptr", "data"), at, 8)
            f.store("ptr", extents, f.offset("i64", at, "1"), 8)

    def solve(self) -> None:
        f, record = self.f, self.record
        solve = record.word(layout.RECORD_SOLVE, "ptr", "solve")
        with f.when(f.compare("ne", "ptr", solve, "null"), "symbolic"):
            arguments = [
                ("ptr", record.word(layout.RECORD_CONTROL, "ptr")),
                ("ptr", record.word(layout.RECORD_DESCRIPTORS, "ptr")),
                ("ptr", record.word(layout.RECORD_RESULT, "ptr")),
            ]
            self.require(f.compare("eq", "i32", f.call("i32", solve, arguments, "solved"), str(layout.OK)), self.refuse)
        needed = f.load("i64", record.word(layout.RECORD_ARENA_NEEDED, "ptr"), 8, "needed")
        context = record.word(layout.RECORD_CONTEXT, "ptr", "context")
        have = f.load("i64", f.offset("i64", context, str(layout.CONTEXT_ARENA_BYTES)), 8, "have")
        self.require(f.compare("sle", "i64", needed, have), self.refuse)

    def outputs(self) -> None:
        """One array per output, offered or new."""
        f, record = self.f, self.record
        objects = record.word(layout.RECORD_OUTPUT_OBJECTS, "ptr", "objects")
        pointers = record.word(layout.RECORD_OUTPUT_DATA, "ptr", "pointers")
        with self.table(layout.RECORD_OUTPUTS, layout.RECORD_OUTPUT_SPECS, layout.SPEC_WORDS, "output") as (i, spec):
            offered, new, ready = f.block("offer"), f.block("new"), f.block("ready")
            f.branch_if(self.offered, offered, new)
            f.place(offered)
            self.adopt(i, spec)
            f.branch(ready)
            f.place(new)
            self.allocate(i, spec)
            f.branch(ready)
            f.place(ready)
            array = f.load("ptr", self.array, 8, "array")
            f.store("ptr", array, f.offset("i64", objects, i), 8)
            f.store("i64", f.binary("add", "i64", i, "1"), self.made, 8)
            f.store("ptr", self.field(array, _DATA, "ptr", "data"), f.offset("i64", pointers, i), 8)

    def adopt(self, i: str, spec: str) -> None:
        """Take the array that the caller offers, if it is what an output is and overlaps no input and no earlier
        output.
        """
        f, record = self.f, self.record
        inputs = record.word(layout.RECORD_INPUTS, hint="inputs")
        array = f.load("ptr", f.offset("i64", "%args", f.binary("add", "i64", inputs, i)), 8, "offered")
        self.check_array(array, spec, _CARRAY, any_extent=False)
        begin, end = self.span(array, spec)
        others = ((layout.RECORD_INPUT_SPECS, inputs, "0"), (layout.RECORD_OUTPUT_SPECS, i, inputs))
        for specs, count, first in others:
            table = record.word(specs, "ptr", "specs")
            with f.loop("other", "0", count) as number:
                argument = f.load("ptr", f.offset("i64", "%args", f.binary("add", "i64", number, first)), 8, "other")
                row = f.offset("i64", table, f.binary("mul", "i64", number, str(layout.SPEC_WORDS)))
                other_begin, other_end = self.span(argument, row)
                before = f.compare("ule", "i64", end, other_begin, "before")
                after = f.compare("ule", "i64", other_end, begin, "after")
                self.require(f.binary("or", "i1", before, after, "apart"), self.refuse)
        record.api(layout.API_INCREMENT, "void", [("ptr", array)])
        f.store("ptr", array, self.array, 8)

    def span(self, array: str, spec: str) -> tuple[str, str]:
        """Where the elements of a dense array begin and end."""
        f = self.f
        begin = self.field(array, _DATA, "i64", "begin")
        self.measure(spec, self.field(array, _DIMENSIONS, "ptr", "extents"))
        return begin, f.binary("add", "i64", begin, f.load("i64", self.bytes, 8), "end")

    def measure(self, spec: str, extents: str) -> None:
        """`bytes` of an array of these extents; leave where they do not fit in 64 bits."""
        f = self.f
        f.store("i64", f.load("i64", f.offset("i64", spec, "3"), 8), self.bytes, 8)
        with f.loop("axis", "0", f.load("i64", f.offset("i64", spec, "1"), 8, "rank")) as axis:
            extent = f.load("i64", f.offset("i64", extents, axis), 8, "extent")
            product = [("i64", f.load("i64", self.bytes, 8)), ("i64", extent)]
            checked = f.intrinsic("{ i64, i1 }", "llvm.smul.with.overflow.i64", product, "checked")
            over = f.value(f"extractvalue {{ i64, i1 }} {checked}, 1", "over")
            self.require(f.binary("xor", "i1", over, "true"), self.refuse)
            f.store("i64", f.value(f"extractvalue {{ i64, i1 }} {checked}, 0"), self.bytes, 8)

    def allocate(self, i: str, spec: str) -> None:
        """A new array: over a spare buffer that nobody holds if it is big, else wherever NumPy puts it."""
        f, record = self.f, self.record
        rank = f.load("i64", f.offset("i64", spec, "1"), 8, "rank")
        extents = f.load("ptr", f.offset("i64", spec, "2"), 8, "extents")
        self.measure(spec, extents)
        self.pick_spare(i)
        base, data = f.load("ptr", self.base, 8, "base"), f.load("ptr", self.data, 8, "data")
        plain = f.compare("eq", "ptr", base, "null", "plain")
        dtype = f.load("ptr", spec, 8, "dtype")
        record.api(layout.API_INCREMENT, "void", [("ptr", dtype)])  # PyArray_NewFromDescr takes it over
        arguments = [
            (
                "ptr",
                record.object(layout.API_ARRAY_TYPE, "ptr"),
            ),
            ("ptr", dtype),
            ("i32", f.convert("trunc", "i64", rank, "i32")),
            ("ptr", extents),
            ("ptr", "null"),
            ("ptr", data),
            ("i32", f.select(plain, "i32", "0", str(_CARRAY))),
            ("ptr", "null"),
        ]
        array = record.api(layout.API_NEW_ARRAY, "ptr", arguments, "array")
        self.require(f.compare("ne", "ptr", array, "null"), self.fail)
        f.store("ptr", array, self.array, 8)
        rest = f.block("rest")
        spare = f.block("spare")
        f.branch_if(plain, rest, spare)
        f.place(spare)
        record.api(layout.API_INCREMENT, "void", [("ptr", base)])  # PyArray_SetBaseObject takes it over
        based = record.api(layout.API_SET_BASE, "i32", [("ptr", array), ("ptr", base)], "based")
        broken = f.block("broken")
        f.branch_if(f.compare("eq", "i32", based, "0"), rest, broken)
        f.place(broken)
        record.api(layout.API_DECREMENT, "void", [("ptr", array)])
        f.branch(self.fail)
        f.place(rest)

    def pick_spare(self, i: str) -> None:
        """`base` and `data` of a big output's buffer, or null. A spare is free when the record alone refers to it."""
        f, record = self.f, self.record
        f.store("ptr", "null", self.base, 8)
        f.store("ptr", "null", self.data, 8)
        picked = f.block("picked")
        bytes = f.load("i64", self.bytes, 8, "bytes")
        search = f.block("search")
        f.branch_if(f.compare("slt", "i64", bytes, record.word(layout.RECORD_BIG)), picked, search)
        f.place(search)
        row = f.binary("mul", "i64", i, str(layout.SPARES * layout.SPARE_WORDS))
        spares = f.offset("i64", record.word(layout.RECORD_SPARES, "ptr"), row, "spares")
        for number in range(layout.SPARES):
            spare = f.offset("i64", spares, str(number * layout.SPARE_WORDS), "spare")
            capacity = f.load("i64", f.offset("i64", spare, "2"), 8, "capacity")
            self.require(f.compare("sge", "i64", capacity, bytes), self.refuse)
            base = f.load("ptr", spare, 8, "base")
            free, held = f.block("free"), f.block("held")
            references = f.load("i32", base, 4, "references")  # the low half of ob_refcnt
            f.branch_if(f.compare("eq", "i32", references, "1"), free, held)
            f.place(free)
            f.store("ptr", base, self.base, 8)
            f.store("ptr", f.load("ptr", f.offset("i64", spare, "1"), 8), self.data, 8)
            f.branch(picked)
            f.place(held)
        f.branch(picked)
        f.place(picked)

    def step(self) -> None:
        """One step, given up if it is estimated to be long."""
        f, record = self.f, self.record
        control = record.word(layout.RECORD_CONTROL, "ptr", "control")
        for at, value in (
            (layout.CONTROL_CANCEL, 0),  # and CONTROL_ERROR, in one word
            (layout.CONTROL_PROGRESS, 0),
            (layout.CONTROL_STEPS, 1),
            (layout.CONTROL_INLINE, 1),
        ):
            f.store("i64", str(value), f.offset("i8", control, str(at)), 8)
        inputs = record.word(layout.RECORD_DESCRIPTORS, "ptr", "inputs")
        outputs = record.word(layout.RECORD_OUTPUT_DATA, "ptr", "outputs")
        arguments = [("ptr", record.pointer), ("ptr", control), ("ptr", inputs), ("ptr", outputs)]
        status = f.call("i32", "@lg.locked.entry", arguments, "status")
        self.require(f.compare("ne", "i32", status, str(layout.INTERRUPTED)), self.fail)
        self.require(f.compare("eq", "i32", status, str(layout.OK)), self.refuse)

    def collect(self) -> None:
        """The result: the one output, or a tuple."""
        f, record = self.f, self.record
        objects = record.word(layout.RECORD_OUTPUT_OBJECTS, "ptr", "objects")
        single, several = f.block("single"), f.block("several")
        f.branch_if(f.compare("ne", "i64", record.word(layout.RECORD_SINGLE), "0"), single, several)
        f.place(single)
        f.store("ptr", f.load("ptr", objects, 8), self.result, 8)
        f.branch(self.leave)
        f.place(several)
        count = record.word(layout.RECORD_OUTPUTS)
        tuple_ = record.api(layout.API_TUPLE_NEW, "ptr", [("i64", count)], "tuple")
        self.require(f.compare("ne", "ptr", tuple_, "null"), self.fail)
        with f.loop("item", "0", count) as i:
            item = f.load("ptr", f.offset("i64", objects, i), 8, "item")
            record.api(layout.API_TUPLE_SET_ITEM, "i32", [("ptr", tuple_), ("i64", i), ("ptr", item)])
        f.store("ptr", tuple_, self.result, 8)
        f.branch(self.leave)

    def drop(self) -> None:
        """Let go of the outputs that exist."""
        f, record = self.f, self.record
        objects = record.word(layout.RECORD_OUTPUT_OBJECTS, "ptr", "objects")
        with f.loop("drop", "0", f.load("i64", self.made, 8)) as i:
            record.api(layout.API_DECREMENT, "void", [("ptr", f.load("ptr", f.offset("i64", objects, i), 8))])

    def none_result(self) -> str:
        record = self.record
        none = record.object(layout.API_NONE, "ptr")
        record.api(layout.API_INCREMENT, "void", [("ptr", none)])
        return none


def _call(target: Target, header: int) -> str:
    call = _Call(target, header)
    f = call.f
    call.claim()
    call.read_inputs()
    call.solve()
    call.outputs()
    call.step()
    call.collect()
    f.place(call.refuse)
    call.drop()
    f.store("ptr", call.none_result(), call.result, 8)
    f.branch(call.leave)
    f.place(call.fail)
    call.drop()
    f.store("ptr", "null", call.result, 8)
    f.branch(call.leave)
    f.place(call.leave)
    call.record.release()
    f.return_("ptr", f.load("ptr", call.result, 8))
    f.place(call.none)
    f.return_("ptr", call.none_result())
    return f.text()
