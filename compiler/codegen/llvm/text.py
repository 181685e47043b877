"""A builder of textual LLVM IR: one function, as blocks of lines.

In: calls that append instructions; operands ("%x", "7") and types ("<16 x float>") are texts. Out: `text()`, the
declarations it needs and the definition. Texts of several functions may simply be concatenated by `compile_module`,
which keeps one copy of each declaration. Everything written is valid for LLVM 20 to 22 and free of metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_UNSAFE = re.compile(r"[^A-Za-z0-9_.]")


def identifier(name: str) -> str:
    """A name as LLVM spells it without quotes: a leading % goes, other characters become dots."""
    cleaned = _UNSAFE.sub(".", name.lstrip("%")) or "v"
    return f"v{cleaned}" if cleaned[0].isdigit() else cleaned


def vector(lanes: int, element: str) -> str:
    return f"<{lanes} x {element}>"


def splat(element: str, constant: str) -> str:
    """A vector constant whose lanes are all `constant`."""
    return f"splat ({element} {constant})"


def lanes_of(element: str, numbers: Sequence[int]) -> str:
    """A vector constant of integers."""
    return "<" + ", ".join(f"{element} {number}" for number in numbers) + ">"


def mangled(type: str) -> str:
    """A type as the name of an overloaded intrinsic spells it: <16 x float> is v16f32."""
    if type.startswith("<"):
        count, element = type[1:-1].split(" x ")
        return f"v{count}{mangled(element)}"
    return {"float": "f32", "double": "f64", "half": "f16", "bfloat": "bf16", "ptr": "p0"}.get(type, type)


@dataclass(eq=False)
class Phi:
    """A phi whose incoming values are added when they are known."""

    name: str
    type: str
    incoming: list[tuple[str, str]] = field(default_factory=list)

    def add(self, value: str, block: Block) -> None:
        self.incoming.append((value, block.label))

    def __str__(self) -> str:
        pairs = ", ".join(f"[ {value}, %{label} ]" for value, label in self.incoming)
        return f"{self.name} = phi {self.type} {pairs}"


@dataclass(eq=False)
class Block:
    """A basic block. Lines may be appended after its terminator is known: they go before it."""

    label: str
    phis: list[Phi] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    terminator: str | None = None


class Function:
    """One function definition under construction. `current` is the block that instructions go to."""

    def __init__(
        self,
        name: str,
        result: str,
        parameters: Sequence[tuple[str, str]],
        *,
        attributes: str = "nounwind",
        linkage: str = "internal",
        comments: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.parameters = tuple([f"%{identifier(each)}" for _, each in parameters])
        listed = ", ".join(f"{type} {each}" for (type, _), each in zip(parameters, self.parameters))
        self._head = f"define {linkage} {result} @{name}({listed}) {attributes} {{".replace("  ", " ")
        self._comments = tuple(comments)
        self._names: dict[str, int] = {each[1:]: 1 for each in self.parameters}
        self._blocks: list[Block] = []
        self._top: dict[str, None] = {}  # declarations and constants outside the function, in order of first use
        self.current = self.block("entry")
        self.place(self.current)

    # --- names, blocks ---------------------------------------------------------------------------------------------

    def fresh(self, hint: str) -> str:
        """A name (without its sigil) that is not taken yet; values and labels share one space."""
        base = name = identifier(hint)
        while name in self._names:
            name = f"{base}.{self._names[base]}"
            self._names[base] += 1
        self._names[name] = 1
        return name

    def block(self, hint: str) -> Block:
        """A new block, not placed yet."""
        return Block(self.fresh(hint))

    def place(self, block: Block) -> Block:
        """Put a block after those placed before, and make it current."""
        self._blocks.append(block)
        self.current = block
        return block

    @contextmanager
    def at(self, block: Block) -> Iterator[None]:
        """Append to another block meanwhile (before its terminator)."""
        kept, self.current = self.current, block
        try:
            yield
        finally:
            self.current = kept

    # --- instructions ----------------------------------------------------------------------------------------------

    def value(self, instruction: str, hint: str = "v") -> str:
        """%hint = instruction."""
        name = f"%{self.fresh(hint)}"
        self.current.lines.append(f"{name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """An instruction without a result."""
        self.current.lines.append(instruction)

    def comment(self, text: str) -> None:
        self.current.lines.append(f"; {_one_line(text)}")

    def binary(self, operation: str, type: str, left: str, right: str, hint: str = "v") -> str:
        """`operation` with its flags: "add", "fmul", "mul nsw"."""
        return self.value(f"{operation} {type} {left}, {right}", hint)

    def compare(self, predicate: str, type: str, left: str, right: str, hint: str = "c") -> str:
        """Integers and pointers by "eq", "slt", "ult", ...; floats by "oeq", "olt", "une", ..."""
        floats = "float" in type or "double" in type
        return self.value(f"{'fcmp' if floats else 'icmp'} {predicate} {type} {left}, {right}", hint)

    def select(self, condition: str, type: str, left: str, right: str, hint: str = "v", bools: str = "i1") -> str:
        """`bools` is the condition's type: a vector's lanes choose for themselves."""
        return self.value(f"select {bools} {condition}, {type} {left}, {type} {right}", hint)

    def convert(self, operation: str, source: str, value: str, target: str, hint: str = "v") -> str:
        """zext, trunc, sitofp, bitcast, ptrtoint, ..."""
        return self.value(f"{operation} {source} {value} to {target}", hint)

    def load(self, type: str, pointer: str, align: int, hint: str = "v") -> str:
        return self.value(f"load {type}, ptr {pointer}, align {align}", hint)

    def store(self, type: str, value: str, pointer: str, align: int) -> None:
        self.do(f"store {type} {value}, ptr {pointer}, align {align}")

    def offset(self, type: str, pointer: str, index: str, hint: str = "p") -> str:
        """pointer + index * sizeof(type), with an i64 index."""
        return self.value(f"getelementptr {type}, ptr {pointer}, i64 {index}", hint)

    def splat(self, lanes: int, element: str, scalar: str, hint: str = "v") -> str:
        """A vector of equal lanes of a scalar that is not a constant."""
        type = vector(lanes, element)
        first = self.value(f"insertelement {type} poison, {element} {scalar}, i64 0", hint)
        return self.value(f"shufflevector {type} {first}, {type} poison, {vector(lanes, 'i32')} zeroinitializer", hint)

    def shuffle(self, type: str, left: str, right: str, indices: Sequence[int], hint: str = "v") -> str:
        mask = lanes_of("i32", indices)
        return self.value(f"shufflevector {type} {left}, {type} {right}, {vector(len(indices), 'i32')} {mask}", hint)

    def call(
        self, result: str, callee: str, arguments: Sequence[tuple[str, str]], hint: str = "v", attributes: str = ""
    ) -> str:
        """Call "@name" (a function of this module) or a pointer; "" comes back from void."""
        listed = ", ".join(f"{type} {value}" for type, value in arguments)
        called = f"call {result} {callee}({listed}) {attributes}".rstrip()
        if result == "void":
            self.do(called)
            return ""
        return self.value(called, hint)

    def intrinsic(self, result: str, name: str, arguments: Sequence[tuple[str, str]], hint: str = "v") -> str:
        """Call and declare "llvm.fma.v16f32" or an external function of the module's allow-list."""
        self.declare(f"declare {result} @{name}({', '.join(type for type, _ in arguments)})")
        return self.call(result, f"@{name}", arguments, hint)

    def declare(self, line: str) -> None:
        """A line outside the function ("declare ..." or "@table = private constant ..."), written once per module."""
        self._top[line] = None

    # --- control flow ----------------------------------------------------------------------------------------------

    def phi(self, type: str, hint: str) -> Phi:
        made = Phi(f"%{self.fresh(hint)}", type)
        self.current.phis.append(made)
        return made

    def branch(self, target: Block) -> None:
        self._terminate(f"br label %{target.label}")

    def branch_if(self, condition: str, then: Block, otherwise: Block) -> None:
        self._terminate(f"br i1 {condition}, label %{then.label}, label %{otherwise.label}")

    def return_(self, type: str = "void", value: str = "") -> None:
        self._terminate(f"ret {type} {value}".rstrip())

    def _terminate(self, line: str) -> None:
        if self.current.terminator is not None:
            ends = f"{self.current.terminator!r} and {line!r}"
            raise ValueError(f"block {self.current.label} of {self.name} ends twice: with {ends}")
        self.current.terminator = line

    @contextmanager
    def loop(self, hint: str, begin: str, end: str, step: str = "1") -> Iterator[str]:
        """for (i64 i = begin; i < end; i += step), tested before the first iteration; gives i."""
        before = self.current
        head, body, done = self.block(f"{hint}.head"), self.block(f"{hint}.body"), self.block(f"{hint}.done")
        self.branch(head)
        self.place(head)
        index = self.phi("i64", hint)
        index.add(begin, before)
        self.branch_if(self.compare("slt", "i64", index.name, end, f"{hint}.more"), body, done)
        self.place(body)
        yield index.name
        index.add(self.binary("add", "i64", index.name, step, f"{hint}.next"), self.current)
        self.branch(head)
        self.place(done)

    @contextmanager
    def when(self, condition: str, hint: str = "then") -> Iterator[None]:
        """if (condition) { ... }, without values."""
        inside, after = self.block(hint), self.block(f"{hint}.end")
        self.branch_if(condition, inside, after)
        self.place(inside)
        yield
        self.branch(after)
        self.place(after)

    # --- the text --------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """Declarations, comments and the definition; every block must have ended."""
        lines = [*self._top, *(f"; {_one_line(each)}" for each in self._comments), self._head]
        for block in self._blocks:
            if block.terminator is None:
                raise ValueError(f"block {block.label} of {self.name} does not end")
            lines.append(f"{block.label}:")
            lines += [f"  {phi}" for phi in block.phis]
            lines += [f"  {line}" for line in block.lines]
            lines.append(f"  {block.terminator}")
        return "\n".join([*lines, "}", ""])


def _one_line(text: str) -> str:
    return " ".join(text.split())
