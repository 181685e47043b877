"""The algorithms of `eigh` and `svd` in the loop form: reflectors, implicit sweeps, rotations."""
