"""Every loss against torch's with reduction="none", and distances."""

import numpy as np
import torch
from torch.nn import functional as F

import lazygraph as lg
from tests.peers.compare import Case, assert_agree

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 6)) * 2, RNG.normal(size=(5, 6))
Z = RNG.normal(size=(5, 6))
P, T = RNG.uniform(0.05, 0.95, (5, 6)), RNG.uniform(0.05, 0.95, (5, 6))
T[0, :2] = [0, 1]
LABELS = np.array([0, 5, 3, 3, 1])
MAYBE = np.array([0, 5, -100, 3, -100])
SIGNS = np.array([1.0, -1, 1, -1, -1])
W = RNG.uniform(0.5, 2, 6)
ROWS = torch.softmax(torch.tensor(Y), -1).numpy()


def of(name: str, *arrays: np.ndarray, shared: tuple[int, ...] = (), **options: object) -> Case:
    """Ours and torch's function of one name, with the same options."""
    ours, theirs = getattr(lg.nn, name), getattr(F, name)
    told = f"{name} {options}" if options else name
    return Case(
        told, lambda *xs: ours(*xs, **options), lambda *xs: theirs(*xs, reduction="none", **options), arrays, shared
    )


def with_target(name: str, x: np.ndarray, target: np.ndarray, **options: object) -> Case:
    """The target is not differentiated: torch has no derivative for it."""
    ours, theirs = getattr(lg.nn, name), getattr(F, name)
    return Case(
        f"{name} {options}",
        lambda x: ours(x, target, **options),
        lambda x: theirs(x, torch.tensor(target), reduction="none", **options),
        (x,),
    )


def multi_margin(x: torch.Tensor, y: torch.Tensor, p: int = 1, margin: float = 1.0) -> torch.Tensor:
    """torch.nn.functional.multi_margin_loss has no second derivative: this is what it computes."""
    missed = F.relu(margin - x.gather(1, y[:, None]) + x) ** p
    loss = (missed * (1 - F.one_hot(y, x.shape[1]))).sum(1) / x.shape[1]
    torch.testing.assert_close(loss, F.multi_margin_loss(x, y, p=p, margin=margin, reduction="none"))
    return loss


def test_losses_of_numbers_and_distributions() -> None:
    assert_agree(
        [
            of("mse_loss", X, Y),
            of("l1_loss", X, Y),
            of("smooth_l1_loss", X, Y, beta=0.7),
            of("smooth_l1_loss", X, Y, beta=0.0),
            of("huber_loss", X, Y, delta=0.7),
            of("kl_div", X, P),
            of("kl_div", X, Y, log_target=True),
            of("poisson_nll_loss", X, P),
            of("poisson_nll_loss", P, P * 4, log_input=False, full=True),
            of("gaussian_nll_loss", X, Y, P, full=True),
            of("binary_cross_entropy", P, T),
            of("binary_cross_entropy_with_logits", X, T),
            Case(
                "weighted logits",
                lambda x: lg.nn.binary_cross_entropy_with_logits(x, T, W, pos_weight=W),
                lambda x: F.binary_cross_entropy_with_logits(
                    x, torch.tensor(T), torch.tensor(W), reduction="none", pos_weight=torch.tensor(W)
                ),
                (X,),
            ),
            with_target("soft_margin_loss", X, np.sign(Y)),
        ]
    )


def test_losses_of_classes() -> None:
    assert_agree(
        [
            of("cross_entropy", X, LABELS),
            of("cross_entropy", X, ROWS),
            of("cross_entropy", X, LABELS, label_smoothing=0.2),
            of("cross_entropy", X, ROWS, label_smoothing=0.2),
            of("cross_entropy", X, MAYBE, ignore_index=-100),
            of("cross_entropy", X, MAYBE, ignore_index=-100, label_smoothing=0.2),
            Case(
                "weighted cross_entropy",
                lambda x, y: lg.nn.cross_entropy(x, y, W, label_smoothing=0.1),
                lambda x, y: F.cross_entropy(x, y, torch.tensor(W), reduction="none", label_smoothing=0.1),
                (X, LABELS),
            ),
            Case(
                "weighted nll_loss",
                lambda x, y: lg.nn.nll_loss(x, y, W, ignore_index=-100),
                lambda x, y: F.nll_loss(x, y, torch.tensor(W), reduction="none", ignore_index=-100),
                (X, MAYBE),
            ),
            Case("multi_margin_loss", lg.nn.multi_margin_loss, multi_margin, (X, LABELS)),
            Case(
                "multi_margin_loss, squared",
                lambda x, y: lg.nn.multi_margin_loss(x, y, p=2, margin=0.8),
                lambda x, y: multi_margin(x, y, 2, 0.8),
                (X, LABELS),
            ),
        ]
    )


def test_losses_of_margins() -> None:
    assert_agree(
        [
            Case("hinge_loss", lg.nn.hinge_loss, lambda x, t: F.relu(1 - t * x), (X, np.sign(Y))),
            with_target("hinge_embedding_loss", X, np.sign(Y), margin=0.5),
            Case(
                "cosine_embedding_loss",
                lambda x, y: lg.nn.cosine_embedding_loss(x, y, SIGNS, margin=0.1),
                lambda x, y: F.cosine_embedding_loss(x, y, torch.tensor(SIGNS), margin=0.1, reduction="none"),
                (X, Y),
            ),
            of("margin_ranking_loss", X, Y, np.sign(Z), margin=0.3),
            of("triplet_margin_loss", X, Y, Z),
            of("triplet_margin_loss", X, Y, Z, p=3.0, swap=True),
        ]
    )


def test_distances() -> None:
    assert_agree(
        [
            Case("cosine_similarity", lg.nn.cosine_similarity, F.cosine_similarity, (X, Y)),
            Case("pairwise_distance", lg.nn.pairwise_distance, F.pairwise_distance, (X, Y)),
            Case(
                "pairwise_distance by 3",
                lambda x, y: lg.nn.pairwise_distance(x, y, p=3.0),
                lambda x, y: F.pairwise_distance(x, y, p=3.0),
                (X, Y),
            ),
            Case(
                "pairwise_distance by 1",
                lambda x, y: lg.nn.pairwise_distance(x, y, p=1.0),
                lambda x, y: F.pairwise_distance(x, y, p=1.0),
                (X, Y),
            ),
        ]
    )
