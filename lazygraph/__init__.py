"""What a user imports: tensors, functions, gradients, networks, optimizers and the command line.
In: the user's Python. Out: graphs, handed to the compiler, and native functions that run them."""
