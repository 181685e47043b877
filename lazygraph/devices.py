"""Where tensors live, in the words of the Array API: a graph is compiled for a device, so that a tensor is on it.

In: a device's name. Out: that it is one of ours. There is one, the CPU.
"""

from __future__ import annotations

DEVICES = ("cpu",)
DLPACK_CPU = (1, 0)  # kDLCPU, the first of them


def require_device(device: object) -> None:
    """ValueError unless the device, if one is named, is one of ours."""
    if device is not None and device not in DEVICES:
        raise ValueError(f"device: expected one of {', '.join(map(repr, DEVICES))}, found {device!r}")
