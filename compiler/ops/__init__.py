"""The primitives: one record per op, a family to a file.

In: nothing. Out: the table OPS, complete once this package is imported; the printer, parser, verifier, docs and sweep
tests are derived from it.
"""

from lazygraph.compiler.ops import (  # noqa: F401  (each family enters its records)
    arithmetic,
    assertions,
    complex_parts,
    bits,
    convolution,
    cumulative,
    divisors,
    dot,
    custom_derivative,
    dynamic,
    effects,
    gamma,
    indexing,
    leaf,
    logic,
    random,
    reductions,
    printing,
    scatter,
    search,
    slices,
    sort,
    special,
    structural,
    transcendental,
    trigonometry,
    window_places,
    window_reductions,
)
