"""The graph form: immutable typed nodes, their dims and types, with verifier, printer, parser, hash and interpreter.
In: applications of ops, or text. Out: a graph, its text, or its values."""
