"""Fourier transforms in the loop form: butterflies, stages, and the plan of a transform of known length."""
