"""Which dtypes an op takes, asked of its type rule: its own cases with one dtype put in the place of another.

In: a record and a dtype that its domain does not name. Out: the type rule's refusals; none where it takes the dtype.
"""

from typing import Any

import numpy as np

from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import TensorType
from lazygraph.compiler.ops.record import Op
from lazygraph.runtime.dtypes import DType, from_numpy


def exchanged(value: Any, old: DType, new: DType) -> Any:
    """An attribute with one dtype in another's place, arrays and dtypes alike."""
    if isinstance(value, np.ndarray):
        return np.zeros(value.shape, new.numpy) if from_numpy(value.dtype) == old else value
    return new if isinstance(value, DType) and value == old else value


def refusals(op: Op, dtype: DType) -> list[str]:
    """What the type rule says of this dtype, over one case for each dtype that it takes; [] where it takes this too."""
    found = []
    for known in op.domain.dtypes:
        for arrays, attributes in op.domain.cases(np.random.default_rng(0), known)[:3]:
            own = [from_numpy(each.dtype) for each in arrays]
            types = [TensorType(dtype if each == known else each, a.shape) for each, a in zip(own, arrays)]
            try:
                op.result_types(types, {name: exchanged(each, known, dtype) for name, each in attributes.items()}, ())
            except DTypeError as error:
                found.append(str(error))
            else:
                return []
    return found
