"""The primitives: one record per op, a family to a file.
In: nothing. Out: the table OPS, from which printer, parser, verifier, docs and sweep tests are derived."""
