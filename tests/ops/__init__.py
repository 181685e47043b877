"""Tests of the op records: every rule of every op against its reference, and the references against plain statements.
In: the table of records. Out: the op, the rule and the case where two of them disagree."""
