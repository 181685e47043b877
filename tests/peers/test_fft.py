"""Fourier transforms and their derivatives against torch's: of real numbers, through complex ones and back."""

import numpy as np
import torch

import lazygraph as lg
from tests.peers.compare import Case, assert_agree

RNG = np.random.default_rng(0)
ROWS, BLOCKS = RNG.normal(size=(3, 10)), RNG.normal(size=(3, 6, 7))


def test_real_transforms() -> None:
    """Known lengths, even, odd and prime, cut and padded; each result's modulus, so that phases count."""
    lengths = ((None, "backward"), (7, "ortho"), (17, "forward"))
    assert_agree(
        [
            *[
                Case(
                    f"|rfft| {n} {norm}",
                    lambda x, n=n, norm=norm: lg.abs(lg.fft.rfft(x, n, norm=norm)) ** 3,
                    lambda x, n=n, norm=norm: torch.fft.rfft(x, n, norm=norm).abs() ** 3,
                    (ROWS,),
                )
                for n, norm in lengths
            ],
            *[
                Case(
                    f"irfft {n} {norm}",
                    lambda x, n=n, norm=norm: lg.fft.irfft(lg.fft.rfft(x) ** 2, n, norm=norm) ** 2,
                    lambda x, n=n, norm=norm: torch.fft.irfft(torch.fft.rfft(x) ** 2, n, norm=norm) ** 2,
                    (ROWS,),
                )
                for n, norm in lengths
            ],
            Case(
                "hfft of ihfft",
                lambda x: lg.fft.hfft(lg.fft.ihfft(x) ** 2, 9) ** 2,
                lambda x: torch.fft.hfft(torch.fft.ihfft(x) ** 2, 9) ** 2,
                (ROWS,),
            ),
        ]
    )


def test_complex_transforms_along_several_axes() -> None:
    assert_agree(
        [
            Case(
                "fft2",
                lambda x: lg.real(lg.fft.ifft2(lg.fft.fft2(x) ** 2)),
                lambda x: torch.fft.ifft2(torch.fft.fft2(x) ** 2).real,
                (BLOCKS,),
            ),
            Case(
                "fft along columns",
                lambda x: lg.imag(lg.fft.fft(x, 9, axis=1, norm="ortho")) ** 2,
                lambda x: torch.fft.fft(x, 9, dim=1, norm="ortho").imag ** 2,
                (BLOCKS,),
            ),
            Case(
                "rfftn and irfftn",
                lambda x: lg.fft.irfftn(lg.fft.rfftn(x, axes=(1, 2)) ** 2, (6, 7), axes=(1, 2)) ** 2,
                lambda x: torch.fft.irfftn(torch.fft.rfftn(x, dim=(1, 2)) ** 2, (6, 7), dim=(1, 2)) ** 2,
                (BLOCKS,),
            ),
        ]
    )
