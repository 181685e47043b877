"""What the Array API's inspection functions answer: capabilities, devices and dtypes of this package.

In: nothing, a device, a kind of dtype. Out: plain data. `lg.__array_namespace_info__()` makes one `Info`.
"""

from __future__ import annotations

from lazygraph.data_types import KINDS, isdtype
from lazygraph.devices import DEVICES, require_device
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType

_OUR_OWN = ("float16", "bfloat16")  # dtypes that the standard does not name


class Info:
    """The inspection functions of the Array API 2024.12."""

    def capabilities(self) -> dict[str, bool | int | None]:
        """Shapes that depend on elements need elements that are known when the graph is built, hence False."""
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": None}

    def default_device(self) -> str:
        """The device that functions are compiled for unless told otherwise."""
        return DEVICES[0]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        """The dtypes of arrays that are made without naming one: NumPy's.

        >>> import lazygraph as lg
        >>> lg.__array_namespace_info__().default_dtypes()["integral"]
        int64
        """
        require_device(device)
        named = {"real floating": "float64", "complex floating": "complex128", "integral": "int64", "indexing": "int64"}
        return {kind: dtypes.BY_NAME[name] for kind, name in named.items() if name in dtypes.BY_NAME}

    def dtypes(self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None) -> dict[str, DType]:
        """The standard's dtypes that we have, of a kind or of several: "bool", "integral", "real floating", ...

        >>> import lazygraph as lg
        >>> list(lg.__array_namespace_info__().dtypes(kind="real floating"))
        ['float32', 'float64']
        """
        require_device(device)
        wanted = tuple(KINDS) if kind is None else kind
        return {each.name: each for each in dtypes.ALL if each.name not in _OUR_OWN and isdtype(each, wanted)}

    def devices(self) -> list[str]:
        """The devices that functions can be compiled for."""
        return list(DEVICES)
