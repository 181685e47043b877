"""Integer expressions: extents of tensors and indices of loops, in one canonical form.

An `Extent` is an int or a `Dim`: a polynomial with integer coefficients over atoms. An atom is a named `Symbol` (a
symbolic dim or a loop variable, with its range) or a floordiv, mod, min or max of polynomials. Equal polynomials are
equal objects' values, so `==` is decidable up to the identities below; `prove_nonnegative` decides orderings by the
ranges. Identities: (c*q + r)//c = q + r//c and (c*q + r)%c = r%c; r//c = 0 and r%c = r where 0 <= r < c;
(x//a)//b = x//(a*b); b*(y//b) + y%b = y; b*(y//b) = y where b is declared to divide y; b*(y//b % c) + y%b =
y % (b*c); (max(x, y) + k)//c = max((x + k)//c, (y + k)//c), and so for min.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd, prod
from typing import Union


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named integer with lower <= value <= upper (upper None: unbounded) that divides by `multiple_of`."""

    name: str
    lower: Extent = 0
    upper: Extent | None = None
    multiple_of: int = 1

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Compound:
    """An atom that is not a name: `kind` of two expressions ("floordiv", "mod", "min", "max")."""

    kind: str
    left: Extent
    right: Extent
    text: str = field(compare=False)

    def __str__(self) -> str:
        return self.text


Atom = Union[Symbol, Compound]
Monomial = tuple[Atom, ...]  # sorted by text; a square repeats its atom
Terms = tuple[tuple[Monomial, int], ...]


class Dim:
    """A symbolic integer expression. Arithmetic with ints and other Dims gives an `Extent`."""

    __slots__ = ("terms", "_hash", "_text")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._hash = hash(terms)
        self._text: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self._text is None:
            self._text = _print_terms(self.terms)
        return self._text

    def __repr__(self) -> str:
        return f"Dim({self})"

    def __bool__(self) -> bool:
        raise TypeError(f"the truth of the symbolic extent {self} is not known when the graph is built")

    def __add__(self, other: object) -> Extent:
        return add(self, other) if isinstance(other, int | Dim) else NotImplemented

    def __radd__(self, other: object) -> Extent:
        return add(other, self) if isinstance(other, int) else NotImplemented

    def __sub__(self, other: object) -> Extent:
        return add(self, multiply(other, -1)) if isinstance(other, int | Dim) else NotImplemented

    def __rsub__(self, other: object) -> Extent:
        return add(other, multiply(self, -1)) if isinstance(other, int) else NotImplemented

    def __mul__(self, other: object) -> Extent:
        return multiply(self, other) if isinstance(other, int | Dim) else NotImplemented

    def __rmul__(self, other: object) -> Extent:
        return multiply(other, self) if isinstance(other, int) else NotImplemented

    def __neg__(self) -> Extent:
        return multiply(self, -1)

    def __floordiv__(self, other: object) -> Extent:
        return floordiv(self, other) if isinstance(other, int | Dim) else NotImplemented

    def __mod__(self, other: object) -> Extent:
        return mod(self, other) if isinstance(other, int | Dim) else NotImplemented


Extent = Union[int, Dim]
Shape = tuple[Extent, ...]


def symbol(name: str, lower: Extent = 0, upper: Extent | None = None, multiple_of: int = 1) -> Dim:
    """The expression that is one named symbol."""
    return of_symbol(Symbol(name, lower, upper, multiple_of))


def of_symbol(atom: Symbol) -> Dim:
    return Dim((((atom,), 1),))


def as_symbol(extent: Extent) -> Symbol | None:
    """The symbol, if the expression is exactly one."""
    if isinstance(extent, Dim) and len(extent.terms) == 1:
        ((atoms, coefficient),) = extent.terms
        if coefficient == 1 and len(atoms) == 1 and isinstance(atoms[0], Symbol):
            return atoms[0]
    return None


# --- the canonical form -----------------------------------------------------------------------------------------------


