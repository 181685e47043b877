"""Eigenvalues and singular values give torch's values, gradients and second derivatives in float64.

In: random matrices in batches, whose values are apart. Out: the function and what differs. Vectors are compared through
what does not depend on their signs, which are ours alone: squares, products of a pair, functions of the matrix.
"""

import numpy as np
import torch

import lazygraph as lg
from tests.peers.compare import Case, assert_agree

ours, theirs = lg.linalg, torch.linalg


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape)


A, TALL, WIDE = drawn(2, 4, 4), drawn(2, 5, 3), drawn(2, 3, 5)


def our_symmetric(x: lg.Tensor) -> lg.Tensor:
    return x + lg.matrix_transpose(x)


def their_symmetric(x: torch.Tensor) -> torch.Tensor:
    return x + x.mT


def our_positive(x: lg.Tensor) -> lg.Tensor:
    return x @ lg.matrix_transpose(x) + lg.eye(4)


def their_root(x: torch.Tensor) -> torch.Tensor:
    w, v = theirs.eigh(x @ x.mT + torch.eye(4, dtype=x.dtype))
    return v * w.sqrt()[..., None, :] @ v.mT


def our_sine(x: lg.Tensor) -> lg.Tensor:
    w, v = ours.eigh(our_symmetric(x))
    return v * lg.expand_dims(lg.sin(w), -2) @ lg.matrix_transpose(v)


def their_sine(x: torch.Tensor) -> torch.Tensor:
    w, v = theirs.eigh(their_symmetric(x))
    return v * torch.sin(w)[..., None, :] @ v.mT


def our_pairs(x: lg.Tensor, full: bool = False) -> lg.Tensor:
    """u_i vh_i^T weighted by i."""
    u, s, vh = ours.svd(x, full_matrices=full)
    k = s.shape[-1]
    return u[..., :k] * np.arange(1.0, k + 1) @ vh[..., :k, :]


def their_pairs(x: torch.Tensor) -> torch.Tensor:
    u, s, vh = theirs.svd(x, full_matrices=False)
    return u * torch.arange(1.0, s.shape[-1] + 1, dtype=x.dtype) @ vh


def their_squares(x: torch.Tensor) -> torch.Tensor:
    return theirs.svd(x, full_matrices=False)[0][..., :3] ** 2


def our_complex(x: lg.Tensor) -> lg.Tensor:
    return x[..., 0] + 1j * x[..., 1]


def their_complex(x: torch.Tensor) -> torch.Tensor:
    return torch.complex(x[..., 0], x[..., 1])


def our_parts(z: lg.Tensor) -> lg.Tensor:
    return lg.stack([lg.real(z), lg.imag(z)])


def their_parts(z: torch.Tensor) -> torch.Tensor:
    return torch.stack([z.real, z.imag])


def our_complex_sine(x: lg.Tensor) -> lg.Tensor:
    z = our_complex(x)
    w, v = ours.eigh(z + lg.conj(z).mT)
    return our_parts(v * lg.expand_dims(lg.sin(w), -2) @ lg.conj(v).mT)


def their_complex_sine(x: torch.Tensor) -> torch.Tensor:
    z = their_complex(x)
    w, v = theirs.eigh(z + z.mH)
    return their_parts(v * torch.sin(w)[..., None, :] @ v.mH)


def their_complex_pairs(x: torch.Tensor) -> torch.Tensor:
    u, s, vh = theirs.svd(their_complex(x), full_matrices=False)
    return their_parts(u * torch.arange(1.0, s.shape[-1] + 1, dtype=x.dtype) @ vh)


def their_complex_inverse(x: torch.Tensor) -> torch.Tensor:
    return their_parts(theirs.pinv(their_complex(x)))


def their_complex_root(x: torch.Tensor) -> torch.Tensor:
    z = their_complex(x)
    w, v = theirs.eigh(z @ z.mH + torch.eye(z.shape[-2], dtype=z.dtype))
    return their_parts(v * w.sqrt()[..., None, :] @ v.mH)


