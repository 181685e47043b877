"""Optimizers as graph builders, spelled as in torch.optim.
In: a loss and its variables. Out: the updates of a function, one new value for each variable."""
