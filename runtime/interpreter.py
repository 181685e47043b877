"""The Python and NumPy at hand, as native code sees them.

In: addresses of adapter functions. Out: the table of C functions that they call (API_*), Python callables bound to a
call record, and a probe that the layouts which the adapter assumes are the ones of this interpreter. The probe failing
is an error: nothing is read from objects whose layout is not known.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lazygraph.runtime import artifact as layout
from lazygraph.runtime.memory import address

HEADER_BYTES = object.__basicsize__  # reference count and type, more in builds without a global lock

_METH_FASTCALL = 0x0080
# NumPy's C interface: positions in the table that its capsule holds (numpy/__multiarray_api.h; fixed by its stable
# ABI).
_NUMPY_ARRAY_TYPE, _NUMPY_NEW_FROM_DESCR, _NUMPY_SET_BASE = 2, 94, 282

_PYTHON = {
    layout.API_SAVE_THREAD: "PyEval_SaveThread",
    layout.API_RESTORE_THREAD: "PyEval_RestoreThread",
    layout.API_LONG_FROM_LONG: "PyLong_FromLong",
    layout.API_TUPLE_NEW: "PyTuple_New",
    layout.API_TUPLE_SET_ITEM: "PyTuple_SetItem",
    layout.API_INCREMENT: "Py_IncRef",
    layout.API_DECREMENT: "Py_DecRef",
    layout.API_CALL: "PyObject_CallNoArgs",
    layout.API_ERROR_FETCH: "PyErr_Fetch",
    layout.API_ERROR_RESTORE: "PyErr_Restore",
}


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = [("name", ctypes.c_char_p), ("code", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


_new_function = ctypes.pythonapi.PyCFunction_NewEx
_new_function.argtypes = [ctypes.POINTER(_Method), ctypes.py_object, ctypes.py_object]
_new_function.restype = ctypes.py_object
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule_pointer.restype = ctypes.c_void_p


class InterpreterError(RuntimeError):
    """This interpreter or NumPy lays its objects out in a way that compiled calls do not know."""


@dataclass(frozen=True, eq=False)
class Method:
    """A native function as Python's method table describes it; it must outlive what is bound from it."""

    definition: _Method

    def bind(self, record: NDArray[np.int64], keep: Any) -> Callable[..., Any]:
        """A builtin that finds the record as its `self` and keeps `keep` alive (as its module)."""
        bound: Callable[..., Any] = _new_function(ctypes.byref(self.definition), record, keep)
        return bound


def method(name: str, code: int) -> Method:
    return Method(_Method(name.encode(), code, _METH_FASTCALL, None))


@cache
def api_table() -> NDArray[np.int64]:
    """The addresses that adapter code calls."""
    table = np.zeros(layout.API_WORDS, np.int64)
    for word, name in _PYTHON.items():
        table[word] = _address_of(getattr(ctypes.pythonapi, name))
    module = getattr(np, "_core", None) or np.core
    numpy_table = _capsule_pointer(module._multiarray_umath._ARRAY_API, None)
    pointers = ctypes.cast(numpy_table, ctypes.POINTER(ctypes.c_void_p))
    table[layout.API_NEW_ARRAY] = pointers[_NUMPY_NEW_FROM_DESCR]
    table[layout.API_SET_BASE] = pointers[_NUMPY_SET_BASE]
    table[layout.API_ARRAY_TYPE] = pointers[_NUMPY_ARRAY_TYPE]
    table[layout.API_NONE] = id(None)
    return table


def _address_of(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def probe() -> None:
    """InterpreterError unless array objects, references and NumPy's functions are what the adapter takes them for."""
    array = np.zeros((3, 5), np.float32)
    head, extents = id(array), array.ctypes.shape
    at = head + HEADER_BYTES
    expected = {
        "type": (ctypes.c_int64.from_address(at - 8).value, id(np.ndarray)),
        "data": (ctypes.c_int64.from_address(at).value, address(array)),
        "rank": (ctypes.c_int32.from_address(at + 8).value, 2),
        "extents": ((ctypes.c_int64 * 2).from_address(ctypes.c_int64.from_address(at + 16).value)[:], list(extents)),
        "dtype": (ctypes.c_int64.from_address(at + 40).value, id(array.dtype)),
        "flags": (ctypes.c_int32.from_address(at + 48).value, array.flags.num),
        "array type": (int(api_table()[layout.API_ARRAY_TYPE]), id(np.ndarray)),
        "one reference": (ctypes.c_int32.from_address(head).value, sys.getrefcount(array) - 1),
        "new array": (_new_array(array).shape, (2, 7)),
    }
    wrong = [f"{what} (expected {right}, found {found})" for what, (found, right) in expected.items() if found != right]
    if wrong:
        raise InterpreterError(
            f"Python {sys.version.split()[0]} with NumPy {np.__version__} is not laid out as known: {'; '.join(wrong)}"
        )


def _new_array(like: NDArray[Any]) -> NDArray[Any]:
    """A (2, 7) array through the functions of the table, over a buffer that it keeps alive."""
    new = ctypes.PYFUNCTYPE(
        ctypes.py_object,
        ctypes.c_void_p,
        ctypes.py_object,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_void_p,
    )(int(api_table()[layout.API_NEW_ARRAY]))
    increment = ctypes.pythonapi.Py_IncRef
    increment.argtypes = [ctypes.py_object]
    base = np.zeros(64, np.uint8)
    extents = (ctypes.c_int64 * 2)(2, 7)
    dtype = np.dtype(np.float32)
    increment(dtype)
    array: NDArray[Any] = new(id(np.ndarray), dtype, 2, extents, None, address(base), 0x501, None)
    set_base = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.py_object)(
        int(api_table()[layout.API_SET_BASE])
    )
    increment(base)
    set_base(array, base)
    if array.base is not base or array.dtype is not like.dtype:
        return np.empty(0)
    return array.copy()
