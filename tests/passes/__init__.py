"""The passes over graphs: every rule, the sweep that applies them, and what looks on.
In: the smallest graph that a rule matches. Out: its proof on hostile inputs."""
