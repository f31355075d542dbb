"""Losses, against loops over plain numbers; their gradients, against finite differences."""

import functools
import math

import numpy as np
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn
from microtensor.errors import ArgumentError, DtypeError, IndexingError, ShapeError
from microtensor.ops import fused

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
P, Q = rng.uniform(0.05, 0.95, size=(4, 3)), rng.uniform(0.05, 0.95, size=(4, 3))
CLASSES = np.array([2, 0, 1, 2])
WEIGHT = np.array([0.5, 2.0, 1.5])


def logistic(x):
    return 1 / (1 + math.exp(-x))


def bce(x, y):
    return -(y * math.log(x) + (1 - y) * math.log(1 - x))


ELEMENTWISE = {
    "SSE": (nn.SSELoss, X, Y, lambda x, y: (x - y) ** 2),
    "MSE": (nn.MSELoss, X, Y, lambda x, y: (x - y) ** 2),
    "L1": (nn.L1Loss, X, Y, lambda x, y: abs(x - y)),
    "BCE": (nn.BCELoss, P, Q, bce),
    "BCEWithLogits": (nn.BCEWithLogitsLoss, X, Q, lambda x, y: bce(logistic(x), y)),
}
each_elementwise = pytest.mark.parametrize(
    ("loss", "x", "y", "formula"), ELEMENTWISE.values(), ids=ELEMENTWISE
)
each_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
REDUCE = {"mean": np.mean, "sum": np.sum, "none": np.asarray}


def numeric_gradient(f, x, eps=1e-6):
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[i] += eps
        below[i] -= eps
        g[i] = (f(above) - f(below)) / (2 * eps)
    return g


def check_gradients(f, *arrays):
    """Check the first and the second order of a scalar function by central differences."""
    directions = [np.cos(np.arange(a.size)).reshape(a.shape) for a in arrays]

    def value(*arrays):
        return f(*map(mt.tensor, arrays)).item()

    def slope(tensors, create_graph=False):
        """Return the gradients, and the slope along the directions."""
        gradients = mt.autograd.grad(f(*tensors), tensors, create_graph=create_graph)
        return gradients, sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))

    def slope_value(*arrays):
        return slope([mt.tensor(a, requires_grad=True) for a in arrays])[1].item()

    tensors = [mt.tensor(a, requires_grad=True) for a in arrays]
    gradients, along = slope(tensors, create_graph=True)
    seconds = [None] * len(arrays)
    if along.requires_grad:
        seconds = mt.autograd.grad(along, tensors, allow_unused=True)
    for i, (first, second) in enumerate(zip(gradients, seconds, strict=True)):
        others = [
            functools.partial(_with, arrays, i, function) for function in (value, slope_value)
        ]
        expected, curvature = (numeric_gradient(function, arrays[i]) for function in others)
        assert np.allclose(first.data, expected, rtol=1e-6, atol=1e-7)
        assert np.allclose(0.0 if second is None else second.data, curvature, rtol=1e-5, atol=1e-6)


def _with(arrays, i, function, value):
    """Call the function with one of the arrays replaced."""
    return function(*arrays[:i], value, *arrays[i + 1 :])


@each_elementwise
@each_reduction
def test_values(loss, x, y, formula, reduction):
    each = np.vectorize(formula)(x, y)
    out = loss(reduction=reduction)(mt.tensor(x), mt.tensor(y))
    assert np.allclose(out.data, REDUCE[reduction](each), rtol=1e-13)


@each_elementwise
@each_reduction
def test_gradients_of_both_orders_and_both_inputs(loss, x, y, formula, reduction):
    check_gradients(lambda a, b: loss(reduction=reduction)(a, b).sum(), x, y)


def test_default_reductions():
    assert nn.SSELoss().reduction == "sum"
    for name in (
        "MSELoss",
        "L1Loss",
        "BCELoss",
        "BCEWithLogitsLoss",
        "CrossEntropyLoss",
        "NLLLoss",
    ):
        assert getattr(nn, name)().reduction == "mean"


