"""The graph form: immutable typed nodes, their dims and types, with capture, verifier, printer and parser.
In: handles, or text. Out: a graph, or text."""
