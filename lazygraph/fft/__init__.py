"""Discrete Fourier transforms: the `fft` extension of the Array API 2024.12, and what `numpy.fft` has besides.

In: tensors, arrays, numbers of any length, known or symbolic; integers and bools count as float64, half types as
float32. Out: complex tensors of the same precision, or real ones. With n points along an axis, `fft` is

    y[k] = x[0] + x[1] w**k + ... + x[n-1] w**((n-1) k),  w = e**(-2 pi i / n)

and `ifft` takes it back. `norm` says which of the two divides by n: the inverse ("backward"), the forward one
("forward"), or each by the square root ("ortho"). Everything is linear: derivatives of every order are transforms.
Lengths of 0 are refused where they are known, and give empty results where a dim turns out to be 0. float32 is computed
in float64 inside, as NumPy does: results are off by little more than their own rounding.
"""

from lazygraph.fft.complex_transforms import fft, fft2, fftn, ifft, ifft2, ifftn
from lazygraph.fft.frequencies import fftfreq, fftshift, ifftshift, rfftfreq
from lazygraph.fft.real_transforms import hfft, ihfft, irfft, irfft2, irfftn, rfft, rfft2, rfftn

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]
