"""Norms, attention, products, embeddings and images against torch's."""

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import lazygraph as lg
from tests.peers.compare import Case, assert_agree

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(3, 4, 5, 6))
ROWS = RNG.normal(size=(3, 7, 6))
W, B, C, D = RNG.normal(size=6), RNG.normal(size=6), RNG.normal(size=4), RNG.normal(size=4)
MEAN, VAR = RNG.normal(size=4), RNG.uniform(0.5, 2, 4)
Q, K, V = (RNG.normal(size=(2, 3, length, 4)) for length in (5, 7, 7))
SEEN = RNG.uniform(size=(5, 7)) < 0.6
SEEN[:, 0] = True
ADDED = RNG.normal(size=(2, 1, 5, 7))


def test_norms() -> None:
    assert_agree(
        [
            Case(
                "layer_norm",
                lambda x, w, b: lg.nn.layer_norm(x, 6, w, b),
                lambda x, w, b: F.layer_norm(x, (6,), w, b),
                (ROWS, W, B),
                (1, 2),
            ),
            Case(
                "layer_norm over two axes",
                lambda x: lg.nn.layer_norm(x, (7, 6)),
                lambda x: F.layer_norm(x, (7, 6)),
                (ROWS,),
            ),
            Case(
                "rms_norm",
                lambda x, w: lg.nn.rms_norm(x, 6, w),
                lambda x, w: F.rms_norm(x, (6,), w),
                (ROWS, W),
                (1,),
            ),
            Case(
                "group_norm",
                lambda x, w, b: lg.nn.group_norm(x, 2, w, b),
                lambda x, w, b: F.group_norm(x, 2, w, b),
                (IMAGE, C, D),
                (1, 2),
            ),
            Case(
                "instance_norm",
                lambda x, w, b: lg.nn.instance_norm(x, w, b),
                lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
                (IMAGE, C, D),
                (1, 2),
            ),
            Case(
                "batch_norm in training",
                lambda x, w, b: lg.nn.batch_norm_train(x, MEAN, VAR, w, b)[0],
                lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
                (IMAGE, C, D),
                (1, 2),
            ),
            Case(
                "batch_norm of rows",
                lambda x: lg.nn.batch_norm_train(x, np.zeros(7), np.ones(7))[0],
                lambda x: F.batch_norm(x, None, None, training=True),
                (ROWS,),
            ),
            Case(
                "batch_norm in inference",
                lambda x, w, b: lg.nn.batch_norm(x, MEAN, VAR, w, b),
                lambda x, w, b: F.batch_norm(x, torch.tensor(MEAN), torch.tensor(VAR), w, b),
                (IMAGE, C, D),
                (1, 2),
            ),
        ]
    )


def test_running_statistics() -> None:
    x = lg.placeholder((lg.dim("n"), 4, 5, 6), lg.float64, "x")
    found = lg.function([x], lg.nn.batch_norm_train(x, MEAN, VAR, momentum=0.3)[1:])(IMAGE)
    mean, var = torch.tensor(MEAN), torch.tensor(VAR)
    F.batch_norm(torch.tensor(IMAGE), mean, var, training=True, momentum=0.3)
    np.testing.assert_allclose(found[0], mean, rtol=1e-12)
    np.testing.assert_allclose(found[1], var, rtol=1e-12)


def attention(name: str, **options: object) -> Case:
    told = {key: torch.tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
    return Case(
        name,
        lambda q, k, v: lg.nn.scaled_dot_product_attention(q, k, v, **options),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **told),
        (Q, K, V),
        (0, 1, 2) if "attn_mask" in options else (),
    )