@each_elementwise
def test_other_shapes_raise(loss, x, y, formula):
    with pytest.raises(
        ShapeError,
        match=r"\(4, 1\), the target \(4,\).* broadcast to \(4, 4\).*reshape\(\(4, 1\)\)",
    ):
        loss()(mt.tensor(P[:, :1]), mt.tensor(Q[:, 0]))
    with pytest.raises(
        ShapeError, match=r"shape \(4, 3\), the target \(4, 2\)\. Give a target of shape \(4, 3\)"
    ):
        loss()(P, Q[:, :2])
    with pytest.raises(ShapeError, match=r"the target \(\)"):
        loss()(P, 0.5)


@each_elementwise
def test_targets_may_be_arrays_or_lists(loss, x, y, formula):
    expected = loss()(mt.tensor(P), mt.tensor(Q)).item()
    assert loss()(mt.tensor(P), Q).item() == loss()(P, Q.tolist()).item() == expected


@each_elementwise
@pytest.mark.parametrize(
    "target", [[[1], [0]], np.array([[1], [0]]), np.array([[True], [False]]), [[1.0], [0.0]]]
)
def test_float32_stays(loss, x, y, formula, target):
    p = mt.tensor([[0.25], [0.5]], dtype=np.float32, requires_grad=True)
    out = loss()(p, target)
    out.backward()
    assert out.dtype == p.grad.dtype == np.float32


@each_elementwise
@pytest.mark.parametrize("dtype", [int, bool])
def test_fractions_of_a_target_are_kept_if_the_prediction_is_integers(loss, x, y, formula, dtype):
    for prediction in (np.array([[0], [1]], dtype), mt.tensor([[0], [1]], dtype=dtype)):
        expected = loss()(np.array([[0.0], [1.0]]), [[0.5], [0.25]])
        assert loss()(prediction, [[0.5], [0.25]]).item() == expected.item()


def test_fractions_of_weights_are_kept_if_the_scores_are_integers():
    scores = np.array([[1, 2, 0], [3, 0, 1]])
    for loss in (F.cross_entropy, F.nll_loss):
        expected = loss(scores.astype(float), [0, 2], WEIGHT).item()
        assert loss(scores, [0, 2], WEIGHT.tolist()).item() == expected


@pytest.mark.parametrize(
    "loss", [*[loss for loss, *_ in ELEMENTWISE.values()], nn.CrossEntropyLoss, nn.NLLLoss]
)
def test_unknown_reductions_raise(loss):
    with pytest.raises(ArgumentError, match=r"'average'.* mean, sum, none"):
        loss(reduction="average")
    assert "reduction='sum'" in repr(loss(reduction="sum"))


def test_functions_check_the_reduction():
    for loss in (
        F.sse_loss,
        F.mse_loss,
        F.l1_loss,
        F.binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
    ):
        with pytest.raises(ValueError, match="'average'"):
            loss(P, Q, reduction="average")
    for loss in (F.cross_entropy, F.nll_loss):
        with pytest.raises(ValueError, match="'average'"):
            loss(X, CLASSES, reduction="average")


