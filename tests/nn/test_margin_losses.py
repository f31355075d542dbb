"""Losses with margins and of vectors, and distances, against loops over plain numbers."""

import math

import numpy as np
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn
from microtensor.errors import ArgumentError, DtypeError, IndexingError, ShapeError
from microtensor.gradcheck import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
X, Y, Z = (rng.normal(size=(4, 3)) for _ in range(3))
SIGNS = np.array([[1, -1, -1], [-1, 1, 1], [1, 1, -1], [-1, -1, 1]])
SIMILAR = np.array([1, 0, 0, 1])
LABELS = np.array([1, -1, -1, 1])
CLASSES = np.array([2, 0, 1, 2])
WEIGHT = np.array([0.5, 2.0, 1.5])
LISTS = np.array([[2, 0, -1], [1, -1, 0], [-1, 0, 1], [0, 1, 2]])
each_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
REDUCE = {"mean": np.mean, "sum": np.sum, "none": np.asarray}


def distance(x, y, eps=1e-6):
    return math.sqrt(sum((a - b + eps) ** 2 for a, b in zip(x, y, strict=True)))


def cosine(x, y):
    return sum(x * y) / math.sqrt(sum(x * x) * sum(y * y))


def contrastive(x, y, similar, margin):
    d = distance(x, y)
    return d * d if similar else max(margin - d, 0) ** 2


def multi_margin(x, c, p, margin, weight):
    each = [max(margin - x[c] + x[i], 0) ** p for i in range(len(x)) if i != c]
    return weight[c] * sum(each) / len(x)


def multilabel_margin(x, listed):
    listed = list(listed)
    true = listed[: listed.index(-1)] if -1 in listed else listed
    others = [i for i in range(len(x)) if i not in true]
    return sum(max(1 - x[j] + x[i], 0) for j in true for i in others) / len(x)


def soft(x, y):
    return math.log(1 + math.exp(-y * x))


ELEMENTWISE = {
    "hinge": (nn.HingeEmbeddingLoss(0.8), (X, SIGNS), lambda x, y: x if y > 0 else max(0.8 - x, 0)),
    "ranking": (
        nn.MarginRankingLoss(0.3), (X, Y, SIGNS), lambda x, z, y: max(-y * (x - z) + 0.3, 0),
    ),
    "soft margin": (nn.SoftMarginLoss(), (X, SIGNS), soft),
}  # fmt: skip
BY_ROW = {
    "contrastive": (
        nn.ContrastiveLoss(2.5), (X, Y, SIMILAR), lambda x, y, t: contrastive(x, y, t, 2.5),
    ),
    "cosine": (
        nn.CosineEmbeddingLoss(0.1), (X, Y, LABELS),
        lambda x, y, t: 1 - cosine(x, y) if t > 0 else max(cosine(x, y) - 0.1, 0),
    ),
    "triplet": (
        nn.TripletMarginLoss(2.0), (X, Y, Z),
        lambda a, p, n: max(distance(a, p) - distance(a, n) + 2, 0),
    ),
    "triplet, swapped": (
        nn.TripletMarginLoss(2.0, swap=True), (X, Y, Z),
        lambda a, p, n: max(distance(a, p) - min(distance(a, n), distance(p, n)) + 2, 0),
    ),
    "triplet by the taxi": (
        nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: abs(x - y).sum(axis=-1)),
        (X, Y, Z), lambda a, p, n: max(sum(abs(a - p)) - sum(abs(a - n)) + 1, 0),
    ),
    "multi-margin": (
        nn.MultiMarginLoss(), (X, CLASSES), lambda x, c: multi_margin(x, c, 1, 1, [1, 1, 1]),
    ),
    "multi-margin, squared": (
        nn.MultiMarginLoss(2, 0.7, WEIGHT), (X, CLASSES),
        lambda x, c: multi_margin(x, c, 2, 0.7, WEIGHT),
    ),
    "multi-label": (nn.MultiLabelMarginLoss(), (X, LISTS), multilabel_margin),
    "multi-label, soft": (
        nn.MultiLabelSoftMarginLoss(WEIGHT), (X, SIGNS > 0),
        lambda x, y: sum(w * soft(a, 1 if b else -1) for a, b, w in zip(x, y, WEIGHT, strict=True))
        / len(x),
    ),
}  # fmt: skip
LOSSES = {**ELEMENTWISE, **BY_ROW}
each_loss = pytest.mark.parametrize(("loss", "inputs", "formula"), LOSSES.values(), ids=LOSSES)


