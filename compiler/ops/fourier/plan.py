"""The plan of a transform of known length: its radices in their order, and the roots of unity that its stages read.

In: a length. Out: the radices, and a table of roots as bits. Entry j m + k of the table, 0 < j < r and 0 <= k < m, is
e**(-2 pi i j k / (r m)): what the stage of radix r behind stages of product m multiplies point j of group k by. The
parts of all stages lie one behind the other in n roots; entry 0 is 1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

PRIMES = (17, 13, 11, 7, 5, 3)  # greater prime factors cost more than a convolution
_LAST = 16  # the last stage reads with a stride; behind radix 16 all before it run whole vectors
_LONG = 1 << 14  # from here on that is worth more points in the last stage
_PI = 4 * np.arctan(np.longdouble(1))


@lru_cache(maxsize=1024)
def radices(length: int) -> tuple[int, ...] | None:
    """The radices of the stages, first to last; None where a prime factor is too large."""
    rest, found = length, []
    for prime in PRIMES:
        while rest % prime == 0:
            rest //= prime
            found.append(prime)
    if rest & rest - 1:
        return None
    twos = rest.bit_length() - 1
    last = [_LAST] if twos >= 4 and (length >= _LONG or twos == 4) else []
    eights, left = divmod(twos - 4 * len(last), 3)
    few = [4, 4] if left == 1 and eights else [1 << left] if left else []
    return tuple(found + few + [8] * (eights - (len(few) == 2)) + last)


def smooth_above(least: int) -> int:
    """The smallest number from `least` on that is a power of two times 1, 3, 5, 9 or 15."""
    return min(factor << max(0, (-(-least // factor) - 1).bit_length()) for factor in (1, 3, 5, 9, 15))


def roots(order: int, powers: np.ndarray) -> np.ndarray:
    """e**(-2 pi i k / order) for integers k, both parts rounded from extended precision.

    The angle is brought to an eighth of a turn in integers: it is pi/4 (octant + place / order).
    """
    octant, place = np.divmod(8 * (powers % order), order)
    angle = _PI / 4 * np.where(octant % 2 == 1, order - place, place) / order
    sine, cosine = np.sin(angle), np.cos(angle)
    swap = (octant % 4 == 1) | (octant % 4 == 2)
    real = np.where(swap, sine, cosine) * np.where((octant >= 2) & (octant < 6), -1, 1)
    imaginary = np.where(swap, cosine, sine) * np.where(octant < 4, -1, 1)
    return np.asarray(real.astype(np.float64) + 1j * imaginary.astype(np.float64))


@lru_cache(maxsize=64)
def table(stages: tuple[int, ...]) -> np.ndarray:
    """The roots of the stages, real parts then imaginary ones, as the bits of float64 numbers."""
    found, before = [np.ones(1, np.complex128)], 1
    for radix in stages:
        points, groups = np.arange(1, radix)[:, None], np.arange(before)[None, :]
        found.append(roots(radix * before, points * groups).ravel())
        before *= radix
    return as_bits(np.concatenate(found))


def as_bits(numbers: np.ndarray) -> np.ndarray:
    """Real parts, then imaginary ones, as the bits of float64 numbers: tables have no derivatives."""
    bits = np.stack([numbers.real, numbers.imag]).view(np.uint64)
    bits.flags.writeable = False
    return bits