class TestBinaryCrossEntropy:
    def test_it_is_finite_at_0_and_1(self):
        x = mt.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
        y = mt.tensor([0.0, 1.0, 1.0, 0.0], requires_grad=True)
        out = nn.BCELoss(reduction="none")(x, y)
        assert out.tolist() == [0.0, 0.0, 100.0, 100.0]
        out.sum().backward()
        assert x.grad.tolist() == [0.0, 0.0, -1e12, 1e12]
        assert y.grad.tolist() == [100.0, -100.0, 100.0, -100.0]

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_its_gradients_are_finite_in_every_dtype(self, dtype):
        x = mt.tensor([0.0, 1.0, 0.0, 1.0, 1e-7, 0.5], dtype=dtype, requires_grad=True)
        nn.BCELoss(reduction="sum")(x, [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]).backward()
        assert x.grad.dtype == dtype
        assert np.isfinite(x.grad.data).all()
        assert np.sign(x.grad.data).tolist() == [0, 0, -1, 1, -1, -1]
        assert x.grad.data[-1] == -2

    @pytest.mark.parametrize("role", ["prediction", "target"])
    @pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
    def test_what_is_no_probability_raises(self, role, value):
        pair = ([value], [0.5]) if role == "prediction" else ([0.5], [value])
        with pytest.raises(ArgumentError, match=f"the {role} goes from {value}"):
            nn.BCELoss()(*pair)

    def test_an_empty_batch(self):
        assert nn.BCELoss(reduction="sum")(np.ones((0, 1)), np.ones((0, 1))).item() == 0

    @pytest.mark.parametrize("target", [[-1.0, 1.0], [0.0, 2.0], [math.nan, 1.0]])
    def test_with_logits_targets_are_probabilities_too(self, target):
        message = r"with_logits\(\) takes probabilities, and the target goes from .*: scale it"
        with pytest.raises(ArgumentError, match=message):
            nn.BCEWithLogitsLoss()(mt.tensor([3.0, -3.0]), target)

    def test_with_logits_it_is_exact_for_huge_logits(self):
        x = mt.tensor([1000.0, -1000.0, 1000.0, -1000.0, 40.0], requires_grad=True)
        y = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
        out = nn.BCEWithLogitsLoss(reduction="none")(x, y)
        assert np.allclose(out.data, [0.0, 0.0, 1000.0, 1000.0, math.exp(-40)], rtol=1e-12, atol=0)
        out.sum().backward()
        assert np.allclose(x.grad.data[:4], [0.0, 0.0, 1.0, -1.0])

    def test_weight(self):
        weight = np.array([[1.0], [2.0], [0.0], [4.0]])
        each = np.vectorize(bce)(P, Q) * weight
        assert np.isclose(nn.BCELoss(weight)(P, Q).item(), each.mean())
        logits = np.log(P / (1 - P))
        assert np.isclose(nn.BCEWithLogitsLoss(weight)(logits, Q).item(), each.mean())

    def test_pos_weight(self):
        def formula(x, y, w):
            return -(w * y * math.log(logistic(x)) + (1 - y) * math.log(1 - logistic(x)))

        each = np.vectorize(formula)(X, Q, WEIGHT)
        loss = nn.BCEWithLogitsLoss(pos_weight=WEIGHT)
        assert np.isclose(loss(X, Q).item(), each.mean(), rtol=1e-13)
        check_gradients(loss, X, Q)
        huge = F.binary_cross_entropy_with_logits(
            [1000.0, -1000.0], [1.0, 1.0], pos_weight=3.0, reduction="none"
        )
        assert huge.tolist() == [0.0, 3000.0]

    def test_factors_that_do_not_broadcast_raise(self):
        for factor in (np.ones(4), np.ones((2, 4, 3))):
            with pytest.raises(ShapeError, match=r"weight of shape .* \(4, 3\)"):
                F.binary_cross_entropy(P, Q, factor)
            with pytest.raises(ShapeError, match=r"pos_weight of shape .* \(4, 3\)"):
                F.binary_cross_entropy_with_logits(X, Q, pos_weight=factor)

    def test_weights_are_buffers(self):
        state = nn.BCEWithLogitsLoss(weight=[1.0], pos_weight=[2.0]).state_dict()
        assert {name: array.tolist() for name, array in state.items()} == {
            "weight": [1.0],
            "pos_weight": [2.0],
        }
        assert nn.BCELoss().state_dict() == {}


def log_softmax(row):
    total = math.log(sum(math.exp(x) for x in row))
    return [x - total for x in row]


def cross_entropy_by_hand(x, target, weight, reduction, smoothing=0.0, ignored=-100):
    """Of rows of logits, with torch.nn.CrossEntropyLoss's formulas."""
    losses, total = [], 0.0
    for row, label in zip(x, target, strict=True):
        if label == ignored:
            losses.append(0.0)
            continue
        logs = log_softmax(row)
        smooth = -sum(w * p for w, p in zip(weight, logs, strict=True)) / len(row)
        losses.append((1 - smoothing) * -weight[label] * logs[label] + smoothing * smooth)
        total += weight[label]
    return {"mean": sum(losses) / total, "sum": sum(losses), "none": losses}[reduction]


