"""Networks: layers, activations and losses, each a function from tensors to tensors.
In: tensors. Out: tensors built from primitives; nothing here knows how they are compiled."""