def our_complex_root(x: lg.Tensor) -> lg.Tensor:
    z = our_complex(x)
    return our_parts(ours.sqrtm(z @ lg.conj(z).mT + lg.eye(z.shape[-2])))


SQUARE_PARTS = drawn(2, 4, 4, 2)
COMPLEX_CASES = [
    Case("complex eigvalsh", lambda x: ours.eigvalsh(our_complex(x) + lg.conj(our_complex(x)).mT),
         lambda x: theirs.eigvalsh(their_complex(x) + their_complex(x).mH), (SQUARE_PARTS,)),
    Case("a function of a Hermitian matrix", our_complex_sine, their_complex_sine, (SQUARE_PARTS,)),
    Case("complex sqrtm", our_complex_root, their_complex_root, (SQUARE_PARTS,)),
    *[
        Case(f"complex {name} {x.shape}", mine, other, (x,))
        for x in (SQUARE_PARTS, drawn(2, 5, 3, 2), drawn(2, 3, 5, 2))
        for name, mine, other in [
            ("pairs", lambda x: our_parts(our_pairs(our_complex(x))), their_complex_pairs),
            ("full pairs", lambda x: our_parts(our_pairs(our_complex(x), True)), their_complex_pairs),
            ("pinv", lambda x: our_parts(ours.pinv(our_complex(x))), their_complex_inverse),
            ("svdvals", lambda x: ours.svdvals(our_complex(x)), lambda x: theirs.svdvals(their_complex(x))),
        ]
    ],
    Case("complex cond", lambda x: ours.cond(our_complex(x)), lambda x: theirs.cond(their_complex(x)), (SQUARE_PARTS,)),
]  # fmt: skip


CASES = [
    Case("eigvalsh", lambda x: ours.eigvalsh(our_symmetric(x)), lambda x: theirs.eigvalsh(their_symmetric(x)), (A,)),
    Case("eigh, values", lambda x: ours.eigh(our_symmetric(x))[0], lambda x: theirs.eigh(their_symmetric(x))[0], (A,)),
    Case(
        "eigh, squares",
        lambda x: ours.eigh(our_symmetric(x))[1] ** 2,
        lambda x: theirs.eigh(their_symmetric(x))[1] ** 2,
        (A,),
    ),
    Case("a function of the matrix", our_sine, their_sine, (A,)),
    Case("sqrtm", lambda x: ours.sqrtm(our_positive(x)), their_root, (A,)),
    *[
        Case(f"{name} {x.shape}", mine, other, (x,))
        for x in (A, TALL, WIDE)
        for name, mine, other in [
            ("svd, pairs", our_pairs, their_pairs),
            ("svd, full pairs", lambda x: our_pairs(x, True), their_pairs),
            ("pinv", ours.pinv, theirs.pinv),
        ]
    ],
    Case("svdvals", ours.svdvals, theirs.svdvals, (TALL,)),
    Case("svd, squares", lambda x: ours.svd(x)[0][..., :3] ** 2, their_squares, (TALL,)),
    Case("norm 2", lambda x: ours.matrix_norm(x, ord=2), lambda x: theirs.matrix_norm(x, 2), (A,)),
    Case("norm -2", lambda x: ours.matrix_norm(x, ord=-2), lambda x: theirs.matrix_norm(x, -2), (A,)),
    Case("nuclear norm", lambda x: ours.matrix_norm(x, ord="nuc"), lambda x: theirs.matrix_norm(x, "nuc"), (WIDE,)),
    Case("cond", ours.cond, theirs.cond, (A,)),
]


def test_values_gradients_and_second_derivatives_are_torchs() -> None:
    assert_agree(CASES)


def test_complex_values_gradients_and_second_derivatives_are_torchs() -> None:
    assert_agree(COMPLEX_CASES)
