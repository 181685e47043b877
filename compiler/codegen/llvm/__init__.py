"""The CPU backend: vector LLVM IR for programs, and the object code made from it.
In: a program and a target. Out: position-independent object bytes."""
