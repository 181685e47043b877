"""Transforms of complex numbers along one axis or several."""

from __future__ import annotations

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.fft.operands import Axes, Length, Lengths, as_complex, as_length, as_lengths, as_norm, resized
from lazygraph.frames import composite
from lazygraph.promotion import as_axis
from lazygraph.tensor import Tensor, TensorLike


def _along(x: TensorLike, n: Length, axis: int, norm: str | None, inverse: bool) -> Tensor:
    value = as_complex(x)
    place = as_axis(axis, value.type.rank)
    whole = resized(value, place, as_length(n, value.shape[place]))
    return Tensor(emit("fft", whole, axis=place, inverse=inverse, norm=as_norm(norm)))


def over(value: Value, s: Lengths, axes: Axes, norm: str | None, inverse: bool) -> Value:
    """One axis after the other, the last one first."""
    for axis, length in reversed(as_lengths(value, s, axes)):
        value = emit("fft", resized(value, axis, length), axis=axis, inverse=inverse, norm=as_norm(norm))
    return value


@composite
def fft(x: TensorLike, n: Length = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The discrete Fourier transform along an axis, of its first n elements, or of all with zeros behind them.

    Raises ValueError for a length below 1 or an unknown `norm`, ShapeError for an axis that is not there.

    >>> import lazygraph as lg
    >>> lg.fft.fft([1.0, 0.0, 0.0, 0.0]).eval()
    array([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    >>> x = lg.placeholder((lg.dim("n"),), lg.complex64, "x")
    >>> lg.fft.fft(x).eval({x: [1, 1j, -1]}).dtype
    dtype('complex64')
    """
    return _along(x, n, axis, norm, False)


@composite
def ifft(x: TensorLike, n: Length = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The inverse of `fft`: y[j] = 1/n times the sum over k of x[k] e**(2 pi i j k / n).

    Raises as `fft`.

    >>> import lazygraph as lg
    >>> lg.fft.ifft([4.0, 0.0, 0.0, 0.0]).eval()
    array([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _along(x, n, axis, norm, True)


@composite
def fftn(x: TensorLike, s: Lengths = None, axes: Axes = None, norm: str | None = "backward") -> Tensor:
    """`fft` along each of the axes, all by default; `s` has a length for each of them, -1 for that of the axis.

    Raises as `fft`, and ValueError for more lengths than axes.

    >>> import lazygraph as lg
    >>> lg.fft.fftn([[1.0, 2.0], [3.0, 4.0]]).eval()
    array([[10.+0.j, -2.+0.j],
           [-4.+0.j,  0.+0.j]])
    """
    return Tensor(over(as_complex(x), s, axes, norm, False))


@composite
def ifftn(x: TensorLike, s: Lengths = None, axes: Axes = None, norm: str | None = "backward") -> Tensor:
    """The inverse of `fftn`.

    Raises as `fftn`.

    >>> import lazygraph as lg
    >>> lg.fft.ifftn(lg.fft.fftn([[1.0, 2.0], [3.0, 4.0]])).eval().real
    array([[1., 2.],
           [3., 4.]])
    """
    return Tensor(over(as_complex(x), s, axes, norm, True))


@composite
def fft2(x: TensorLike, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> Tensor:
    """`fftn` along two axes, the last ones by default.

    Raises as `fftn`.

    >>> import lazygraph as lg
    >>> lg.fft.fft2(lg.ones((3, 2, 2))).eval()[2]
    array([[4.+0.j, 0.+0.j],
           [0.+0.j, 0.+0.j]])
    """
    return Tensor(over(as_complex(x), s, axes, norm, False))


@composite
def ifft2(x: TensorLike, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> Tensor:
    """The inverse of `fft2`.

    Raises as `fftn`.

    >>> import lazygraph as lg
    >>> lg.fft.ifft2([[4.0, 0.0], [0.0, 0.0]]).eval()
    array([[1.+0.j, 1.+0.j],
           [1.+0.j, 1.+0.j]])
    """
    return Tensor(over(as_complex(x), s, axes, norm, True))
