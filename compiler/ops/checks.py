"""What a failed run-time check says.

In: the kind of a check, its two numbers, the attributes of its node. Out: the sentence that the user reads; compiled
code reports the kind and the numbers only, so the same object bytes serve every user's line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# kind -> sentence; {0}, {1} are the values of the check, names are attributes of the node that made it
MESSAGES: dict[str, str] = {
    "check": "{message}",
    "singular": "the matrix is singular: its factor has a 0 at place {0} of the diagonal",
    "not_positive": "the matrix is not positive definite: its leading minor of order {0} is not positive",
    "converge": "the iteration did not converge: {0} of {1} values were found, as if an element were NaN or infinite",
    "outside": "LAPACK did not take the matrix: it reported {0}, as if an extent did not fit in 32 bits",
    "index": "index {0} is out of bounds for an axis of extent {1}",
    "offsets": "the offsets {0} and {1} of a sparse row do not rise within 0 .. the number of entries",
    "offset_ends": "the offsets of sparse rows begin with {0} and end with {1}: expected 0 and the number of entries",
}


def sentence(kind: str, values: Sequence[int], **attributes: Any) -> str:
    """The text of a failed check of this kind."""
    return MESSAGES[kind].format(*values, **attributes)
