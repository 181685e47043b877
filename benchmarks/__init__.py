"""Our speed, held against torch, jax, numpy and the machine's own limits in interleaved rounds.
In: an environment with all of them. Out: docs/performance.md; `benchmarks/run.py` says how and what."""
