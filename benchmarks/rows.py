"""What is measured: every row of the report, with its shapes, its entrants and the least work that it needs.

In: nothing. Out: `SECTIONS`. A kind names a builder in each `workloads_*.py`; the row's shape is the builder's
arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Limit = Literal["fma", "triad"]  # float32 multiply-adds in FLOP, memory traffic in bytes
Unit = Literal["s", "ms", "us", "GFLOP/s"]


@dataclass(frozen=True)
class Entrant:
    """One column of a row: the process that runs it, and the kind of workload that it runs there."""

    label: str
    peer: str
    kind: str


@dataclass(frozen=True)
class Row:
    """`work` is what no program can avoid: FLOP for the limit "fma", bytes for "triad". The first entrant is ours."""

    title: str
    shape: tuple[int, ...]
    entrants: tuple[Entrant, ...]
    limit: Limit | None
    work: float


@dataclass(frozen=True)
class Section:
    title: str
    note: str
    unit: Unit
    rows: tuple[Row, ...]


def everyone(kind: str, peers: Sequence[str]) -> tuple[Entrant, ...]:
    return tuple(Entrant(peer, peer, kind) for peer in ("lazygraph", *peers))


FRAMEWORKS = ("torch", "torch.compile", "jax")
MLP = (128, 784, 512, 512, 10)  # batch, then the widths of the layers


def step(title: str, shape: tuple[int, ...], entrants: tuple[Entrant, ...]) -> Row:
    """A dense layer multiplies its matrix three times (y = xW, dW = x'dy, dx = dyW'); the first needs no dx."""
    batch, *widths = shape
    sizes = [rows * columns for rows, columns in zip(widths, widths[1:])]
    return Row(title, shape, entrants, "fma", 2.0 * batch * (3 * sum(sizes) - sizes[0]))


def gpt(batch: int, length: int, width: int, blocks: int, heads: int) -> Row:
    """Three products as large as each: 12 width**2 weights per block and token, and two of attention per pair."""
    tokens = batch * length
    forward = blocks * tokens * (12 * width**2 + 2 * length * width) + tokens * width * 65
    title = f"GPT, {blocks} layers, width {width}, length {length}, batch {batch}, Adam"
    return Row(title, (batch, length, width, blocks, heads), everyone("gpt_step", FRAMEWORKS), "fma", 6.0 * forward)


def gpt_in_half(batch: int, length: int, width: int, blocks: int, heads: int) -> Row:
    """The step in half of the memory that it takes otherwise, against itself."""
    plain = gpt(batch, length, width, blocks, heads)
    entrants = (Entrant("max_memory=0.5", "lazygraph", "gpt_step_half"), Entrant("lazygraph", "lazygraph", "gpt_step"))
    return Row(plain.title, plain.shape, entrants, plain.limit, plain.work)


def lstm(batch: int, length: int, width: int) -> Row:
    """Three products as large as each: of a token, 8 width**2 weights of gates and 65 width of logits."""
    forward = batch * length * (8 * width**2 + width * 65)
    title = f"LSTM of width {width}, length {length}, batch {batch}, Adam"
    return Row(title, (batch, length, width), everyone("lstm_step", FRAMEWORKS), "fma", 6.0 * forward)


def lenet(batch: int) -> Row:
    """Multiply-adds of an image: 784 * 25 * 32, which needs no gradient of its input, 196 * 25 * 32 * 64, the rest."""
    first, others = 784 * 25 * 32, 196 * 25 * 32 * 64 + 64 * 49 * 256 + 256 * 10
    title = f"LeNet 32/64 channels 5x5, batch {batch}, momentum"
    return Row(title, (batch,), everyone("lenet_step", FRAMEWORKS), "fma", batch * (4.0 * first + 6.0 * others))


def resnet(batch: int, side: int) -> Row:
    """Multiply-adds of an image, by stages of 16, 32 and 64 channels with a quarter of the pixels each."""
    pixels = side * side
    first, projections = pixels * 27 * 16, pixels // 4 * 16 * 32 + pixels // 16 * 32 * 64
    stages = pixels * 9 * (6 * 16 * 16 + (16 * 32 + 5 * 32 * 32) / 4 + (32 * 64 + 5 * 64 * 64) / 16)
    work = batch * (4.0 * first + 6.0 * (stages + projections))
    title = f"ResNet-20 on 3x{side}x{side}, batch {batch}, momentum"
    return Row(title, (batch, side), everyone("resnet_step", FRAMEWORKS), "fma", work)


def gemm(m: int, n: int, k: int) -> Row:
    return Row(f"{m} x {n} x {k}", (m, n, k), everyone("gemm", ("torch", "jax", "numpy")), "fma", 2.0 * m * n * k)


def sweep(title: str, kind: str, *, written: int, shape: tuple[int, int] = (4096, 1024)) -> Row:
    """A kernel that reads a float32 matrix once and writes `written` elements."""
    return Row(title, shape, everyone(kind, FRAMEWORKS), "triad", 4.0 * (shape[0] * shape[1] + written))


def sparse(title: str, kind: str, *shape: int) -> Row:
    """The least traffic: each entry's value and place, each dense operand once, and the result."""
    rows, columns, entries, width = shape
    entrants = (Entrant("lazygraph", "lazygraph", kind), Entrant("scipy", "numpy", kind))
    return Row(title, shape, entrants, "triad", 4.0 * (2 * entries + rows + (rows + columns) * max(width, 1)))