class TestCrossEntropy:
    @each_reduction
    @pytest.mark.parametrize("weight", [None, WEIGHT])
    @pytest.mark.parametrize("smoothing", [0.0, 0.3])
    @pytest.mark.parametrize("ignored", [-100, 2])
    def test_class_indices(self, reduction, weight, smoothing, ignored):
        loss = nn.CrossEntropyLoss(weight, ignored, reduction, smoothing)
        target = np.array([2, -100, 0, 1]) if ignored < 0 else CLASSES
        w = np.ones(3) if weight is None else weight
        expected = cross_entropy_by_hand(X, target, w, reduction, smoothing, ignored)
        assert np.allclose(loss(mt.tensor(X), target).data, expected, rtol=1e-13)
        check_gradients(lambda x: loss(x, target).sum(), X)

    @each_reduction
    @pytest.mark.parametrize("weight", [None, WEIGHT])
    @pytest.mark.parametrize("smoothing", [0.0, 0.3])
    def test_class_probabilities(self, reduction, weight, smoothing):
        loss = nn.CrossEntropyLoss(weight, reduction=reduction, label_smoothing=smoothing)
        target = Q / Q.sum(axis=1, keepdims=True)
        w = np.ones(3) if weight is None else weight
        y = (1 - smoothing) * target + smoothing / 3
        each = [-sum(w[k] * y[n, k] * log_softmax(X[n])[k] for k in range(3)) for n in range(4)]
        assert np.allclose(loss(X, target).data, REDUCE[reduction](each), rtol=1e-13)
        check_gradients(lambda x, y: loss(x, y).sum(), X, target)

    def test_one_hot_integers_are_probabilities(self):
        one_hot = np.eye(3, dtype=int)[CLASSES]
        assert np.isclose(F.cross_entropy(X, one_hot).item(), F.cross_entropy(X, CLASSES).item())

    def test_the_gradient_is_softmax_minus_one_hot(self):
        x = mt.tensor(X, requires_grad=True)
        F.cross_entropy(x, CLASSES).backward()
        softmax = np.exp([log_softmax(row) for row in X])
        assert np.allclose(x.grad.data, (softmax - np.eye(3)[CLASSES]) / 4, rtol=1e-13)

    def test_it_is_exact_for_huge_logits(self):
        x = mt.tensor(
            [[1000.0, -1000.0], [-1000.0, 1000.0], [-1000.0, -1000.0]], requires_grad=True
        )
        out = F.cross_entropy(x, [0, 0, 1], reduction="none")
        assert np.allclose(out.data, [0.0, 2000.0, math.log(2)], rtol=1e-15)
        out.sum().backward()
        assert x.grad.tolist() == [[0.0, 0.0], [-1.0, 1.0], [0.5, -0.5]]

    def test_a_logit_of_minus_infinity_is_a_class_ruled_out(self):
        x = mt.tensor([[0.0, -np.inf, 0.0]], requires_grad=True)
        out = F.cross_entropy(x, [0])
        out.backward()
        assert np.isclose(out.item(), math.log(2))
        assert x.grad.tolist() == [[-0.5, 0.0, 0.5]]

    def test_one_example_without_a_batch(self):
        expected = -log_softmax(X[0])[2]
        for reduction in ("mean", "sum", "none"):
            out = F.cross_entropy(X[0], 2, reduction=reduction)
            assert out.shape == ()
            assert np.isclose(out.item(), expected)
        assert np.isclose(F.cross_entropy(X[0], [0.0, 0.0, 1.0]).item(), expected)

    @each_reduction
    def test_more_axes(self, reduction):
        x = rng.normal(size=(2, 3, 4, 5))
        target = rng.integers(0, 3, size=(2, 4, 5))
        rows, labels = np.moveaxis(x, 1, -1).reshape(-1, 3), target.reshape(-1)
        expected = cross_entropy_by_hand(rows, labels, WEIGHT, reduction)
        out = F.cross_entropy(x, target, WEIGHT, reduction=reduction)
        assert np.allclose(out.data.reshape(-1), expected, rtol=1e-13)

    @each_reduction
    def test_gradients_with_more_axes(self, reduction):
        x, target = rng.normal(size=(2, 3, 2)), np.array([[0, 2], [1, 1]])
        check_gradients(lambda t: F.cross_entropy(t, target, reduction=reduction).sum(), x)
        one_hot = np.moveaxis(np.eye(3)[target], -1, 1)
        expected = F.cross_entropy(x, target, reduction=reduction)
        assert np.allclose(F.cross_entropy(x, one_hot, reduction=reduction).data, expected.data)

    def test_float32_stays(self):
        x = mt.tensor(X, dtype=np.float32, requires_grad=True)
        for loss in (nn.CrossEntropyLoss(), nn.CrossEntropyLoss([1, 2, 3], label_smoothing=0.1)):
            x.grad = None
            out = loss(x, CLASSES)
            out.backward()
            assert out.dtype == x.grad.dtype == np.float32

    @pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.int8])
    def test_any_integers_are_class_indices(self, dtype):
        x = mt.tensor(X, requires_grad=True)
        F.cross_entropy(x, CLASSES.astype(dtype)).backward()
        assert np.isclose(
            F.cross_entropy(X, CLASSES.astype(dtype)).item(), F.cross_entropy(X, CLASSES).item()
        )

    @each_reduction
    @pytest.mark.parametrize(
        "loss",
        [
            F.cross_entropy,
            F.nll_loss,
            functools.partial(F.cross_entropy, label_smoothing=0.1),
        ],
    )
    @pytest.mark.parametrize("target", [[2, 0, 1, 2], [2, -100, 1, -100]])
    def test_gradients_of_the_weight(self, loss, reduction, target):
        check_gradients(
            lambda x, w: (loss(x, target, w, reduction=reduction) ** 2).sum(), X, WEIGHT
        )

    @pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
    def test_float32_stays_where_examples_are_ignored(self, loss):
        x = mt.tensor(X, dtype=np.float32)
        assert loss(x, [2, -100, 1, 0]).dtype == np.float32
        assert loss(x, [2, -100, 1, 0], [1, 2, 3]).dtype == np.float32

    def test_ignored_examples_get_no_gradient(self):
        x = mt.tensor(X, requires_grad=True)
        F.cross_entropy(x, [2, -1, 1, -1], ignore_index=-1).backward()
        assert not x.grad.data[[1, 3]].any()
        assert x.grad.data[[0, 2]].all()

    @pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
    def test_indices_out_of_range_raise(self, loss):
        for wrong in (3, -1):
            with pytest.raises(
                IndexingError, match=rf"class index {wrong} at \(2,\).* 3 classes: .* 0 to 2"
            ):
                loss(X, [0, 1, wrong, 2])
        with pytest.raises(IndexingError, match=r"index -100"):
            loss(X, [0, 1, -100, 2], ignore_index=-1)

    @pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
    def test_float_and_boolean_indices_raise(self, loss):
        with pytest.raises(DtypeError, match=r"dtype float64.* target\.astype\(int\)"):
            loss(X, [0.0, 1.0, 2.0, 1.0])
        with pytest.raises(DtypeError, match="dtype bool"):
            loss(X, [True, False, True, False])

    @pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
    def test_other_shapes_raise(self, loss):
        with pytest.raises(ShapeError, match=r"shape \(4, 1\) for 3 classes.* shape \(4,\)"):
            loss(X, CLASSES[:, None])
        with pytest.raises(ShapeError, match=r"shape \(3,\) for 3 classes"):
            loss(X, [0, 1, 2])
        with pytest.raises(ShapeError, match="single number"):
            loss(1.0, 0)
        with pytest.raises(ShapeError, match=r"weight has shape \(2,\).* \(3,\)"):
            loss(X, CLASSES, [1.0, 2.0])

    def test_label_smoothing_out_of_range_raises(self):
        with pytest.raises(ArgumentError, match=r"label_smoothing is 1\.5"):
            nn.CrossEntropyLoss(label_smoothing=1.5)(X, CLASSES)


