"""Factors that later steps make up for, and those that they do not: the mean's 1/m, kept out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microtensor as mt

M = 5
NAMES = ("z2", "W2", "b2", "a1", "z1", "W1", "b1")


class Network:
    """Two sigmoid layers with a binary cross entropy, in columns, derived with 1/m in dW and db."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.X = rng.normal(size=(3, M))
        self.Y = (rng.random((2, M)) > 0.5).astype(float)
        self.W1 = mt.tensor(rng.normal(size=(4, 3)), requires_grad=True)
        self.b1 = mt.tensor(rng.normal(size=(4, 1)), requires_grad=True)
        self.W2 = mt.tensor(rng.normal(size=(2, 4)), requires_grad=True)
        self.b2 = mt.tensor(rng.normal(size=(2, 1)), requires_grad=True)
        self.z1 = self.W1 @ self.X + self.b1
        self.a1 = mt.sigmoid(self.z1)
        self.z2 = self.W2 @ self.a1 + self.b2
        self.a2 = mt.sigmoid(self.z2)
        logs = self.Y * np.log(self.a2) + (1 - self.Y) * np.log(1 - self.a2)
        self.cost = -logs.sum() / M

    def compare(self, names: tuple[str, ...] = NAMES, **wrong: Any) -> Any:
        """Compare the derivation; a keyword is what to do to a gradient before it is used."""
        v: dict[str, Any] = {}
        A1, A2 = self.a1.data, self.a2.data

        def put(name: str, g: Any) -> None:
            v[name] = wrong[name](g) if name in wrong else g

        put("z2", A2 - self.Y)
        put("W2", v["z2"] @ A1.T / M)
        put("b2", v["z2"].sum(axis=1, keepdims=True) / M)
        put("a1", self.W2.data.T @ v["z2"])
        put("z1", v["a1"] * A1 * (1 - A1))
        put("W1", v["z1"] @ self.X.T / M)
        put("b1", v["z1"].sum(axis=1, keepdims=True) / M)
        return mt.compare(self.cost, {getattr(self, name): v[name] for name in names})


@pytest.fixture
def net() -> Network:
    return Network()


def kinds(comparison: Any) -> dict[str, str]:
    return {row.name.rpartition(".")[2]: row.cause.kind for row in comparison.rows if row.cause}


def roots(comparison: Any) -> set[str]:
    return {row.name.rpartition(".")[2] for row in comparison.roots}


def test_the_convention_is_told_and_is_no_mistake(net: Network) -> None:
    comparison = net.compare()
    assert comparison.ok
    assert kinds(comparison) == dict.fromkeys(("z2", "a1", "z1"), "convention")
    row = comparison["self.z2"]
    assert row.cause.factor == pytest.approx(M)
    assert "m = 5" in row.cause.text


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda g: -g, "sign"),
        (lambda g: 2 * g, "factor"),
        (lambda g: g * g, "unknown"),
    ],
)
@pytest.mark.parametrize("name", ["z2", "a1", "z1"])
def test_a_mistake_in_such_a_derivation_is_the_only_root(
    net: Network, name: str, change: Any, kind: str
) -> None:
    comparison = net.compare(**{name: change})
    assert roots(comparison) == {name}
    assert kinds(comparison)[name] == kind


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_a_parameter_without_the_factor_is_wrong(net: Network, name: str) -> None:
    comparison = net.compare(**{name: lambda g: g * M})
    assert roots(comparison) == {name}
    cause = comparison.roots[0].cause
    assert cause.kind in ("factor", "missing_sum")


def test_without_the_parameters_nothing_makes_up_for_it(net: Network) -> None:
    comparison = net.compare(("z2", "a1", "z1"))
    assert roots(comparison) == {"z2"}
    assert comparison.roots[0].cause.factor == pytest.approx(M)


def test_if_no_parameter_makes_up_for_it_it_is_a_mistake(net: Network) -> None:
    forgotten = dict.fromkeys(("W1", "b1", "W2", "b2"), lambda g: g * M)
    assert roots(net.compare(**forgotten)) == {"z2"}


@pytest.mark.parametrize("factor", [-1.0, 2.37, 1.00002, 0.5])
def test_one_spoilt_array_among_right_ones_is_no_convention(net: Network, factor: float) -> None:
    names = ["z2", "W2", "b2", "a1", "z1", "W1", "b1"]
    tensors = [getattr(net, name) for name in names]
    right = mt.autograd.grad(net.cost, tensors, retain_graph=True)
    hand = {t: g.numpy().copy() for t, g in zip(tensors, right, strict=True)}
    hand[net.z2] *= factor
    comparison = mt.compare(net.cost, hand)
    assert roots(comparison) == {"z2"}
    cause = comparison.roots[0].cause
    assert cause.kind == ("sign" if factor == -1 else "factor")
    assert cause.factor == pytest.approx(factor, rel=1e-9)


def test_data_carries_the_factor_on(net: Network) -> None:
    X = mt.tensor(net.X, requires_grad=True)
    z1 = net.W1 @ X + net.b1
    cost = (((z1 - 1.0) ** 2).sum()) / M
    dz1 = 2 * (z1.data - 1.0)
    dW1, db1 = dz1 @ net.X.T / M, dz1.sum(axis=1, keepdims=True) / M
    dX = net.W1.data.T @ dz1
    assert mt.compare(cost, {z1: dz1, net.W1: dW1, net.b1: db1, X: dX}).ok
