"""Calls of functions under NumPy's names: what the front and NumPy make of the same arguments.

In: a name, arguments and keywords, arrays among them. Out: whether both agree, in values, shapes and dtypes, as
constants and as placeholders, for one result or several.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


def call(name: str, *args: Any, **keywords: Any) -> Call:
    return name, args, keywords


def identifier(each: Call) -> str:
    name, args, keywords = each
    """Without the address of a function: every process of a run must name the tests alike."""
    said = [getattr(a, "__name__", str(a)) for a in args if not isinstance(a, np.ndarray | list)]
    said += [f"{k}={getattr(v, '__name__', v)}" for k, v in keywords.items()]
    return f"{name}-{','.join(said)}"[:60].replace("\n", " ")


def agree(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Nested results of one structure: equal but for rounding, of the same shapes and dtypes."""
    if isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            agree(one, other, rtol)
        return
    array = found if isinstance(found, np.ndarray | np.generic | int | bool) else evaluate(found)
    assert np.shape(array) == np.shape(expected)
    assert np.asarray(array).dtype == np.asarray(expected).dtype
    rtol = max(rtol, 1e-5 if np.asarray(expected).dtype == np.float32 else 0)
    np.testing.assert_allclose(array, expected, rtol=rtol, atol=rtol)


def as_numpy(name: str, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return getattr(np, name)(*args, **keywords)


def check_call(each: Call) -> None:
    name, args, keywords = each
    agree(getattr(lg, name)(*args, **keywords), as_numpy(name, args, keywords))


def compiled(calls: Sequence[Call], leaf: Callable[[Any], bool]) -> None:
    """Every call in one compiled function, its arrays as placeholders: what the machine code makes of them."""
    inputs, arrays, outputs, expected = [], [], [], []
    for name, args, keywords in calls:
        given = []
        for arg in args:
            if leaf(arg):
                inputs.append(lg.placeholder(arg.shape, arg.dtype))
                arrays.append(arg)
                given.append(inputs[-1])
            else:
                given.append(arg)
        found, wanted = getattr(lg, name)(*given, **keywords), as_numpy(name, args, keywords)
        outputs += list(found) if isinstance(found, list | tuple) else [found]
        expected += list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    for one, other in zip(lg.function(inputs, outputs)(*arrays), expected):
        bound = 1e-5 if one.dtype == np.float32 else 1e-10
        np.testing.assert_allclose(one, other, rtol=bound, atol=bound)
        assert one.dtype == np.asarray(other).dtype
