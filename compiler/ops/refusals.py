"""Why an op takes no operand of some dtype: one sentence per pair of kinds, which errors and the table of ops repeat.

In: the kinds of dtype ("bool", "int", "uint", "float", "complex") that an op takes, and one that it does not. Out: the
reason. An op whose reason is another says so in its own type rule.
"""

from __future__ import annotations

from collections.abc import Collection

INTEGERS = {"int", "uint"}


def reason(taken: Collection[str], refused: str) -> str:
    """What is missing to a dtype of the kind `refused` for an op over the kinds `taken`."""
    kinds = set(taken)
    if kinds == {"bool"}:
        return "it decides between truth values: compare with 0 first"
    if kinds == {"uint"}:
        return "it works on words of 32 bits"
    if kinds == {"complex"}:
        return "it takes complex numbers apart: a real one is its own real part"
    if refused in kinds:
        return "there is no format of this width for its results"
    if refused == "bool":
        return "bools are no numbers: cast them first"
    if refused == "complex":
        return "it needs real numbers" if "float" in kinds else "it works on bits"
    if refused == "float":
        return "it works on bits" if kinds <= INTEGERS | {"bool"} else "it needs complex numbers"
    if not kinds & INTEGERS:
        return "it is defined over floats: cast integers first"
    return "it needs numbers with a sign"
