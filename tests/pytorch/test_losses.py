"""Losses and distances beside PyTorch's, over their settings; and their signatures."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import microtensor.nn.functional as F
from microtensor import nn

from .beside import arguments, same_function, same_signature

RNG = np.random.default_rng(0)
X, Y, Z = (RNG.standard_normal((5, 4)) for _ in range(3))
P, Q = RNG.uniform(0.02, 0.98, (5, 4)), RNG.uniform(0.02, 0.98, (5, 4))
SIGNS = np.where(RNG.random((5, 4)) < 0.5, 1, -1)
LABELS = np.array([1, -1, -1, 1, -1])
CLASSES = np.array([2, 0, 3, 1, 3])
WEIGHT = np.array([0.5, 2.0, 1.5, 0.25])
LISTS = np.array([[3, 0, -1, 1], [-1, 2, 0, 1], [0, 1, 2, 3], [1, -1, -1, -1], [2, 2, -1, 0]])
LOG_P, LOG_Q = (np.log(x / x.sum(axis=1, keepdims=True)) for x in (P, Q))
COUNTS = RNG.poisson(2.0, (5, 4)).astype(float)
TIES = np.array([[0.0, 1.0, -1.0, 0.5]] * 5)

each_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def cases() -> Iterator[tuple[str, dict[str, Any], tuple[Any, ...]]]:
    """Yield the name of a loss, its settings, and what it is called with."""
    yield "MSELoss", {}, (X, Y)
    yield "L1Loss", {}, (X, Y)
    yield "L1Loss", {}, (X, X)
    for beta in (0.0, 0.3, 1.0, 2.0):
        yield "SmoothL1Loss", {"beta": beta}, (X, Y)
        yield "SmoothL1Loss", {"beta": beta}, (TIES, np.zeros((5, 4)))
    for delta in (0.3, 1.0, 2.0):
        yield "HuberLoss", {"delta": delta}, (X, Y)
        yield "HuberLoss", {"delta": delta}, (TIES, np.zeros((5, 4)))
    yield "KLDivLoss", {}, (LOG_P, np.exp(LOG_Q))
    yield "KLDivLoss", {"log_target": True}, (LOG_P, LOG_Q)
    for log_input in (True, False):
        for full in (True, False):
            settings = {"log_input": log_input, "full": full}
            yield "PoissonNLLLoss", settings, (X if log_input else P, COUNTS)
    yield "PoissonNLLLoss", {"log_input": False, "eps": 0.1}, (P, COUNTS)
    for full in (True, False):
        yield "GaussianNLLLoss", {"full": full}, (X, Y, P)
        yield "GaussianNLLLoss", {"full": full}, (X, Y, P[:, :1])
        yield "GaussianNLLLoss", {"full": full}, (X, Y, P[:, 0])
    yield "GaussianNLLLoss", {"eps": 0.5}, (X, Y, P)
    yield "GaussianNLLLoss", {}, (X, Y, np.zeros((5, 4)))
    yield "GaussianNLLLoss", {}, (X, Y, 0.7)
    for margin in (1.0, 0.3):
        yield "HingeEmbeddingLoss", {"margin": margin}, (P, SIGNS)
        yield "HingeEmbeddingLoss", {"margin": margin}, (np.ones((5, 4)), SIGNS)
    for margin in (0.0, 0.5, -0.5):
        yield "CosineEmbeddingLoss", {"margin": margin}, (X, Y, LABELS)
        yield "CosineEmbeddingLoss", {"margin": margin}, (X[0], Y[0], LABELS[1, ...])
        yield "CosineEmbeddingLoss", {"margin": margin}, (X, X, LABELS)
    for margin in (0.0, 0.5):
        yield "MarginRankingLoss", {"margin": margin}, (X, Y, SIGNS)
        yield "MarginRankingLoss", {"margin": margin}, (X, X, SIGNS)
    yield "SoftMarginLoss", {}, (X, SIGNS)
    for p in (1, 2):
        for weight in (None, WEIGHT):
            settings = {"p": p, "margin": 0.8, "weight": weight}
            yield "MultiMarginLoss", settings, (X, CLASSES)
            yield "MultiMarginLoss", settings, (X[0], CLASSES[0, ...])
    yield "MultiMarginLoss", {}, (TIES, CLASSES)
    yield "MultiLabelMarginLoss", {}, (X, LISTS)
    yield "MultiLabelMarginLoss", {}, (X[0], LISTS[0])
    yield "MultiLabelMarginLoss", {}, (TIES, LISTS)
    for weight in (None, WEIGHT):
        yield "MultiLabelSoftMarginLoss", {"weight": weight}, (X, (P > 0.5) * 1.0)
        yield "MultiLabelSoftMarginLoss", {"weight": weight}, (X[0], (P[0] > 0.5) * 1.0)
    for swap in (False, True):
        for p in (2.0, 1.0, 3.0):
            yield "TripletMarginLoss", {"p": p, "swap": swap}, (X, Y, Z)
        yield "TripletMarginLoss", {"margin": 0.1, "swap": swap}, (X, X, X)
        yield "TripletMarginLoss", {"eps": 0.01, "swap": swap}, (X[0], Y[0], Z[0])
        yield "TripletMarginWithDistanceLoss", {"swap": swap}, (X, Y, Z)
    # Those that were there before
    yield "BCELoss", {"weight": WEIGHT}, (P, Q)
    for pos_weight in (None, WEIGHT):
        settings = {"weight": WEIGHT, "pos_weight": pos_weight}
        yield "BCEWithLogitsLoss", settings, (X * 5, Q)
    for weight in (None, WEIGHT):
        for shape in ((5, 4), (4,), (5, 4, 3), (5, 4, 2, 3)):
            scores = RNG.standard_normal(shape)
            classes = RNG.integers(0, 4, shape[:-1] if len(shape) == 0 else shape[:1] + shape[2:])
            classes = classes if len(shape) > 1 else np.array(2)
            for ignored in (-100, 1):
                settings = {"weight": weight, "ignore_index": ignored}
                yield "NLLLoss", settings, (scores, classes)
                for smoothing in (0.0, 0.1):
                    yield (
                        "CrossEntropyLoss",
                        {**settings, "label_smoothing": smoothing},
                        (scores, classes),
                    )
            probabilities = np.abs(RNG.standard_normal(shape))
            probabilities /= probabilities.sum(axis=0 if len(shape) == 1 else 1, keepdims=True)
            for smoothing in (0.0, 0.1):
                settings = {"weight": weight, "label_smoothing": smoothing}
                yield "CrossEntropyLoss", settings, (scores, probabilities)
        marked = np.array([2, -100, 3, -100, 1])
        for smoothing in (0.0, 0.1):
            settings = {"weight": weight, "label_smoothing": smoothing}
            yield "CrossEntropyLoss", settings, (X, marked)
        yield "NLLLoss", {"weight": weight, "ignore_index": -1}, (X, np.maximum(marked, -1))


def described(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(str(np.shape(x)).replace(" ", "") for x in value)
    return str(value) if isinstance(value, str) else " ".join(map(str, value))


@each_reduction
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "settings", "inputs"), list(cases()), ids=described)
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_a_loss_is_pytorchs(
    name: str, settings: dict[str, Any], inputs: tuple[Any, ...], dtype: type, reduction: str
) -> None:
    def converted(x: Any) -> Any:
        return x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    own = {key: converted(value) for key, value in settings.items()}
    theirs = {
        key: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for key, value in own.items()
    }
    same_function(
        getattr(nn, name)(**own, reduction=reduction),
        getattr(torch.nn, name)(**theirs, reduction=reduction),
        *map(converted, inputs),
    )


def test_where_pytorch_has_a_smallest_number_in_float32_the_gradient_is_the_same() -> None:
    """The 1e-12 of these two is rounded to float32 in PyTorch, in float64 as well."""
    x, y, z = (a.astype(np.float32) for a in (np.round(P), np.round(Q), Y))
    ours, theirs = nn.BCELoss(), torch.nn.BCELoss()  # the target's gradient is infinite there
    same_function(lambda x: ours(x, y), lambda x: theirs(x, torch.tensor(y)), x)
    same_function(nn.CosineEmbeddingLoss(), torch.nn.CosineEmbeddingLoss(), 0 * x, z, LABELS)


def test_the_divergence_over_the_batch_is_pytorchs() -> None:
    for log_target in (False, True):
        settings = {"reduction": "batchmean", "log_target": log_target}
        target = LOG_Q if log_target else np.exp(LOG_Q)
        same_function(nn.KLDivLoss(**settings), torch.nn.KLDivLoss(**settings), LOG_P, target)


@each_reduction
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weights_of_elements_are_pytorchs(name: str, reduction: str) -> None:
    ours, theirs = getattr(F, name), getattr(TF, name)
    same_function(
        lambda x, y, w: ours(x, y, weight=w, reduction=reduction),
        lambda x, y, w: theirs(x, y, weight=w, reduction=reduction),
        X, Y, P,
    )  # fmt: skip


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("keepdim", [False, True])
def test_pairwise_distance_is_pytorchs(p: float, keepdim: bool) -> None:
    settings = {"p": p, "eps": 1e-3, "keepdim": keepdim}
    ours, theirs = nn.PairwiseDistance(**settings), torch.nn.PairwiseDistance(**settings)
    for x, y in [(X, Y), (X[0], Y[0]), (X, Y[0]), (X[:, None], Y[None])]:
        same_function(ours, theirs, x, y)
    same_function(F.pairwise_distance, TF.pairwise_distance, X, X)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity_is_pytorchs(dim: int) -> None:
    ours, theirs = nn.CosineSimilarity(dim), torch.nn.CosineSimilarity(dim)
    for x, y in [(X, Y), (X, X), (0 * X, Y), (X[None, :, :], Y[:, None, :])]:
        same_function(ours, theirs, x, y)
    same_function(partial(F.cosine_similarity, dim=-1), partial(TF.cosine_similarity, dim=-1), X, Y)


def test_a_distance_of_ones_own_in_triplets() -> None:
    ours = nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1.0 - F.cosine_similarity(a, b), swap=True, margin=0.4
    )
    theirs = torch.nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1.0 - TF.cosine_similarity(a, b), swap=True, margin=0.4
    )
    same_function(ours, theirs, X, Y, Z)


@pytest.mark.parametrize(
    "name",
    sorted({name for name, *_ in cases()} | {"CosineSimilarity", "PairwiseDistance"}),
)
def test_signatures_of_modules(name: str) -> None:
    same_signature(getattr(nn, name), getattr(torch.nn, name))


@pytest.mark.parametrize(
    "name",
    ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss",
     "cross_entropy", "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div",
     "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss", "multilabel_margin_loss",
     "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
     "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss"],
)  # fmt: skip
def test_signatures_of_functions(name: str) -> None:
    leaving = {"binary_cross_entropy_with_logits": ["reduction", "pos_weight"]}.get(name, [])
    same_signature(getattr(F, name), getattr(TF, name), leaving)


def test_signatures_that_pytorch_has_in_its_documentation_only() -> None:
    assert list(arguments(F.pairwise_distance).items())[2:] == [
        ("p", 2.0), ("eps", 1e-6), ("keepdim", False),
    ]  # fmt: skip
    assert list(arguments(F.cosine_similarity).items())[2:] == [("dim", 1), ("eps", 1e-8)]
