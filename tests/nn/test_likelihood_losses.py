"""Huber's loss, divergences and likelihoods, against closed forms and SciPy's distributions."""

import math

import numpy as np
import pytest
import scipy.stats

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn
from microtensor.errors import ArgumentError, ShapeError
from microtensor.gradcheck import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
X, Y = 2 * rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
P = rng.dirichlet(np.full(3, 9.0), size=4)
Q = rng.dirichlet(np.full(3, 9.0), size=4)
VAR = rng.uniform(0.2, 2, (4, 3))
COUNTS = rng.poisson(3, (4, 3))


def huber(x, y, delta):
    d = abs(x - y)
    return d * d / 2 if d <= delta else delta * (d - delta / 2)


LOSSES = {
    "huber": (nn.HuberLoss(delta=0.7), (X, Y), np.vectorize(lambda x, y: huber(x, y, 0.7))),
    "smooth L1": (
        nn.SmoothL1Loss(beta=0.7), (X, Y), np.vectorize(lambda x, y: huber(x, y, 0.7) / 0.7),
    ),
    "smooth L1 of 0": (nn.SmoothL1Loss(beta=0), (X, Y), lambda x, y: abs(x - y)),
    "KL": (nn.KLDivLoss(), (np.log(P), Q), lambda p, q: q * (np.log(q) - p)),
    "KL of logarithms": (
        nn.KLDivLoss(log_target=True), (np.log(P), np.log(Q)), lambda p, q: np.exp(q) * (q - p),
    ),
    "Poisson": (nn.PoissonNLLLoss(), (X, COUNTS), lambda x, n: np.exp(x) - n * x),
    "Poisson of rates": (
        nn.PoissonNLLLoss(log_input=False), (VAR, COUNTS),
        lambda x, n: x - n * np.log(x + 1e-8),
    ),
    "Gauss": (
        nn.GaussianNLLLoss(full=True), (X, Y, VAR),
        lambda x, y, v: -scipy.stats.norm.logpdf(y, x, np.sqrt(v)),
    ),
    "Gauss of rows": (
        nn.GaussianNLLLoss(full=True), (X, Y, VAR[:, 0]),
        lambda x, y, v: -scipy.stats.norm.logpdf(y, x, np.sqrt(v)[:, None]),
    ),
}  # fmt: skip
each_loss = pytest.mark.parametrize(("loss", "inputs", "formula"), LOSSES.values(), ids=LOSSES)
REDUCE = {"mean": np.mean, "sum": np.sum, "none": np.asarray}


def tensors(inputs, dtype=float):
    return [
        mt.tensor(x.astype(dtype), requires_grad=True) if x.dtype.kind == "f" else x for x in inputs
    ]


@each_loss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_values(loss, inputs, formula, reduction):
    loss.reduction = reduction
    expected = REDUCE[reduction](formula(*inputs))
    np.testing.assert_allclose(loss(*inputs).data, expected, rtol=1e-12, atol=1e-13)


@each_loss
def test_gradients_of_both_orders(loss, inputs, formula):
    loss.reduction = "none"
    assert gradcheck(loss, tensors(inputs))
    assert gradgradcheck(loss, tensors(inputs))


@each_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_dtypes_stay(loss, inputs, formula, dtype):
    loss.reduction = "mean"
    given = tensors(inputs, dtype)
    out = loss(*given)
    out.backward()
    assert out.dtype == dtype
    assert {t.grad.dtype for t in given if isinstance(t, mt.Tensor)} == {np.dtype(dtype)}


@each_loss
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_compiled_it_is_the_eager_one(loss, inputs, formula, backend):
    loss.reduction = "mean"

    def step(x, *rest):
        x = mt.tensor(x, requires_grad=True)
        out = loss(x, *rest)
        return out, *mt.autograd.grad([out], [x])

    fast = mt.compile(step, backend=backend)
    for k in range(3):
        scaled = [inputs[0] * (1 + 0.1 * k), *inputs[1:]]
        for ours, expected in zip(fast(*scaled), step(*scaled), strict=True):
            np.testing.assert_allclose(ours.data, expected.data, rtol=1e-12, atol=1e-14)


@each_loss
def test_other_shapes_raise(loss, inputs, formula):
    with pytest.raises(ShapeError, match=r"\(4, 3\), the target \(3,\)"):
        loss(inputs[0], inputs[1][0], *inputs[2:])