class TestNLL:
    @each_reduction
    @pytest.mark.parametrize("weight", [None, WEIGHT])
    def test_of_log_softmax_it_is_the_cross_entropy(self, reduction, weight):
        target = np.array([2, 0, -100, 1])
        w = np.ones(3) if weight is None else weight
        expected = cross_entropy_by_hand(X, target, w, reduction)
        loss = nn.NLLLoss(weight, reduction=reduction)
        out = loss(F.log_softmax(X, dim=1), target)
        assert np.allclose(out.data, expected, rtol=1e-13)
        check_gradients(lambda x: loss(x, target).sum() ** 2, X)

    def test_shapes(self):
        assert F.nll_loss(X[0], 1).item() == -X[0, 1]
        x = rng.normal(size=(2, 3, 4))
        target = rng.integers(0, 3, size=(2, 4))
        out = F.nll_loss(x, target, reduction="none")
        assert out.shape == (2, 4)
        for n, d in np.ndindex(2, 4):
            assert out.data[n, d] == -x[n, target[n, d], d]


class TestFusedOperations:
    """First and second order with a gradient of the output that is not 1."""

    G = rng.normal(size=(4, 3))

    def test_linear(self):
        W, b = rng.normal(size=(2, 3)), rng.normal(size=2)
        g = self.G[:, :2]
        check_gradients(lambda x, w, b: (g * fused.linear(x, w, b) ** 2).sum(), X, W, b)
        check_gradients(lambda x, w: (g * fused.linear_no_bias(x, w) ** 2).sum(), X, W)
        stacked = X.reshape(2, 2, 3)
        check_gradients(
            lambda x, w, b: (g.reshape(2, 2, 2) * fused.linear(x, w, b) ** 2).sum(), stacked, W, b
        )
        check_gradients(lambda x, w, b: (fused.linear(x, w, b) ** 2).sum(), X[0], W, b)

    def test_linear_checks_the_bias(self):
        with pytest.raises(ShapeError, match=r"bias of shape \(2,\) .* \(1, 2\)"):
            F.linear(mt.tensor(X), np.ones((2, 3)), np.ones((1, 2)))

    def test_elementwise(self):
        check_gradients(lambda x, y: fused.sum_squared_error(x, y) ** 2, X, Y)
        check_gradients(lambda x, y: (self.G * fused.binary_cross_entropy(x, y)).sum(), P, Q)
        check_gradients(
            lambda x, y: (self.G * fused.binary_cross_entropy_with_logits(x, y)).sum(), X, Q
        )

    def test_classes(self):
        classes = mt.tensor(CLASSES)
        check_gradients(lambda x: (self.G[:, 0] * fused.cross_entropy(x, classes)).sum(), X)
        check_gradients(lambda x: fused.mean_cross_entropy(x, classes) ** 2, X)
        check_gradients(lambda x: (self.G * fused.softmax_error(x, classes)).sum(), X)

    def test_one_large_batch_of_few_examples(self):
        x = rng.normal(size=(2, 50))
        check_gradients(lambda t: fused.mean_cross_entropy(t, mt.tensor([3, 49])), x)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (lambda x: F.cross_entropy(x, [2, 1]), 1.0040134785909687),
        (lambda x: F.cross_entropy(x, [2, 1], WEIGHT, label_smoothing=0.2), 1.1859948063119523),
        (
            lambda x: F.cross_entropy(x, F.softmax(x, 0), WEIGHT, label_smoothing=0.2),
            2.601832581740271,
        ),
        (
            lambda x: F.binary_cross_entropy_with_logits(
                x, np.full((2, 3), 0.3), WEIGHT, pos_weight=WEIGHT
            ),
            1.3920253872227242,
        ),
        (
            lambda x: F.binary_cross_entropy(F.sigmoid(x), np.full((2, 3), 0.3)),
            0.9138671942620556,
        ),
    ],
)
def test_values_of_pytorch(loss, expected):
    # What torch 2.13.0 gave for the same calls, in float64.
    x = mt.tensor([[0.3, -1.2, 2.0], [1.5, 0.0, -0.5]])
    assert np.isclose(loss(x).item(), expected, rtol=1e-14)
