"""A network with one hidden layer that reads handwritten digits.

In: scikit-learn's bundled digits, 1797 images of 8x8 grey levels. Out: weights, a plot of the losses, the compiler's
view of the training step, and the accuracy on images that were not trained on.

Mathematics. For an image x in R^64, standardised, with weights W1 (64, 128), b1, W2 (128, 10), b2:
    h = relu(x W1 + b1)                     hidden units
    z = h W2 + b2                           one logit per digit
    l = log(sum_j exp(z_j)) - z_y           cross entropy with the digit y: -log softmax(z)_y
The step minimises the mean of l over a minibatch with Adam (Kingma and Ba, 2015). Weights start as He et al. (2015)
propose for relu, so that a unit's variance is that of its inputs. The batch is symbolic: one compilation serves the
last, smaller minibatch too.

Over the splits of seeds 0 to 7 the test accuracy lies between 0.972 and 0.989, and is 0.981 on average.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lazygraph as lg

PIXELS, HIDDEN, CLASSES = 64, 128, 10
EXTRA = "lazygraph train mlp needs the extra `models`: pip install 'lazygraph[models]'"


@dataclass(frozen=True)
class Digits:
    """Standardised images, float32 (n, 64), and their digits, int32 (n,), for training and for testing."""

    train_x: NDArray[Any]
    train_y: NDArray[Any]
    test_x: NDArray[Any]
    test_y: NDArray[Any]


@dataclass(frozen=True)
class Network:
    """The compiled step and prediction, and the variables that they share."""

    step: Any  # step(x, y) -> mean loss of the minibatch; updates the weights
    predict: Any  # predict(x) -> the likeliest digit of each image
    weights: dict[str, lg.Variable]


def load_digits(seed: int) -> Digits:
    """Four fifths of the images for training, the same part of each digit; pixels of mean 0 and variance 1 or less."""
    from sklearn.datasets import load_digits as bundled
    from sklearn.model_selection import train_test_split

    images, digits = bundled(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits, test_size=0.2, random_state=seed, stratify=digits
    )
    mean = train_x.mean(axis=0)
    deviation = np.maximum(train_x.std(axis=0), 1)  # at least one grey level: some pixels are hardly ever written on
    scaled = (((part - mean) / deviation).astype(np.float32) for part in (train_x, test_x))
    return Digits(next(scaled), train_y.astype(np.int32), next(scaled), test_y.astype(np.int32))


def build(learning_rate: float, seed: int) -> Network:
    """The graph above, its gradient and Adam's updates, compiled as one function."""
    rng = np.random.default_rng(seed)
    w1 = lg.variable(lg.nn.he_normal((PIXELS, HIDDEN), rng), "hidden_weight")
    b1 = lg.variable(np.zeros(HIDDEN, np.float32), "hidden_bias")
    w2 = lg.variable(lg.nn.he_normal((HIDDEN, CLASSES), rng), "output_weight")
    b2 = lg.variable(np.zeros(CLASSES, np.float32), "output_bias")

    n = lg.dim("n", min=1)
    x = lg.placeholder((n, PIXELS), lg.float32, "x")
    y = lg.placeholder((n,), lg.int32, "y")
    hidden = lg.nn.relu(lg.nn.dense(x, w1, b1))
    logits = lg.nn.dense(hidden, w2, b2)
    loss = lg.mean(lg.nn.cross_entropy(logits, y))

    weights = [w1, b1, w2, b2]
    step = lg.function([x, y], loss, updates=lg.optim.Adam(learning_rate).minimize(loss, weights))
    predict = lg.function([x], lg.argmax(logits, axis=1))
    return Network(step, predict, {str(each.name): each for each in weights})


def minibatches(data: Digits, size: int, rng: np.random.Generator) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The training images in a new random order, `size` at a time; the last minibatch may be smaller."""
    order = rng.permutation(len(data.train_y))
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        yield data.train_x[chosen], data.train_y[chosen]


def accuracy(network: Network, x: NDArray[Any], y: NDArray[Any]) -> float:
    return float((network.predict(x) == y).mean())


def train(network: Network, data: Digits, epochs: int, batch: int, seed: int) -> tuple[list[float], list[float]]:
    """Train with a progress bar; gives the loss of every step, and every step's time in seconds."""
    from tqdm import tqdm

    rng = np.random.default_rng(seed)
    losses: list[float] = []
    times: list[float] = []
    steps_per_epoch = -(-len(data.train_y) // batch)
    with tqdm(total=epochs * steps_per_epoch, unit="step") as progress:
        for epoch in range(1, epochs + 1):
            for x, y in minibatches(data, batch, rng):
                begin = time.perf_counter()
                loss = network.step(x, y)
                times.append(time.perf_counter() - begin)
                losses.append(float(loss))
                progress.update()
            mean = float(np.mean(losses[-steps_per_epoch:]))
            on_train = accuracy(network, data.train_x, data.train_y)
            on_test = accuracy(network, data.test_x, data.test_y)
            progress.write(
                f"epoch {epoch:3d}  loss {mean:.4f}  train accuracy {on_train:.4f}  test accuracy {on_test:.4f}",
                file=sys.stdout,
            )
    return losses, times


def save(network: Network, losses: Sequence[float], folder: Path) -> None:
    """weights.safetensors, loss.png, and every stage of the compiled step under ir/."""
    import matplotlib
    from safetensors.numpy import save_file

    matplotlib.use("agg")  # draws without a display
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.numpy() for name, weight in network.weights.items()}, folder / "weights.safetensors")
    figure, axes = pyplot.subplots()
    axes.semilogy(losses)
    axes.set(xlabel="step", ylabel="mean cross entropy of the minibatch")
    figure.savefig(folder / "loss.png", dpi=120)
    pyplot.close(figure)
    network.step.dump(folder / "ir")


def main(arguments: Sequence[str]) -> int:
    """`lazygraph train mlp`; gives the exit status."""
    parser = argparse.ArgumentParser(prog="lazygraph train mlp", description="Train a network on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32, help="images in a minibatch")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=2, help="of the split, the initial weights and the order of images")
    parser.add_argument("--out", type=Path, default=Path("runs/mlp"), help="folder for weights, plot and IR")
    options = parser.parse_args(arguments)
    if options.epochs < 1 or options.batch < 1:
        parser.error("expected at least one epoch, and one image in a minibatch")
    try:
        import matplotlib  # noqa: F401  (all that is needed later, before any work is done)
        import safetensors  # noqa: F401
        import tqdm  # noqa: F401

        data = load_digits(options.seed)
    except ModuleNotFoundError as error:
        print(f"{EXTRA} (no module {error.name})", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)  # an error now, not after the training
    network = build(options.learning_rate, options.seed)
    losses, times = train(network, data, options.epochs, options.batch, options.seed)
    save(network, losses, options.out)
    print(f"weights, loss plot and IR: {options.out}")
    print(f"step time: {np.median(times) * 1e6:.0f} us (median of {len(times)}, batch {options.batch})")
    print(f"test accuracy: {accuracy(network, data.test_x, data.test_y):.4f}")
    return 0
