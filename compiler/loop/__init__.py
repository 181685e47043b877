"""The loop form: kernels over index spaces, with verifier, printer and parser.
In: a graph. Out: kernels, fused."""
