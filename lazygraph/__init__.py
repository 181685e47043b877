"""A graph compiler: define a graph, differentiate it, run it as machine code.

`import lazygraph as lg` costs nothing; the first name that is used loads the front (NumPy, the op records), the first
function that is compiled loads LLVM. What is exported is what each module of `_MODULES` lists in its `__all__`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lazygraph import fft as fft
    from lazygraph import linalg as linalg
    from lazygraph import nn as nn
    from lazygraph import optim as optim
    from lazygraph import random as random
    from lazygraph import sparse as sparse
    from lazygraph import special as special
    from lazygraph.autodiff import *
    from lazygraph.batching import *
    from lazygraph.bits import *
    from lazygraph.branching import *
    from lazygraph.calculus import *
    from lazygraph.checkpointing import *
    from lazygraph.checks import *
    from lazygraph.choosing import *
    from lazygraph.comparing import *
    from lazygraph.compiled import *
    from lazygraph.compiler.ir.errors import CheckFailed as CheckFailed
    from lazygraph.compiler.ir.errors import DTypeError as DTypeError
    from lazygraph.compiler.ir.errors import ShapeError as ShapeError
    from lazygraph.complex_numbers import *
    from lazygraph.contraction import *
    from lazygraph.creation import *
    from lazygraph.cumulative import *
    from lazygraph.data_types import *
    from lazygraph.derivative_rules import *
    from lazygraph.division import *
    from lazygraph.einstein import *
    from lazygraph.elementary import *
    from lazygraph.elementwise import *
    from lazygraph.floating import *
    from lazygraph.grids import *
    from lazygraph.indexing import *
    from lazygraph.joining import *
    from lazygraph.logic import *
    from lazygraph.manipulation import *
    from lazygraph.mapping import *
    from lazygraph.matrices import *
    from lazygraph.nan_reductions import *
    from lazygraph.ordering import *
    from lazygraph.padding import *
    from lazygraph.polynomials import *
    from lazygraph.printing import *
    from lazygraph.products import *
    from lazygraph.promotion import *
    from lazygraph.quantiles import *
    from lazygraph.reductions import *
    from lazygraph.rounding import *
    from lazygraph.running import *
    from lazygraph.runtime.dtypes import DType as DType
    from lazygraph.runtime.dtypes import bfloat16 as bfloat16
    from lazygraph.runtime.dtypes import bool_ as bool
    from lazygraph.runtime.dtypes import bool_ as bool_
    from lazygraph.runtime.dtypes import complex64 as complex64
    from lazygraph.runtime.dtypes import complex128 as complex128
    from lazygraph.runtime.dtypes import float16 as float16
    from lazygraph.runtime.dtypes import float32 as float32
    from lazygraph.runtime.dtypes import float64 as float64
    from lazygraph.runtime.dtypes import int8 as int8
    from lazygraph.runtime.dtypes import int16 as int16
    from lazygraph.runtime.dtypes import int32 as int32
    from lazygraph.runtime.dtypes import int64 as int64
    from lazygraph.runtime.dtypes import uint8 as uint8
    from lazygraph.runtime.dtypes import uint16 as uint16
    from lazygraph.runtime.dtypes import uint32 as uint32
    from lazygraph.runtime.dtypes import uint64 as uint64
    from lazygraph.scanning import *
    from lazygraph.sequences import *
    from lazygraph.sets import *
    from lazygraph.sliding import *
    from lazygraph.sorting import *
    from lazygraph.state import *
    from lazygraph.statistics import *
    from lazygraph.tensor import *
    from lazygraph.updates import *
    from lazygraph.while_loops import *
    from lazygraph.writing import *

__version__ = "0.1.0"
__array_api_version__ = "2024.12"

_MODULES = (
    "tensor",
    "promotion",
    "data_types",
    "creation",
    "state",
    "elementwise",
    "division",
    "rounding",
    "elementary",
    "complex_numbers",
    "logic",
    "floating",
    "bits",
    "manipulation",
    "joining",
    "padding",
    "matrices",
    "choosing",
    "sets",
    "writing",
    "reductions",
    "cumulative",
    "running",
    "sliding",
    "indexing",
    "contraction",
    "einstein",
    "products",
    "updates",
    "sorting",
    "quantiles",
    "nan_reductions",
    "statistics",
    "comparing",
    "calculus",
    "polynomials",
    "sequences",
    "ordering",
    "grids",
    "autodiff",
    "batching",
    "checks",
    "checkpointing",
    "derivative_rules",
    "scanning",
    "while_loops",
    "branching",
    "printing",
    "mapping",
    "compiled",
)
_NAMESPACES = ("fft", "linalg", "nn", "optim", "random", "sparse", "special")
_ERRORS = ("CheckFailed", "DTypeError", "ShapeError")
pi, e, inf, nan = 3.141592653589793, 2.718281828459045, float("inf"), float("nan")
euler_gamma = 0.5772156649015329
newaxis = None


def __array_namespace_info__() -> Any:
    """The inspection functions of the Array API: capabilities, devices, dtypes (`lazygraph.inspection.Info`)."""
    return importlib.import_module("lazygraph.inspection").Info()


def _exports() -> dict[str, Any]:
    """Every exported name with what it stands for."""
    dtypes = importlib.import_module("lazygraph.runtime.dtypes")
    errors = importlib.import_module("lazygraph.compiler.ir.errors")
    found = {dtype.name: dtype for dtype in dtypes.ALL} | {"bool_": dtypes.bool_, "DType": dtypes.DType}
    found |= {name: getattr(errors, name) for name in _ERRORS}
    found |= importlib.import_module("lazygraph.primitives").exported()
    for module in (importlib.import_module(f"lazygraph.{name}") for name in _MODULES):
        found |= {name: getattr(module, name) for name in module.__all__}
    return found | {name: importlib.import_module(f"lazygraph.{name}") for name in _NAMESPACES}


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and "Tensor" not in globals():
        globals().update(_exports())
        if name in globals():
            return globals()[name]
    raise AttributeError(f"module 'lazygraph' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_exports()})
