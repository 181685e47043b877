"""Extents as i64 arithmetic in straight-line code: what the entry computes of dims, sizes, task counts and times.

In: expressions over dims whose registers are known. Out: registers. A sum or product that leaves 64 bits sets
`overflow`, which whoever asks for a size must honour; times are computed as doubles, where nothing overflows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Atom, Compound, Dim, Extent, Symbol


class Extents:
    """Writes expressions into a function's current block, which must dominate their uses; equal ones once."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.known: dict[str, str] = {}
        self.overflow = "false"  # an i1: whether any sum or product so far did not fit
        self._written: dict[Extent, str] = {}

    def write(self, extent: Extent, hint: str = "n") -> str:
        """The value as an i64."""
        if isinstance(extent, int):
            return str(extent)
        if extent not in self._written:
            total: str | None = None
            for atoms, coefficient in extent.terms:
                term = str(coefficient) if coefficient != 1 or not atoms else None
                for atom in atoms:
                    value = self._atom(atom)
                    term = value if term is None else self.product(term, value)
                total = term if total is None else self.sum(total, term or "1")
            self._written[extent] = total or "0"
        return self._written[extent]

    def sum(self, left: str, right: str) -> str:
        if _is_number(left) and _is_number(right):
            return str(int(left) + int(right))
        return left if right == "0" else right if left == "0" else self._checked("sadd", left, right)

    def product(self, left: str, right: str) -> str:
        if _is_number(left) and _is_number(right):
            return str(int(left) * int(right))
        return "0" if "0" in (left, right) else self._checked("smul", left, right)

    def _checked(self, operation: str, left: str, right: str) -> str:
        f = self.f
        pair = f.intrinsic(
            "{ i64, i1 }", f"llvm.{operation}.with.overflow.i64", [("i64", left), ("i64", right)], "pair"
        )
        over = f.value(f"extractvalue {{ i64, i1 }} {pair}, 1", "over")
        self.overflow = over if self.overflow == "false" else f.binary("or", "i1", self.overflow, over, "overflow")
        return f.value(f"extractvalue {{ i64, i1 }} {pair}, 0", "n")

    def time(self, extent: Extent) -> str:
        """The value as a double."""
        f = self.f
        if isinstance(extent, int):
            return f"{float(extent):e}"
        total: str | None = None
        for atoms, coefficient in extent.terms:
            term = f"{float(coefficient):e}"
            for atom in atoms:
                term = f.binary("fmul", "double", term, f.convert("sitofp", "i64", self._atom(atom), "double"), "time")
            total = term if total is None else f.binary("fadd", "double", total, term, "time")
        return total or "0.0"

    def largest(self, extents: tuple[Extent, ...]) -> str:
        """The greatest value, at least 0."""
        fixed = max((each for each in extents if isinstance(each, int)), default=0)
        found = str(max(0, fixed))
        for extent in dict.fromkeys(each for each in extents if isinstance(each, Dim)):
            found = self._extreme("smax", found, self.write(extent))
        return found

    def aligned(self, size: str, to: int) -> str:
        """The size rounded up to a multiple of a power of two."""
        if size.isdigit():
            return str(-(-int(size) // to) * to)
        return self.f.binary("and", "i64", self.sum(size, str(to - 1)), str(-to), "aligned")

    def _extreme(self, operation: str, left: str, right: str) -> str:
        return self.f.intrinsic("i64", f"llvm.{operation}.i64", [("i64", left), ("i64", right)], "n")

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Symbol):
            if atom.name not in self.known:
                raise ValueError(f"dim {atom.name} is used before it is solved: no extent of an input gives it")
            return self.known[atom.name]
        return _COMPOUND[atom.kind](self, atom)

    def _floordiv(self, atom: Compound) -> str:
        return self._divided(atom)[0]

    def _mod(self, atom: Compound) -> str:
        return self._divided(atom)[1]

    def _divided(self, atom: Compound) -> tuple[str, str]:
        """(floor of the quotient, what remains); a divisor of 0 gives (0, left)."""
        f = self.f
        left, right = self.write(atom.left), self.write(atom.right)
        divisor, zero = right, "false"
        if not isinstance(atom.right, int):
            zero = f.compare("sle", "i64", right, "0", "zero")
            divisor = f.select(zero, "i64", "1", right, "divisor")
        quotient = f.binary("sdiv", "i64", left, divisor, "quotient")
        rest = f.binary("srem", "i64", left, divisor, "rest")
        if not dims.prove_nonnegative(atom.left):
            below = f.compare("slt", "i64", rest, "0", "below")
            quotient = f.binary("sub", "i64", quotient, f.convert("zext", "i1", below, "i64"), "quotient")
            rest = f.select(below, "i64", f.binary("add", "i64", rest, divisor), rest, "rest")
        if zero != "false":
            quotient = f.select(zero, "i64", "0", quotient, "quotient")
            rest = f.select(zero, "i64", left, rest, "rest")
        return quotient, rest

    def _minimum(self, atom: Compound) -> str:
        return self._extreme("smin", self.write(atom.left), self.write(atom.right))

    def _maximum(self, atom: Compound) -> str:
        return self._extreme("smax", self.write(atom.left), self.write(atom.right))


def _is_number(value: str) -> bool:
    return value.lstrip("-").isdigit()


_COMPOUND: Mapping[str, Callable[[Extents, Compound], str]] = {
    "floordiv": Extents._floordiv,
    "mod": Extents._mod,
    "min": Extents._minimum,
    "max": Extents._maximum,
}
