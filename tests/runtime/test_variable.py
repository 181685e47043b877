"""The state behind a variable: copies in, copies out, one at a time, also after a fork."""

import os
import threading

import numpy as np
import pytest

from lazygraph.runtime.artifact import ALIGNMENT
from lazygraph.runtime.variable import VariableState


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 5), (7, 9)])
def test_a_value_is_copied_in_and_out(shape: tuple[int, ...]) -> None:
    value = np.ones(shape, np.float32)
    state = VariableState(value)
    value[...] = 5
    assert value.size == 0 or state.address % ALIGNMENT == 0
    assert state.shape == shape and state.dtype == np.float32
    found = state.numpy()
    found[...] = 7
    assert np.array_equal(state.numpy(), np.ones(shape, np.float32))


def test_a_new_value_has_the_same_shape_and_a_dtype_that_casts() -> None:
    state = VariableState(np.zeros((2, 3), np.float32))
    state.assign([[1, 2, 3], [4, 5, 6]])
    assert state.numpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(ValueError, match=r"shape \(3, 2\).*shape \(2, 3\)"):
        state.assign(np.zeros((3, 2)))
    with pytest.raises(TypeError, match="complex128.*float32"):
        state.assign(np.zeros((2, 3), complex))


def test_readers_see_whole_values() -> None:
    state = VariableState(np.zeros(100_000))
    torn: list[np.ndarray] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            value = state.numpy()
            if value.min() != value.max():
                torn.append(value)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(200):
        state.assign(np.full(100_000, float(number)))
    stop.set()
    thread.join()
    assert torn == []


def test_a_forked_child_is_not_locked_out() -> None:
    state = VariableState(np.arange(3.0))
    with state.lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if state.numpy().tolist() == [0, 1, 2] else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0