@sdpa_kernel(SDPBackend.MATH)  # the others have no second derivative
def test_attention() -> None:
    assert_agree(
        [
            attention("plain"),
            attention("scaled", scale=0.3),
            attention("boolean mask", attn_mask=SEEN),
            attention("additive mask", attn_mask=ADDED),
            attention("additive infinities", attn_mask=np.where(SEEN, 0.0, -np.inf)),
            attention("causal", is_causal=True),
            Case(
                "additive mask with a derivative",
                lambda q, k, v, m: lg.nn.scaled_dot_product_attention(q, k, v, m),
                lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
                (Q, K, V, ADDED),
            ),
        ]
    )


@sdpa_kernel(SDPBackend.MATH)
def test_multi_head_attention() -> None:
    x = RNG.normal(size=(2, 5, 6))
    memory = RNG.normal(size=(2, 7, 6))
    theirs = torch.nn.MultiheadAttention(6, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_bias.copy_(torch.tensor(RNG.normal(size=18)))
        theirs.out_proj.bias.copy_(torch.tensor(B))
    weights = [each.detach().numpy() for each in (theirs.in_proj_weight, theirs.in_proj_bias)]
    out = [each.detach().numpy() for each in (theirs.out_proj.weight, theirs.out_proj.bias)]
    seen = np.tril(np.ones((5, 5), bool))
    assert_agree(
        [
            Case(
                "self attention",
                lambda x: lg.nn.multi_head_attention(x, x, x, 3, *weights, *out, attn_mask=seen),
                lambda x: theirs(x, x, x, need_weights=False, attn_mask=torch.tensor(~seen))[0],
                (x,),
            ),
            Case(
                "cross attention",
                lambda x, y: lg.nn.multi_head_attention(x, y, y * 2, 3, *weights, *out),
                lambda x, y: theirs(x, y, y * 2, need_weights=False)[0],
                (x, memory),
                (0, 1),
            ),
        ]
    )


def test_products_and_embeddings() -> None:
    table, indices = RNG.normal(size=(9, 4)), np.array([[0, 3, 3], [8, 1, 0]])
    weight, bias = RNG.normal(size=(2, 6)), RNG.normal(size=2)
    assert_agree(
        [
            Case("linear", lg.nn.linear, F.linear, (ROWS, weight, bias), (1, 2)),
            Case("dense", lg.nn.dense, lambda x, w, b: F.linear(x, w.T, b), (ROWS, weight.T.copy(), bias), (1, 2)),
            Case(
                "bilinear",
                lg.nn.bilinear,
                F.bilinear,
                (ROWS, RNG.normal(size=(3, 7, 4)), RNG.normal(size=(2, 6, 4)), bias),
                (2, 3),
            ),
            Case("embedding", lg.nn.embedding, F.embedding, (indices, table), (1,)),
            Case(
                "embedding with padding",
                lambda i, w: lg.nn.embedding(i, w, padding_idx=3),
                lambda i, w: F.embedding(i, w, padding_idx=3),
                (indices, table),
                (1,),
            ),
        ]
    )


def test_images() -> None:
    resized = {
        "nearest, twice": ("nearest", {"scale_factor": 2}),
        "nearest to a size": ("nearest", {"size": (7, 4)}),
        "bilinear, twice": ("bilinear", {"scale_factor": 2}),
        "bilinear to a size": ("bilinear", {"size": (3, 11)}),
        "bilinear between corners": ("bilinear", {"size": (8, 3), "align_corners": True}),
    }
    cases = [
        Case(
            name,
            lambda x, mode=mode, options=options: lg.nn.interpolate(x, mode=mode, **options),
            lambda x, mode=mode, options=options: F.interpolate(x, mode=mode, **options),
            (IMAGE,),
        )
        for name, (mode, options) in resized.items()
    ]
    cases.append(Case("pixel_shuffle", lambda x: lg.nn.pixel_shuffle(x, 2), lambda x: F.pixel_shuffle(x, 2), (IMAGE,)))
    wide = IMAGE[:, :, :4]
    cases.append(
        Case("pixel_unshuffle", lambda x: lg.nn.pixel_unshuffle(x, 2), lambda x: F.pixel_unshuffle(x, 2), (wide,))
    )
    assert_agree(cases)
