"""The convolutional network: a step for every batch, and a loss that falls on real digits."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.models import lenet


def test_one_step_serves_every_batch_and_learns_what_it_sees() -> None:
    model = lenet.LeNet(rng=0)
    step = lenet.training_step(model, lg.optim.SGD(0.05, momentum=0.9))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 1, 28, 28)).astype(np.float32), np.arange(6, dtype=np.int32)
    losses = [float(step(x[:size], y[:size])) for size in (6, 5) * 16]
    assert losses[-2] < losses[0] / 3
    assert step.compilations == 1
    assert sum(each.state.numpy().size for each in model.parameters()) == 857_738


def test_a_few_steps_on_real_digits_read_most_of_the_others(data_folder: Path) -> None:
    files = [data_folder / "t10k-images-idx3-ubyte.gz", data_folder / "t10k-labels-idx1-ubyte.gz"]
    if not all(file.exists() for file in files):
        pytest.skip("MNIST's test images are not in LAZYGRAPH_DATA")
    pixels, digits = (np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8) for file in files)
    images = (pixels[16:].reshape(-1, 1, 28, 28) / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)
    labels = digits[8:].astype(np.int32)
    model = lenet.LeNet(rng=0)
    step = lenet.training_step(model, lg.optim.Adam(2e-3))
    rng = np.random.default_rng(0)
    for _ in range(30):
        chosen = rng.integers(0, 5000, 24)
        step(images[chosen], labels[chosen])
    x = lg.placeholder((lg.dim("n"), 1, 28, 28), lg.float32, "x")
    read = lg.function([x], lg.argmax(model(x), axis=1))(images[5000:5300])
    assert (read == labels[5000:5300]).mean() > 0.7