def by_formula(name, inputs, formula):
    if name in ELEMENTWISE:
        return np.vectorize(formula, otypes=[float])(*inputs)
    return np.array([formula(*row) for row in zip(*inputs, strict=True)])


def tensors(inputs, dtype=float):
    return [
        mt.tensor(x.astype(dtype), requires_grad=True) if x.dtype.kind == "f" else x for x in inputs
    ]


@each_reduction
@pytest.mark.parametrize("name", LOSSES)
def test_values(name, reduction):
    loss, inputs, formula = LOSSES[name]
    loss.reduction = reduction
    expected = REDUCE[reduction](by_formula(name, inputs, formula))
    np.testing.assert_allclose(loss(*inputs).data, expected, rtol=1e-10)


@each_loss
def test_gradients_of_both_orders(loss, inputs, formula):
    loss.reduction = "none"
    assert gradcheck(loss, tensors(inputs))
    assert gradgradcheck(loss, tensors(inputs))


@each_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_dtypes_stay(loss, inputs, formula, dtype):
    loss.reduction = "mean"
    if loss.__dict__.get("weight") is not None:
        loss.weight = loss.weight.astype(dtype)
    given = tensors(inputs, dtype)
    out = loss(*given)
    out.backward()
    assert out.dtype == dtype
    assert {t.grad.dtype for t in given if isinstance(t, mt.Tensor)} == {np.dtype(dtype)}
    if loss.__dict__.get("weight") is not None:
        loss.weight = loss.weight.astype(float)


@each_loss
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_compiled_it_is_the_eager_one(loss, inputs, formula, backend):
    loss.reduction = "mean"
    count = sum(x.dtype.kind == "f" for x in inputs)

    def step(*inputs):
        given = [*map(mt.tensor, inputs[:count]), *inputs[count:]]
        for t in given[:count]:
            t.requires_grad = True
        out = loss(*given)
        return out, *mt.autograd.grad([out], given[:count])

    fast = mt.compile(step, backend=backend)
    for k in range(3):
        scaled = [x * (1 + 0.1 * k) if x.dtype.kind == "f" else x for x in inputs]
        for ours, expected in zip(fast(*scaled), step(*scaled), strict=True):
            np.testing.assert_allclose(ours.data, expected.data, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (nn.ContrastiveLoss(), [1, 0, 1, 0]),
        (nn.CosineEmbeddingLoss(), [1, -1, 1, -1]),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("x", [X, 0 * X])
def test_gradients_are_finite_at_distance_0(loss, target, x):
    a, b = mt.tensor(x, requires_grad=True), mt.tensor(x.copy(), requires_grad=True)
    loss(a, b, target).backward()
    assert np.isfinite(a.grad.data).all()
    assert np.isfinite(b.grad.data).all()


@pytest.mark.parametrize("swap", [False, True])
def test_gradients_of_equal_triplets_are_finite(swap):
    a, b, c = tensors([X, X.copy(), X.copy()])
    out = nn.TripletMarginLoss(swap=swap)(a, b, c)
    assert out.item() == 1.0
    out.backward()
    assert np.isfinite(a.grad.data).all()
    assert np.abs(b.grad.data).max() > 0  # eps gives them a direction


def test_different_pairs_at_distance_0_are_pushed_apart():
    a = mt.tensor(X, requires_grad=True)
    nn.ContrastiveLoss()(a, X, np.zeros(4)).backward()
    assert np.abs(a.grad.data).min() > 0


def test_one_pair_without_a_batch():
    assert nn.ContrastiveLoss()(X[0], Y[0], 1).shape == ()
    assert nn.CosineEmbeddingLoss()(X[0], Y[0], -1).shape == ()
    assert nn.MultiMarginLoss()(X[0], 2).item() == pytest.approx(
        multi_margin(X[0], 2, 1, 1, np.ones(3))
    )
    assert nn.MultiLabelMarginLoss()(X[0], LISTS[0]).item() == pytest.approx(
        multilabel_margin(X[0], LISTS[0])
    )


def test_a_siamese_network_learns_to_tell_two_kinds():
    generator = np.random.default_rng(0)
    kinds = generator.integers(0, 2, 40)
    points = generator.normal(size=(40, 4)) + 1.5 * kinds[:, None]
    pairs = generator.integers(0, 40, (200, 2))
    similar = kinds[pairs[:, 0]] == kinds[pairs[:, 1]]
    branch = nn.Sequential(
        nn.Linear(4, 8, generator=generator), nn.Tanh(), nn.Linear(8, 2, generator=generator)
    )
    criterion, optimizer = nn.ContrastiveLoss(margin=2.0), mt.optim.SGD(branch.parameters(), lr=0.2)

    def step():
        optimizer.zero_grad()
        loss = criterion(branch(points[pairs[:, 0]]), branch(points[pairs[:, 1]]), similar)
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(100)]
    apart = F.pairwise_distance(branch(points[pairs[:, 0]]), branch(points[pairs[:, 1]])).data
    assert losses[-1] < 0.3 * losses[0]
    assert ((apart < 1) == similar).mean() > 0.9