class TestHuber:
    def test_slopes_where_the_square_ends(self):
        x = mt.tensor([-2.0, -1.0, 0.0, 1.0, 1e300], requires_grad=True)
        with np.errstate(all="raise"):
            nn.HuberLoss("none")(x, np.zeros(5)).sum().backward()
        assert x.grad.tolist() == [-1.0, -1.0, 0.0, 1.0, 1.0]

    def test_it_is_one_operation(self):
        out = nn.HuberLoss("none")(mt.tensor(X, requires_grad=True), Y)
        assert out._node.op.name == "huber"
        assert all(parent.op is None for parent in out._node.parents)

    def test_weights_of_elements(self):
        w = VAR
        expected = np.vectorize(lambda x, y: huber(x, y, 1))(X, Y) * w
        assert F.huber_loss(X, Y, weight=w).item() == pytest.approx(expected.mean())
        assert F.mse_loss(X, Y, weight=w).item() == pytest.approx(np.average((X - Y) ** 2, None, w))
        assert F.l1_loss(X, Y, weight=w, reduction="sum").item() == pytest.approx(
            (abs(X - Y) * w).sum()
        )
        for loss in (F.huber_loss, F.mse_loss, F.l1_loss):
            with pytest.raises(ShapeError, match=r"prediction \(4, 3\), the weight \(3,\)"):
                loss(X, Y, weight=w[0])

    def test_settings(self):
        with pytest.raises(ArgumentError, match="delta=0, which must be positive"):
            nn.HuberLoss(delta=0)(X, Y)
        with pytest.raises(ArgumentError, match="beta=-1"):
            nn.SmoothL1Loss(beta=-1)(X, Y)


class TestDivergence:
    def test_over_the_batch_it_is_scipys(self):
        out = nn.KLDivLoss("batchmean")(np.log(P), Q)
        assert out.item() == pytest.approx(np.mean(scipy.stats.entropy(Q, P, axis=1)), rel=1e-12)

    def test_of_certainties_it_is_finite(self):
        q = mt.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
        out = nn.KLDivLoss("batchmean")(np.log(P[:1]), q)
        out.backward()
        assert out.item() == pytest.approx(-math.log(P[0, 0]))
        assert np.isfinite(q.grad.data).all()

    def test_a_negative_probability(self):
        with pytest.raises(ArgumentError, match=r"probability -0\.5 at \(0, 1\)"):
            nn.KLDivLoss()(np.log(P[:1]), [[1.0, -0.5, 0.5]])

    def test_only_here_is_there_a_mean_over_the_batch(self):
        with pytest.raises(ArgumentError, match="'batchmean'"):
            nn.MSELoss("batchmean")
        with pytest.raises(ArgumentError, match="'batch'"):
            nn.KLDivLoss("batch")


class TestPoisson:
    def test_in_full_it_is_nearly_the_likelihood(self):
        n = np.array([2, 5, 40])
        out = F.poisson_nll_loss(np.log([3.0, 4.0, 50.0]), n, full=True, reduction="none")
        expected = -scipy.stats.poisson.logpmf(n, [3.0, 4.0, 50.0])
        np.testing.assert_allclose(out.data, expected, atol=0.05)  # Stirling's formula
        each = n * np.log(n) - n + np.log(2 * np.pi * n) / 2
        without = F.poisson_nll_loss(np.log([3.0, 4.0, 50.0]), n, reduction="none")
        np.testing.assert_allclose(out.data - without.data, each, rtol=1e-12)

    def test_no_stirling_up_to_1(self):
        for n in (0, 1):
            assert F.poisson_nll_loss(0.5, n, full=True).item() == F.poisson_nll_loss(0.5, n).item()

    def test_a_rate_of_0_is_finite(self):
        assert np.isfinite(F.poisson_nll_loss(np.zeros(2), [0, 1], log_input=False).item())


class TestGauss:
    def test_a_variance_of_0_counts_as_eps(self):
        var = mt.tensor(np.zeros((4, 3)), requires_grad=True)
        out = nn.GaussianNLLLoss(eps=0.1, reduction="none")(X, Y, var)
        np.testing.assert_allclose(out.data, (math.log(0.1) + (X - Y) ** 2 / 0.1) / 2)
        out.sum().backward()
        np.testing.assert_allclose(var.grad.data, (1 / 0.1 - (X - Y) ** 2 / 0.01) / 2)

    def test_one_variance(self):
        assert nn.GaussianNLLLoss()(X, Y, 2.0).item() == pytest.approx(
            np.mean(math.log(2) + (X - Y) ** 2 / 2) / 2
        )

    def test_bad_variances(self):
        wrong = VAR.copy()
        wrong[1, 2] = -0.5
        with pytest.raises(ArgumentError, match=r"variance -0\.5 at \(1, 2\)"):
            nn.GaussianNLLLoss()(X, Y, wrong)
        with pytest.raises(ArgumentError, match=r"variance -1\.0"):
            nn.GaussianNLLLoss()(X, Y, -1.0)
        with pytest.raises(ShapeError, match=r"variances of shape \(3,\) .* \(4, 3\)"):
            nn.GaussianNLLLoss()(X, Y, VAR[0])
        with pytest.raises(ArgumentError, match="eps=0"):
            nn.GaussianNLLLoss(eps=0)(X, Y, VAR)
