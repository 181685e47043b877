"""Ctrl-C in the middle of one long step: back soon, and no variable has changed."""

import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import lazygraph as lg

f32 = np.float32


def _sort(x: lg.Tensor) -> lg.Tensor:
    return lg.sort(x)


def _products(x: lg.Tensor) -> lg.Tensor:
    square = lg.reshape(x[: 3000 * 3000], (3000, 3000))
    for _ in range(40):
        square = square @ square
    return square


@pytest.mark.alone
@pytest.mark.parametrize("work", (_sort, _products))
def test_ctrl_c_in_a_long_kernel(work: Callable[[lg.Tensor], lg.Tensor]) -> None:
    x = lg.placeholder((lg.dim("n", min=3000 * 3000),), lg.float32, "x")
    steps = lg.variable(0, "steps", lg.int64)
    function = lg.function([x], lg.sum(work(x)), updates={steps: steps + 1})
    values = np.random.default_rng(0).random(3 * 10**7, f32)
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.4, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        function(values)
    late = time.perf_counter() - pressed[0]
    timer.join()
    assert late < 0.2  # 0.003 on an idle machine
    assert steps.numpy() == 0
