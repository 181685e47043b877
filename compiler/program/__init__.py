"""The program form: the order of kernel launches over one planned arena.
In: kernels. Out: a program with its memory plan and its commit point."""
