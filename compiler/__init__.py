"""The compiler, pure: a graph goes in, machine code comes out.
It needs no device and no user API, and of the runtime only its plain data, dtypes and artifact."""
