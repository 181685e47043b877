"""Outside routines that compiled code may call, where the user asked for them: LAPACK's, out of SciPy.

In: the name of a routine. Out: its address, as SciPy exports it to Cython: C's calling convention, every argument an
address, numbers of 32 bits. SciPy is imported here alone, and only for a function that names a routine.
"""

from __future__ import annotations

import ctypes
import importlib
from functools import cache
from typing import Any

_LIBRARY = "scipy.linalg.cython_lapack"


class MissingRoutine(ImportError):
    """An outside routine that compiled code calls is not to be found, or takes other arguments."""


def routines() -> dict[str, Any]:
    """All that there are, as capsules by their names. MissingRoutine where SciPy is not installed."""
    try:
        found: dict[str, Any] = importlib.import_module(_LIBRARY).__pyx_capi__
    except ImportError as error:
        raise MissingRoutine(
            f"LAPACK's routines come from SciPy, which cannot be imported ({error}): "
            "install lazygraph[linalg], or use lg.linalg.use('loops')"
        ) from None
    return found


@cache
def address_of(name: str) -> int:
    """Where a routine's code is. MissingRoutine where SciPy has none of this name, or one with numbers of 64 bits."""
    capsule = routines().get(name)
    if capsule is None:
        raise MissingRoutine(f"{_LIBRARY} has no routine {name}")
    naming = ctypes.pythonapi.PyCapsule_GetName
    naming.restype, naming.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointing = ctypes.pythonapi.PyCapsule_GetPointer
    pointing.restype, pointing.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    signature: bytes = naming(capsule)
    if b"int *" not in signature:
        raise MissingRoutine(f"{_LIBRARY} has a routine {name} of another kind: {signature.decode()}")
    address: int = pointing(capsule, signature)
    return address