def dense(title: str, kind: str, rows: int, columns: int, right: int = 0) -> Row:
    return Row(title, (rows, columns, right), everyone(kind, ("numpy",)), None, 0.0)


def fourier(title: str, kind: str, *shape: int) -> Row:
    peers = (Entrant("torch", "torch", kind), Entrant("numpy", "numpy", kind))
    entrants = (Entrant("lazygraph", "lazygraph", kind), *peers, Entrant("scipy", "numpy", f"{kind}_scipy"))
    return Row(title, shape, entrants, None, 0.0)


SMALL, LARGE = (16_000, 123, 224_000), (200_000, 50_000, 2_000_000)  # the first like a9a's test set

SECTIONS = (
    Section(
        "Training steps",
        "Forward, backward, optimizer update and reading the loss, float32, in milliseconds.",
        "ms",
        (
            step("MLP 784-512-512-10, batch 128, Adam", MLP, everyone("mlp_step", FRAMEWORKS)),
            step("softmax regression 784-10, batch 128, SGD", (128, 784, 10), everyone("softmax_step", FRAMEWORKS)),
            lenet(64),
            resnet(32, 32),
            lstm(32, 64, 256),
            gpt(16, 128, 128, 4, 4),
        ),
    ),
    Section(
        "Half of the memory",
        "A GPT step that computes again what it needs, in half of the memory that it takes otherwise, in ms.",
        "ms",
        (gpt_in_half(8, 128, 256, 12, 8),),
    ),
    Section(
        "One compilation for every batch size",
        "The MLP step compiled for any batch, run at 128, against the same step compiled for 128 alone, in ms.",
        "ms",
        (
            step(
                "MLP 784-512-512-10, batch 128, Adam",
                MLP,
                (
                    Entrant("any batch", "lazygraph", "mlp_step_symbolic"),
                    Entrant("batch 128", "lazygraph", "mlp_step"),
                ),
            ),
        ),
    ),
    Section(
        "Matrix products",
        "m x n x k, float32, in GFLOP/s.",
        "GFLOP/s",
        tuple(
            gemm(m, n, k)
            for m, n, k in (
                (64, 64, 64),
                (128, 128, 128),
                (512, 512, 512),
                (1024, 1024, 1024),
                (2048, 2048, 2048),
                (128, 512, 784),
                (128, 10, 512),
                (4096, 64, 64),
                (333, 517, 129),
            )
        ),
    ),
    Section(
        "Kernels",
        "float32, 4096 x 1024 unless named, in milliseconds.",
        "ms",
        (
            sweep("gelu(1.1 x + 0.3) x", "gelu_chain", written=4096 * 1024),
            sweep("exp", "exp", written=4096 * 1024),
            sweep("tanh", "tanh", written=4096 * 1024),
            sweep("softmax", "softmax", written=4096 * 1024),
            sweep("logsumexp", "logsumexp", written=4096),
            sweep("layer norm", "layer_norm", written=4096 * 1024),
            sweep("sum", "sum_all", written=1),
            sweep("sum over axis 0", "sum_columns", written=1024),
            sweep("transpose", "transpose", written=4096 * 1024),
            Row("RBF kernel 2000 x 64", (2000, 64), everyone("rbf", FRAMEWORKS), "fma", 2.0 * 2000 * 2000 * 64),
        ),
    ),
    Section(
        "Linear algebra",
        "float64, in milliseconds, against LAPACK by NumPy or SciPy.",
        "ms",
        (
            dense("Cholesky 256", "cholesky", 256, 256),
            dense("LU 256", "lu", 256, 256),
            dense("QR 256", "qr", 256, 256),
            dense("QR 1024 x 128", "qr", 1024, 128),
            dense("a system of 256, one right side", "solve", 256, 256, 1),
            dense("a triangular system of 256, 256 right sides", "solve_triangular", 256, 256, 256),
            dense("inverse 256", "inv", 256, 256),
            dense("determinant 256", "det", 256, 256),
            dense("least squares 512 x 128, one right side", "lstsq", 512, 128, 1),
            dense("exponential 256", "expm", 256, 256),
            dense("eigenvectors 256", "eigh", 256, 256),
            dense("eigenvalues 256", "eigvalsh", 256, 256),
            dense("singular vectors 256", "svd", 256, 256),
            dense("singular values 256", "svdvals", 256, 256),
        ),
    ),
    Section(
        "Sparse matrices",
        "float32, rows x columns with entries at random places, compiled once for all matrices, in milliseconds.",
        "ms",
        (
            sparse("16,000 x 123, 14 a row: A x", "sparse_product", *SMALL, 0),
            sparse("16,000 x 123, 14 a row: A' y", "sparse_transposed", *SMALL, 0),
            sparse("16,000 x 123, 14 a row: A X of 32 columns", "sparse_product", *SMALL, 32),
            sparse("200,000 x 50,000, 10 a row: A x", "sparse_product", *LARGE, 0),
            sparse("200,000 x 50,000, 10 a row: A' y", "sparse_transposed", *LARGE, 0),
            sparse("200,000 x 50,000, 10 a row: A X of 16 columns", "sparse_product", *LARGE, 16),
            sparse("200,000 x 50,000, 10 a row: A' Y of 16 columns", "sparse_transposed", *LARGE, 16),
            sparse("200,000 x 50,000, 10 a row: Y X' of 16 columns at the entries", "sparse_sampled", *LARGE, 16),
            sparse("200,000 x 50,000, 10 a row: by columns", "sparse_by_columns", *LARGE, 0),
        ),
    ),
    Section(
        "Loops",
        "10,000 trips inside one compiled call, float32, in microseconds.",
        "us",
        (
            Row("scan: c + x, every c stacked", (10_000,), everyone("scan_sums", ("jax",)), None, 0.0),
            Row("while: a root by Newton's steps", (1,), everyone("newton", ("jax",)), None, 0.0),
            Row("one of 200,000 elements set", (200_000,), everyone("set_elements", ("jax",)), None, 0.0),
        ),
    ),
    Section(
        "Fourier transforms",
        "Of all axes, or of each line, in microseconds. NumPy computes complex64 and float32 in float64, as we do; "
        "SciPy and torch do not.",
        "us",
        (
            fourier("1,024 points, complex128", "fft_complex128", 1024),
            fourier("1,009 points, complex128", "fft_complex128", 1009),
            fourier("65,536 points, complex128", "fft_complex128", 65_536),
            fourier("65,536 points, complex64", "fft_complex64", 65_536),
            fourier("65,536 points, float64", "rfft_float64", 65_536),
            fourier("65,536 points, float32", "rfft_float32", 65_536),
            fourier("1,024 x 1,024, complex128", "fft_complex128", 1024, 1024),
            fourier("4,096 lines of 256, complex128", "fft_rows", 4096, 256),
            fourier("65,536 lines of 16, complex128", "fft_rows", 65_536, 16),
        ),
    ),
    Section(
        "A call",
        "Of a compiled 2 x + 1, float32: what entering compiled code costs, in microseconds.",
        "us",
        (Row("10 elements", (10,), everyone("call", ("torch", "jax", "numpy")), None, 0.0),),
    ),
)
