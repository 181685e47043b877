"""The documented models, one file each: its mathematics, its graph, its training command.
In: a data set. Out: a trained model, its accuracy and its artefacts."""