def _terms(extent: Extent) -> Terms:
    if isinstance(extent, Dim):
        return extent.terms
    return (((), int(extent)),) if extent else ()


def _build(terms: Mapping[Monomial, int]) -> Extent:
    kept = [(atoms, coefficient) for atoms, coefficient in terms.items() if coefficient]
    if not kept:
        return 0
    for atoms, coefficient in kept:
        for atom in atoms if abs(coefficient) > 1 else ():
            shared = gcd(coefficient, _exact_divisor(atom))
            if shared > 1 and isinstance(atom, Compound):
                others = list(atoms)
                others.remove(atom)
                whole = floordiv(atom.left, floordiv(atom.right, shared))
                rest = {each: factor for each, factor in kept if each != atoms}
                return add(_build(rest), multiply(_build({tuple(others): coefficient // shared}), whole))
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    kept.sort(key=lambda term: (-len(term[0]), [str(atom) for atom in term[0]]))
    return Dim(tuple(kept))


def _exact_divisor(atom: Atom) -> int:
    """The b of an atom y//b that leaves no remainder, as the declared multiples show; else 1."""
    if isinstance(atom, Symbol) or atom.kind != "floordiv" or not isinstance(atom.right, int):
        return 1
    return atom.right if divides(atom.right, atom.left) else 1


def add(left: Extent, right: Extent) -> Extent:
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    total = dict(_terms(left))
    for atoms, coefficient in _terms(right):
        total[atoms] = total.get(atoms, 0) + coefficient
    return _recombine(total)


def _recombine(terms: dict[Monomial, int]) -> Extent:
    """The sum of the terms, an index that was split being linearised again: k*b*(y//b) + k*(y%b) = k*y, and
    k*b*(y//b % c) + k*(y%b) = k*(y % (b*c))."""
    compounds = [atoms for atoms in terms if any(isinstance(each, Compound) for each in atoms)]
    for atoms in compounds if len(compounds) > 1 else ():  # what a remainder is joined with is a compound too
        coefficient = terms[atoms]
        if not coefficient or len(atoms) != 1 or not isinstance(atoms[0], Compound) or atoms[0].kind != "mod":
            continue
        remainder = atoms[0]
        quotient = multiply(floordiv(remainder.left, remainder.right), multiply(remainder.right, coefficient))
        if all(terms.get(each, 0) == factor for each, factor in _terms(quotient)):
            rest = {each: factor for each, factor in terms.items() if each != atoms}
            return add(add(_build(rest), multiply(quotient, -1)), multiply(remainder.left, coefficient))
        if isinstance(remainder.right, int):
            for outer, factor in terms.items():
                if factor != coefficient * remainder.right or len(outer) != 1 or not isinstance(outer[0], Compound):
                    continue
                if outer[0].kind == "mod" and outer[0].left == floordiv(remainder.left, remainder.right):
                    rest = {each: number for each, number in terms.items() if each not in (atoms, outer)}
                    whole = mod(remainder.left, multiply(remainder.right, outer[0].right))
                    return add(_build(rest), multiply(whole, coefficient))
    return _build(terms)


def multiply(left: Extent, right: Extent) -> Extent:
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    product: dict[Monomial, int] = {}
    for left_atoms, left_coefficient in _terms(left):
        for right_atoms, right_coefficient in _terms(right):
            atoms = tuple(sorted(left_atoms + right_atoms, key=str))
            product[atoms] = product.get(atoms, 0) + left_coefficient * right_coefficient
    return _build(product)


def _compound(kind: str, left: Extent, right: Extent) -> Extent:
    if kind in ("min", "max"):
        left, right = sorted((left, right), key=str)
        text = f"{kind}({left}, {right})"
    else:
        text = f"{_bracket(left)} {'//' if kind == 'floordiv' else '%'} {_bracket(right)}"
    return Dim((((Compound(kind, left, right, text),), 1),))


def _bracket(extent: Extent) -> str:
    return str(extent) if isinstance(extent, int) and extent >= 0 or as_symbol(extent) else f"({extent})"


def _split_by(left: Extent, right: Extent) -> tuple[Extent, Extent]:
    """(q, r) with left = right*q + r, where r holds the terms that do not visibly divide by `right`."""
    if left == right:
        return 1, 0
    if not isinstance(right, int) and len(right.terms) > 1:
        return 0, left
    divisor_atoms, divisor = _terms(right)[0]
    quotient: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for atoms, coefficient in _terms(left):
        remaining = list(atoms)
        for atom in divisor_atoms:
            if atom in remaining:
                remaining.remove(atom)
        divides = len(remaining) == len(atoms) - len(divisor_atoms)
        if divides and coefficient % divisor == 0:
            quotient[tuple(remaining)] = coefficient // divisor
        elif divides and not divisor_atoms and not atoms:  # a constant splits into its own quotient and remainder
            quotient[()], rest[()] = divmod(coefficient, divisor)
        else:
            rest[atoms] = coefficient
    return _build(quotient), _build(rest)


def _split_multiples(left: Extent, right: Extent) -> tuple[Extent, Extent]:
    """(q, r) with left = right*q + r, where r holds the terms that are not multiples by what is declared of dims."""
    if not isinstance(left, Dim) or not isinstance(right, int):
        return 0, left
    quotient: Extent = 0
    for atoms, coefficient in left.terms:
        alone = _build({atoms: 1})
        if left != alone and divides(right, _build({atoms: coefficient})):
            common = gcd(coefficient, right)
            quotient = add(quotient, multiply(floordiv(alone, right // common), coefficient // common))
            left = add(left, _build({atoms: -coefficient}))
    return quotient, left


def _in_range(value: Extent, below: Extent) -> bool:
    return prove_nonnegative(value) and prove_nonnegative(below - value - 1)


@lru_cache(maxsize=1 << 14)
def floordiv(left: Extent, right: Extent) -> Extent:
    """floor(left / right) for right > 0; a zero divisor gives 0, as all our integer division does."""
    if isinstance(right, int) and right <= 0:
        if right == 0:
            return 0
        raise ValueError(f"an extent is divided by {right}: expected a positive divisor")
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    quotient, rest = _split_by(left, right)
    if rest == 0 or _in_range(rest, right):
        return quotient
    exact, rest = _split_multiples(rest, right)
    quotient = add(quotient, exact)
    if rest == 0 or _in_range(rest, right):
        return quotient
    common = _common_factor(rest, right)
    if common > 1:
        rest, right = _scale_down(rest, common), _scale_down(right, common)
        if right == 1:
            return add(quotient, rest)
    inner = _sole_compound(rest)
    if (
        inner is not None
        and inner.kind == "floordiv"
        and prove_nonnegative(inner.right - 1)
        and prove_nonnegative(right - 1)
    ):
        return add(quotient, floordiv(inner.left, multiply(inner.right, right)))
    for atoms, coefficient in _terms(rest):
        if len(atoms) == 1 and coefficient == 1 and isinstance(atoms[0], Compound) and atoms[0].kind in ("min", "max"):
            offset = rest - _single(atoms[0])
            if isinstance(offset, int):
                parts = [floordiv(each + offset, right) for each in (atoms[0].left, atoms[0].right)]
                return add(quotient, COMPOUND[atoms[0].kind](*parts))
    return add(quotient, _compound("floordiv", rest, right))


@lru_cache(maxsize=1 << 14)
def mod(left: Extent, right: Extent) -> Extent:
    """left - right * floor(left / right) for right > 0; a zero divisor gives left."""
    if isinstance(right, int) and right <= 0:
        if right == 0:
            return left
        raise ValueError(f"an extent is reduced modulo {right}: expected a positive divisor")
    if isinstance(left, int) and isinstance(right, int):
        return left % right
    _, rest = _split_by(left, right)
    if rest == 0 or _in_range(rest, right) or isinstance(rest, int) and isinstance(right, int):
        return rest % right if isinstance(rest, int) and isinstance(right, int) else rest
    if isinstance(right, int) and divides(right, rest):
        return 0
    _, rest = _split_multiples(rest, right)
    return _compound("mod", rest, right)


def minimum(left: Extent, right: Extent) -> Extent:
    if prove_nonnegative(right - left):
        return left
    return right if prove_nonnegative(left - right) else _compound("min", left, right)


def maximum(left: Extent, right: Extent) -> Extent:
    if prove_nonnegative(right - left):
        return right
    return left if prove_nonnegative(left - right) else _compound("max", left, right)


def ceildiv(left: Extent, right: Extent) -> Extent:
    return floordiv(left + right - 1, right)


def product(extents: Iterable[Extent]) -> Extent:
    total: Extent = 1
    for extent in extents:
        total = multiply(total, extent)
    return total


def _sole_compound(extent: Extent) -> Compound | None:
    if isinstance(extent, Dim) and len(extent.terms) == 1 and extent.terms[0][1] == 1 and len(extent.terms[0][0]) == 1:
        atom = extent.terms[0][0][0]
        return atom if isinstance(atom, Compound) else None
    return None


def _common_factor(left: Extent, right: Extent) -> int:
    return gcd(*(coefficient for part in (left, right) for _, coefficient in _terms(part)))


def _scale_down(extent: Extent, factor: int) -> Extent:
    return _build({atoms: coefficient // factor for atoms, coefficient in _terms(extent)})


# --- what is known ----------------------------------------------------------------------------------------------------


def divides(divisor: int, extent: Extent) -> bool:
    """Whether every value of the expression is a multiple of `divisor`, as far as the declared multiples show."""
    return _known_divisor(extent) % divisor == 0


def _known_divisor(extent: Extent) -> int:
    """A number that divides every value, by the declared multiples; 0 where every value is 0."""
    found = 0
    for atoms, coefficient in _terms(extent):
        found = gcd(found, coefficient * prod([_divisor_of_atom(atom) for atom in atoms]))
    return found


def _divisor_of_atom(atom: Atom) -> int:
    if isinstance(atom, Symbol):
        return atom.multiple_of
    if atom.kind in ("min", "max"):
        return gcd(_known_divisor(atom.left), _known_divisor(atom.right))
    inner = _known_divisor(atom.left)
    if atom.kind == "floordiv" and isinstance(atom.right, int) and atom.right and inner % atom.right == 0:
        return inner // atom.right
    return 1


def bounds(extent: Extent) -> tuple[int | None, int | None]:
    """The least and greatest value by interval arithmetic; None where unbounded."""
    low: int | None = 0
    high: int | None = 0
    for atoms, coefficient in _terms(extent):
        term: tuple[int | None, int | None] = (coefficient, coefficient)
        for atom in atoms:
            term = _interval_product(term, _atom_bounds(atom))
        low = None if low is None or term[0] is None else low + term[0]
        high = None if high is None or term[1] is None else high + term[1]
    return low, high


def _interval_product(
    left: tuple[int | None, int | None], right: tuple[int | None, int | None]
) -> tuple[int | None, int | None]:
    infinity = float("inf")
    ends = [
        0 if a == 0 or b == 0 else a * b
        for a in (-infinity if left[0] is None else left[0], infinity if left[1] is None else left[1])
        for b in (-infinity if right[0] is None else right[0], infinity if right[1] is None else right[1])
    ]
    low, high = min(ends), max(ends)
    return None if low == -infinity else int(low), None if high == infinity else int(high)


def _atom_bounds(atom: Atom) -> tuple[int | None, int | None]:
    if isinstance(atom, Symbol):
        return bounds(atom.lower)[0], None if atom.upper is None else bounds(atom.upper)[1]
    left, right = bounds(atom.left), bounds(atom.right)
    if atom.kind == "mod":
        return 0, None if right[1] is None else right[1] - 1
    if atom.kind == "floordiv":
        if left[0] is not None and left[0] >= 0:
            return 0, None if left[1] is None else left[1] // max(1, right[0] or 1)
        return None, None
    if atom.kind == "min":
        highs = [high for high in (left[1], right[1]) if high is not None]
        return (None if left[0] is None or right[0] is None else min(left[0], right[0])), min(highs, default=None)
    lows = [low for low in (left[0], right[0]) if low is not None]
    return max(lows, default=None), (None if left[1] is None or right[1] is None else max(left[1], right[1]))


@lru_cache(maxsize=1 << 14)  # one compilation asks the same again and again
def prove_nonnegative(extent: Extent) -> bool:
    """Whether every value is >= 0. False means not proven.

    A symbol whose range ends in another expression (a loop variable below n) is replaced by the end that makes the
    expression least, as long as it occurs linearly with a coefficient of known sign; a min or max by its operands;
    d*(x//d) by x - x % d, where need be after a multiplication by d; intervals decide the rest.
    """
    return _proven(extent, _PROOF_DEPTH, {}, [_PROOF_STEPS])


_PROOF_DEPTH = 8  # replacements in a row
_PROOF_STEPS = 60  # expressions that are looked at: proofs that succeed take fewer than 10, the ways that fail multiply


def _proven(extent: Extent, depth: int, known: dict[Dim, tuple[bool, int]], steps: list[int]) -> bool:
    """`known` holds what has been found out, with the depth that was left; `steps` what may still be looked at."""
    if isinstance(extent, int):
        return extent >= 0
    low = bounds(extent)[0]
    if low is not None and low >= 0:
        return True
    found, at = known.get(extent, (False, 0))
    if found or at >= depth or steps[0] == 0:
        return found
    steps[0] -= 1
    replaced = _replace_extreme(extent)
    found = replaced is not None and _proven(replaced, depth - 1, known, steps)
    found = found or any(
        enough(_proven(each, depth - 1, known, steps) for each in cases) for enough, cases in _without_compound(extent)
    )
    known[extent] = found, depth
    return found


def _without_compound(extent: Dim) -> Iterator[tuple[Callable[[Iterable[bool]], bool], list[Extent]]]:
    """Ways to bound c*atom + r from below without the compound atom: (any or all, expressions that must be >= 0)."""
    for atom in {atom: None for atoms, _ in extent.terms for atom in atoms if isinstance(atom, Compound)}:
        holding = {atoms: coefficient for atoms, coefficient in extent.terms if atom in atoms}
        if any(atoms.count(atom) > 1 for atoms in holding):
            continue
        scale = _build({tuple(each for each in atoms if each != atom): number for atoms, number in holding.items()})
        rest = _build({atoms: number for atoms, number in extent.terms if atom not in atoms})
        low, high = bounds(scale)
        rising, falling = low is not None and low >= 0, high is not None and high <= 0
        if atom.kind in ("min", "max") and (rising or falling):
            either = rising == (atom.kind == "max")  # c*max(a, b) >= c*a and >= c*b where c >= 0
            yield (any if either else all), [multiply(scale, each) + rest for each in (atom.left, atom.right)]
        if atom.kind == "floordiv" and isinstance(atom.right, int):
            factor, left = _split_by(scale, atom.right)
            if left == 0:
                yield all, [multiply(factor, atom.left - mod(atom.left, atom.right)) + rest]
            elif falling or _exact_divisor(atom) > 1:
                yield all, [multiply(extent, atom.right) + (atom.right - 1)]  # a whole number above -1 is >= 0


def _replace_extreme(extent: Dim) -> Extent | None:
    for atom in {atom: None for atoms, _ in extent.terms for atom in atoms}:
        if not isinstance(atom, Symbol):
            continue
        if not isinstance(atom.upper, Dim) and not isinstance(atom.lower, Dim):
            continue
        coefficient, rest = linear_in(extent, atom)
        if coefficient is None:
            continue
        sign = bounds(coefficient)
        if sign[0] is not None and sign[0] >= 0:
            return add(multiply(coefficient, atom.lower), rest)
        if sign[1] is not None and sign[1] <= 0 and atom.upper is not None:
            return add(multiply(coefficient, atom.upper), rest)
    return None


def linear_in(extent: Extent, atom: Symbol) -> tuple[Extent | None, Extent]:
    """(c, r) with extent = c*atom + r and neither holding the symbol; c is None where it is not linear in it."""
    coefficients: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for atoms, coefficient in _terms(extent):
        others = [each for each in atoms if each != atom]
        if any(isinstance(each, Compound) and atom in symbols(_single(each)) for each in others):
            return None, 0
        if len(others) == len(atoms):
            rest[atoms] = coefficient
        elif len(others) == len(atoms) - 1:
            coefficients[tuple(others)] = coefficients.get(tuple(others), 0) + coefficient
        else:
            return None, 0
    return _build(coefficients), _build(rest)


def _single(atom: Atom) -> Dim:
    return Dim((((atom,), 1),))


def symbols(extent: Extent) -> frozenset[Symbol]:
    """Every symbol that occurs, inside compounds too (not those that occur only in ranges)."""
    found: set[Symbol] = set()
    for atoms, _ in _terms(extent):
        for atom in atoms:
            if isinstance(atom, Symbol):
                found.add(atom)
            else:
                found |= symbols(atom.left) | symbols(atom.right)
    return frozenset(found)


def compare_equal(left: Extent, right: Extent) -> bool | None:
    """True or False where it holds for all values of the symbols, None where it depends on them."""
    difference = left - right
    if isinstance(difference, int):
        return difference == 0
    if prove_nonnegative(difference - 1) or prove_nonnegative(-1 - difference):
        return False
    return None


# --- evaluation -------------------------------------------------------------------------------------------------------

# the kinds of compound atoms -> what makes one in canonical form
COMPOUND: Mapping[str, Callable[[Extent, Extent], Extent]] = {
    "floordiv": floordiv,
    "mod": mod,
    "min": minimum,
    "max": maximum,
}


def substitute(extent: Extent, values: Mapping[Symbol, Extent]) -> Extent:
    """The expression with symbols replaced, brought to canonical form again."""
    if isinstance(extent, int) or not values:
        return extent
    total: Extent = 0
    for atoms, coefficient in extent.terms:
        term: Extent = coefficient
        for atom in atoms:
            if isinstance(atom, Symbol):
                factor: Extent = values.get(atom, _single(atom))
            else:
                factor = COMPOUND[atom.kind](substitute(atom.left, values), substitute(atom.right, values))
            term = multiply(term, factor)
        total = add(total, term)
    return total


def evaluate(extent: Extent, values: Mapping[str, int]) -> int:
    """The value for given values of the symbols, by name."""
    if isinstance(extent, int):
        return extent
    result = substitute(extent, {each: values[each.name] for each in symbols(extent)})
    if not isinstance(result, int):
        raise ValueError(f"the extent {extent} is not determined by {dict(values)}")
    return result


# --- text -------------------------------------------------------------------------------------------------------------


def _print_terms(terms: Terms) -> str:
    parts: list[str] = []
    for atoms, coefficient in terms:
        names = [
            f"({atom})" if isinstance(atom, Compound) and atom.kind in ("floordiv", "mod") else str(atom)
            for atom in atoms
        ]
        if len(terms) == 1 and coefficient == 1 and len(names) == 1:
            names = [str(atoms[0])]
        if abs(coefficient) != 1 or not names:
            names.insert(0, str(abs(coefficient)))
        sign = ("-" if coefficient < 0 else "") if not parts else (" - " if coefficient < 0 else " + ")
        parts.append(sign + " * ".join(names))
    return "".join(parts)