class TestBadInput:
    @pytest.mark.parametrize(
        ("loss", "inputs"),
        [
            (nn.HingeEmbeddingLoss(), (X,)),
            (nn.SoftMarginLoss(), (X,)),
            (nn.MarginRankingLoss(), (X, Y)),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_labels_that_are_no_signs(self, loss, inputs):
        wrong = SIGNS.copy()
        wrong[2, 1] = 0
        with pytest.raises(ArgumentError, match=r"labels 1 and -1, .* has 0(\.0)? at \(2, 1\)"):
            loss(*inputs, wrong)

    def test_labels_of_pairs(self):
        with pytest.raises(ArgumentError, match=r"labels 1 and -1, .* 0\.0 at \(1,\)"):
            nn.CosineEmbeddingLoss()(X, Y, SIMILAR)
        with pytest.raises(ArgumentError, match=r"labels 0 and 1, .* -1\.0 at \(1,\)"):
            nn.ContrastiveLoss()(X, Y, LABELS)
        with pytest.raises(ShapeError, match=r"\(4,\) for inputs of shape \(4, 3\).* \(4, 1\)"):
            nn.ContrastiveLoss()(X, Y, SIMILAR[:, None])
        with pytest.raises(ShapeError, match="two numbers"):
            nn.CosineEmbeddingLoss()(1.0, 2.0, 1)

    def test_shapes_that_would_broadcast(self):
        with pytest.raises(ShapeError, match=r"first input \(4, 3\), the second input \(1, 3\)"):
            nn.ContrastiveLoss()(X, Y[:1], SIMILAR)
        with pytest.raises(ShapeError, match=r"the anchor \(4, 3\), .* the negative \(3,\)"):
            nn.TripletMarginLoss()(X, Y, Z[0])
        with pytest.raises(ShapeError, match=r"the second \(4, 1\), the target \(4, 3\)"):
            nn.MarginRankingLoss()(X, Y[:, :1], SIGNS)
        with pytest.raises(ShapeError, match=r"they would broadcast to \(4, 3\)"):
            nn.HingeEmbeddingLoss()(X, SIGNS[0])

    def test_class_indices(self):
        with pytest.raises(IndexingError, match=r"index 3 at \(1,\) .* 3 classes"):
            nn.MultiMarginLoss()(X, [0, 3, 0, 0])
        with pytest.raises(IndexingError, match=r"index -100 at \(0,\)"):
            nn.MultiMarginLoss()(X, [-100, 0, 0, 0])
        with pytest.raises(DtypeError, match="float64"):
            nn.MultiMarginLoss()(X, np.zeros(4))
        with pytest.raises(ShapeError, match=r"factor for each class: \(3,\)"):
            nn.MultiMarginLoss(weight=[1.0, 2.0])(X, CLASSES)
        with pytest.raises(ShapeError, match=r"\(N, C\) or \(C,\), and got the shape \(4, 3, 1\)"):
            nn.MultiMarginLoss()(X[..., None], CLASSES)

    def test_lists_of_classes(self):
        with pytest.raises(IndexingError, match=r"index 3 at \(0, 1\) .* -1 ends them"):
            nn.MultiLabelMarginLoss()(X, LISTS + 3 * (np.arange(12).reshape(4, 3) == 1))
        with pytest.raises(ShapeError, match=r"input's shape \(4, 3\), and got .* \(4, 2\)"):
            nn.MultiLabelMarginLoss()(X, LISTS[:, :2])
        with pytest.raises(DtypeError, match="float64"):
            nn.MultiLabelMarginLoss()(X, LISTS.astype(float))

    def test_settings(self):
        with pytest.raises(ArgumentError, match="p=3"):
            nn.MultiMarginLoss(p=3)(X, CLASSES)
        with pytest.raises(ArgumentError, match="margin=0"):
            nn.TripletMarginLoss(margin=0)(X, Y, Z)
        with pytest.raises(ArgumentError, match=r"margin=-1\.0"):
            nn.ContrastiveLoss(margin=-1.0)(X, Y, SIMILAR)
        with pytest.raises(ArgumentError, match="'average'"):
            nn.ContrastiveLoss(reduction="average")


class TestDistances:
    @pytest.mark.parametrize("p", [1, 2, 3, math.inf])
    def test_pairwise_distance(self, p):
        expected = [np.linalg.norm(x - y + 1e-3, p) for x, y in zip(X, Y, strict=True)]
        out = nn.PairwiseDistance(p, eps=1e-3)(X, Y)
        np.testing.assert_allclose(out.data, expected, rtol=1e-13)
        assert nn.PairwiseDistance(p, keepdim=True)(X, Y).shape == (4, 1)
        assert gradcheck(nn.PairwiseDistance(p), tensors([X, Y]))

    def test_all_distances_by_broadcasting(self):
        out = F.pairwise_distance(X[:, None], Y[None], eps=0.0)
        np.testing.assert_allclose(out.data, [[math.dist(x, y) for y in Y] for x in X], rtol=1e-13)

    def test_cosine_similarity(self):
        out = nn.CosineSimilarity()(X, Y)
        np.testing.assert_allclose(out.data, list(map(cosine, X, Y)), rtol=1e-13)
        assert F.cosine_similarity(X.T, Y.T, dim=0).shape == (4,)
        assert F.cosine_similarity(0 * X, Y).tolist() == [0.0] * 4
        assert gradcheck(nn.CosineSimilarity(), tensors([X, Y]))
        assert gradgradcheck(nn.CosineSimilarity(), tensors([X, Y]))

    def test_bad_input(self):
        with pytest.raises(ShapeError, match=r"\(4, 3\) and \(2, 3\), which do not broadcast"):
            F.pairwise_distance(X, Y[:2])
        with pytest.raises(ShapeError, match="two numbers"):
            F.pairwise_distance(1.0, 2.0)
        with pytest.raises(ShapeError, match=r"dim=2, .* \(4, 3\)"):
            F.cosine_similarity(X, Y, dim=2)

    def test_reprs(self):
        assert repr(nn.PairwiseDistance()) == "PairwiseDistance(p=2.0, eps=1e-06, keepdim=False)"
        assert repr(nn.CosineSimilarity()) == "CosineSimilarity(dim=1, eps=1e-08)"
        assert repr(nn.ContrastiveLoss()) == "ContrastiveLoss(margin=1.0, reduction='mean')"
