"""`mt.compare`: what it takes, what it refuses, and what it leaves as it was."""

from __future__ import annotations

import re
import threading
from typing import Any

import autograd
import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import microtensor as mt
from microtensor import nn
from microtensor.compare import Comparison, Status
from microtensor.errors import (
    ArgumentError,
    ComparisonError,
    DtypeError,
    GradientError,
    InPlaceError,
    ReleasedGraphError,
    ShapeError,
)
from tests.test_random_graphs import Program, programs

X = np.array([[0.0, 0.3, 1.0], [0.2, 1.0, 1.0], [1.0, 0.1, 1.0], [1.0, 0.9, 0.5]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])


class Network:
    """Two layers, and their gradients by hand."""

    def __init__(self, dtype: Any = np.float64) -> None:
        rng = np.random.default_rng(0)
        self.W1 = mt.tensor(rng.normal(size=(3, 5)).astype(dtype), requires_grad=True)
        self.W2 = mt.tensor(rng.normal(size=(5, 1)).astype(dtype), requires_grad=True)
        self.x = mt.tensor(X.astype(dtype))
        self.z1 = self.x @ self.W1
        self.a1 = mt.tanh(self.z1)
        self.p = self.a1 @ self.W2
        self.loss = ((self.p - Y.astype(dtype)) ** 2).sum()

    def derive(self, **wrong: Any) -> dict[mt.Tensor, Any]:
        """Derive every gradient; a keyword is another step."""
        v: dict[str, Any] = {}
        steps = {
            "dp": lambda: 2 * (self.p.data - Y),
            "dW2": lambda: self.a1.data.T @ v["dp"],
            "da1": lambda: v["dp"] @ self.W2.data.T,
            "dz1": lambda: v["da1"] * (1 - self.a1.data**2),
            "dW1": lambda: X.T @ v["dz1"],
            "dx": lambda: v["dz1"] @ self.W1.data.T,
        }
        for name, step in steps.items():
            v[name] = wrong[name](v) if name in wrong else step()
        return {getattr(self, name[1:]): array for name, array in v.items()}


@pytest.fixture
def net() -> Network:
    return Network()


def statuses(comparison: Comparison) -> dict[str, str]:
    return {row.name: str(row.status) for row in comparison.rows}


# What it finds


def test_right_gradients_are_right_in_backpropagation_order(net: Network) -> None:
    comparison = mt.compare(net.loss, net.derive())
    assert comparison.ok
    assert comparison.roots == []
    names = [row.name.removeprefix("net.") for row in comparison.rows]
    assert names.index("p") == 0
    assert names.index("a1") < names.index("z1") < names.index("W1")
    comparison.raise_if_wrong()


def test_a_mistake_is_told_from_its_consequences(net: Network) -> None:
    comparison = mt.compare(net.loss, net.derive(da1=lambda v: -v["dp"] @ net.W2.data.T))
    assert statuses(comparison) == {
        "net.p": "exact",
        "net.W2": "exact",
        "net.a1": "wrong",
        "net.z1": "inherited",
        "net.W1": "inherited",
        "net.x": "inherited",
    }
    (root,) = comparison.roots
    assert root.cause is not None
    assert root.cause.kind == "sign"
    assert root.tensor is net.a1


def test_between_two_given_gradients_autograds_own_rules_are_used(net: Network) -> None:
    derived = net.derive(dp=lambda v: 3 * (net.p.data - Y))
    partial = {tensor: derived[tensor] for tensor in (net.p, net.W1)}
    comparison = mt.compare(net.loss, partial)
    assert statuses(comparison) == {"net.p": "wrong", "net.W1": "inherited"}
    assert comparison.roots[0].cause is not None
    assert comparison.roots[0].cause.factor == 1.5


@pytest.mark.parametrize("is_written_out", [False, True])
def test_a_bias_of_zeros_adds_no_second_function(is_written_out: bool) -> None:
    rng = np.random.default_rng(0)

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z)) if is_written_out else mt.sigmoid(z)

    def at_output(a: Any) -> Any:
        s = 1 / (1 + np.exp(-a))
        return s * (1 - s)

    x = rng.normal(size=(4, 3))
    W1, W2 = (mt.tensor(rng.normal(size=s), requires_grad=True) for s in [(3, 5), (5, 2)])
    b1, b2 = (mt.tensor(np.zeros(n), requires_grad=True) for n in (5, 2))
    a1 = sigmoid(x @ W1 + b1)
    a2 = sigmoid(a1 @ W2 + b2)
    loss = (a2**2).sum()
    dz2 = 2 * a2.numpy() * at_output(a2.numpy())
    dz1 = dz2 @ W2.numpy().T * at_output(a1.numpy())
    comparison = mt.compare(loss, {W2: a1.numpy().T @ dz2, W1: x.T @ dz1})
    assert [row.cause.kind for row in comparison.roots] == ["derivative_at_output"] * 2
    assert [row.cause.factor for row in comparison.roots] == [None, None]
    assert "both places" in comparison["W1"].cause.text


def test_inputs_that_require_no_gradient_can_be_compared(net: Network) -> None:
    derived = net.derive()
    assert mt.compare(net.loss, {net.x: derived[net.x]}).ok
    (row,) = mt.compare(net.loss, {net.x: -derived[net.x]}).rows
    assert row.cause is not None
    assert row.cause.kind == "sign"


def test_the_output_itself_can_be_given() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    comparison = mt.compare(loss, {loss: 2.0, x: 4 * x.data})
    assert statuses(comparison) == {"loss": "wrong", "x": "inherited"}


def test_a_gradient_for_an_output_of_several_elements() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    y = x**3
    g = np.array([1.0, -1.0])
    assert mt.compare(y, {x: g * 3 * x.data**2}, gradient=g).ok


def test_float32_in_a_float64_graph_is_close_and_said_so(net: Network) -> None:
    derived = {tensor: array.astype(np.float32) for tensor, array in net.derive().items()}
    comparison = mt.compare(net.loss, derived)
    assert comparison.ok
    kinds = {row.cause.kind for row in comparison.rows if row.cause is not None}
    assert kinds == {"precision"}


def test_a_wrong_digit_in_a_small_element_is_found(net: Network) -> None:
    derived = net.derive()
    derived[net.W1] = derived[net.W1].copy()
    derived[net.W1][1, 2] *= 1 + 1e-4
    comparison = mt.compare(net.loss, derived)
    (root,) = comparison.roots
    assert root.cause is not None
    assert (root.cause.kind, root.cause.index) == ("unknown", (1, 2))
    assert f"{derived[net.W1][1, 2]:.6g}" in root.cause.text


def test_tolerances_of_the_users_own() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    nearly = {x: 2 * x.data + 0.01}
    assert not mt.compare(loss, nearly).ok
    assert mt.compare(loss, nearly, atol=0.02).ok
    assert mt.compare(loss, nearly, rtol=0.01).ok
    assert not mt.compare(loss, nearly, rtol=0.001, atol=0.001).ok


def test_nothing_is_broadcast_into_agreement() -> None:
    W = mt.tensor(np.ones((1, 4)), requires_grad=True)
    loss = (W * 3.0).sum()
    (row,) = mt.compare(loss, {W: np.full(4, 3.0)}).rows
    assert row.status == Status.WRONG
    assert row.cause is not None
    assert row.cause.kind == "shape"
    assert "reshape it to (1, 4)" in row.cause.text


def test_a_nan_is_found_where_it_is_made(net: Network) -> None:
    def with_nan(v: dict[str, Any]) -> Any:
        dz1 = v["da1"] * (1 - net.a1.data**2)
        dz1[2, 3] = np.nan
        return dz1

    comparison = mt.compare(net.loss, net.derive(dz1=with_nan))
    (root,) = comparison.roots
    assert root.cause is not None
    assert (root.name, root.cause.kind, root.cause.index) == ("net.z1", "nonfinite", (2, 3))
    assert comparison["net.W1"].status == "inherited"


# Programs that Hypothesis draws


def by_hips(program: Program) -> list[Any]:
    import autograd.numpy as anp

    gradients: list[Any] = autograd.grad(lambda leaves: program.loss(anp, *leaves))(program.leaves)
    return [
        np.asarray(g, float).reshape(x.shape)
        for g, x in zip(gradients, program.leaves, strict=True)
    ]


@settings(deadline=None)
@given(programs())
def test_gradients_of_another_library_raise_no_alarm(program: Program) -> None:
    note(repr(program))
    leaves = [mt.tensor(x, requires_grad=True) for x in program.leaves]
    loss = program.loss(np, *leaves)
    hand = dict(zip(leaves, by_hips(program), strict=True))
    used = {leaf: g for leaf, g in hand.items() if depends(loss, leaf)}
    if used:
        comparison = mt.compare(loss, used)
        assert comparison.ok, str(comparison)


@settings(deadline=None)
@given(programs(), st.integers(0, 1000))
def test_a_planted_mistake_is_the_only_root(program: Program, seed: int) -> None:
    note(repr(program))
    leaves = [mt.tensor(x, requires_grad=True) for x in program.leaves]
    loss = program.loss(np, *leaves)
    hand = {
        leaf: g for leaf, g in zip(leaves, by_hips(program), strict=True) if depends(loss, leaf)
    }
    rng = np.random.default_rng(seed)
    wrong = [leaf for leaf in hand if np.abs(hand[leaf]).max() > 1e-3]
    if wrong:
        leaf = wrong[seed % len(wrong)]
        hand[leaf] = hand[leaf] * (1 + rng.uniform(0.5, 1.5, leaf.shape))
        comparison = mt.compare(loss, hand)
        assert [row.tensor for row in comparison.roots] == [leaf]


def depends(loss: Any, leaf: mt.Tensor) -> bool:
    if not isinstance(loss, mt.Tensor):
        return False
    return mt.autograd.grad(loss, [leaf], retain_graph=True, allow_unused=True)[0] is not None


# What it leaves alone


def test_the_graph_can_be_used_before_and_after(net: Network) -> None:
    derived = net.derive()
    mt.compare(net.loss, derived)
    assert mt.compare(net.loss, derived).ok
    assert net.W1.grad is None
    net.loss.backward()
    np.testing.assert_array_equal(net.W1.grad.data, derived[net.W1])


def test_the_arrays_that_are_given_are_not_changed(net: Network) -> None:
    derived = net.derive(dp=lambda v: -2 * (net.p.data - Y))
    copies = {tensor: array.copy() for tensor, array in derived.items()}
    for array in derived.values():
        array.flags.writeable = False
    mt.compare(net.loss, derived)
    for tensor, array in derived.items():
        np.testing.assert_array_equal(array, copies[tensor])


def test_it_works_after_a_backward_pass_that_keeps_the_graph(net: Network) -> None:
    net.loss.backward(retain_graph=True)
    assert mt.compare(net.loss, net.derive()).ok


def test_it_works_under_no_grad_and_in_a_thread(net: Network) -> None:
    found = []
    with mt.no_grad():
        found.append(mt.compare(net.loss, net.derive()).ok)
    thread = threading.Thread(target=lambda: found.append(mt.compare(net.loss, net.derive()).ok))
    thread.start()
    thread.join()
    assert found == [True, True]


# Names


def test_parameters_of_a_module_have_their_paths() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 1))
    loss = nn.MSELoss()(model(mt.tensor(X)), mt.tensor(Y))
    parameters = list(model.parameters())
    gradients = mt.autograd.grad(loss, parameters, retain_graph=True)
    hand = {p: 2 * g.numpy() for p, g in zip(parameters, gradients, strict=True)}
    names = {row.name for row in mt.compare(loss, hand).rows}
    assert names == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_gradients_have_the_names_of_the_users_arrays() -> None:
    W = mt.tensor([1.0, 2.0], requires_grad=True)
    loss = (W * W).sum()
    my_dW = np.array([1.0, 2.0])
    (row,) = mt.compare(loss, {W: my_dW}).rows
    assert row.gradient_name == "my_dW"
    assert row.step == "my_dW = 2 * W"
    grads = {"dW": np.array([1.0, 2.0])}
    assert mt.compare(loss, {W: grads["dW"]}).rows[0].gradient_name == "dW"


def test_names_can_be_given() -> None:
    network = Network()
    gradients = network.derive(dz1=lambda v: v["da1"])
    names = {"hidden": network.z1, "d_hidden": gradients[network.z1], "active": network.a1}
    comparison = mt.compare(network.loss, gradients, names=names)
    (root,) = comparison.roots
    assert (root.name, root.gradient_name) == ("hidden", "d_hidden")
    assert root.cause is not None
    assert "gradient of active" in root.cause.text
    assert all("W1" not in row.name for row in comparison.rows)


def test_rows_are_found_by_name_and_position(net: Network) -> None:
    comparison = mt.compare(net.loss, net.derive())
    assert comparison["net.p"] is comparison[0]
    assert len(comparison) == 6
    with pytest.raises(KeyError, match=r"'q' is none of net\.p"):
        comparison["q"]


# What it refuses


def test_wrong_mappings_are_refused(net: Network) -> None:
    for given_, wanted in [
        ([net.W1], "takes a dict of arrays by their tensors, .* a list"),
        ({}, "got no hand-derived gradients"),
        ({"W1": X}, "takes the tensors themselves as keys, .* got 'W1'"),
    ]:
        with pytest.raises(ArgumentError, match=wanted):
            mt.compare(net.loss, given_)


def test_a_loss_that_is_no_tensor_or_has_no_graph_is_refused(net: Network) -> None:
    with pytest.raises(ArgumentError, match="needs the loss as a Tensor"):
        mt.compare(3.0, {net.W1: X})
    with pytest.raises(GradientError, match="was not computed by recorded operations"):
        mt.compare(net.loss.detach(), net.derive())


def test_a_tensor_of_another_pass_is_refused(net: Network) -> None:
    other = Network()
    with pytest.raises(GradientError, match=r"the output was not computed from.*same pass"):
        mt.compare(net.loss, {other.z1: np.zeros((4, 5))})
    with pytest.raises(GradientError, match="before any copy"):
        mt.compare(net.loss, {net.a1.detach(): np.zeros((4, 5))})


def test_a_released_graph_is_refused(net: Network) -> None:
    derived = net.derive()
    net.loss.backward()
    with pytest.raises(ReleasedGraphError, match="call it before backward"):
        mt.compare(net.loss, derived)


def test_a_graph_whose_arrays_changed_is_refused(net: Network) -> None:
    derived = net.derive()
    with mt.no_grad():
        net.W2 -= 0.1
    with pytest.raises(InPlaceError):
        mt.compare(net.loss, derived)


def test_an_output_of_several_elements_needs_a_gradient(net: Network) -> None:
    with pytest.raises(GradientError, match=r"output of one element, and .* \(4, 1\).*gradient="):
        mt.compare(net.p, net.derive())
    with pytest.raises(ShapeError):
        mt.compare(net.p, net.derive(), gradient=np.ones(4))


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (np.ones((3, 5), int), r"dtype int64.*astype\(float\)"),
        (np.ones((3, 5), bool), "dtype bool"),
        (np.full((3, 5), None), "dtype object"),
        (np.ones((3, 5), complex), "dtype complex128"),
        ("dW", "dtype <U2"),
        ([[1.0], [1.0, 2.0]], "is no array"),
    ],
)
def test_what_is_no_array_of_floats_is_refused(net: Network, array: Any, wanted: str) -> None:
    with pytest.raises(DtypeError, match=wanted):
        mt.compare(net.loss, {net.W1: array})


def test_a_grad_that_is_none_is_told_from_an_array(net: Network) -> None:
    assert net.W1.grad is None
    with pytest.raises(GradientError, match=r"given for .* is None.*backward"):
        mt.compare(net.loss, {net.W1: net.W1.grad})


@pytest.mark.parametrize("shape", [(), (1, 1)])
def test_a_bias_of_one_that_was_summed_rightly_lacks_its_shape_only(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    z = mt.tensor(rng.normal(size=(4, 1)))
    b = mt.tensor([0.1], requires_grad=True)
    s = z + b
    loss = (s**2).sum()
    ds = 2 * s.numpy()
    row = mt.compare(loss, {s: ds, b: ds.sum().reshape(shape)})["b"]
    assert row.cause.kind == "shape"
    assert "The numbers are right" in row.cause.text


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        (lambda X, W, dZ: (dZ @ X.T, W.T @ dZ), "exchanged: .*columns"),
        (lambda X, W, dZ: (X @ dZ.T, dZ.T @ W), "both operands"),
    ],
)
def test_products_of_square_matrices_are_told_by_their_arrangement(wrong: Any, wanted: str) -> None:
    rng = np.random.default_rng(0)
    X = mt.tensor(rng.normal(size=(3, 3)), requires_grad=True)
    W = mt.tensor(rng.normal(size=(3, 3)), requires_grad=True)
    Z = X @ W
    loss = ((Z - rng.normal(size=(3, 3))) ** 2).sum()
    dZ = mt.autograd.grad(loss, Z, retain_graph=True).numpy()
    dW, dX = wrong(X.numpy(), W.numpy(), dZ)
    comparison = mt.compare(loss, {Z: dZ, W: dW, X: dX})
    assert [row.cause.kind for row in comparison.roots] == ["transpose", "transpose"]
    assert re.search(wanted, comparison["X"].cause.text)
    assert comparison["W"].cause.text != comparison["X"].cause.text


def test_of_one_number_nothing_is_said_that_could_be_said_of_any() -> None:
    x = mt.tensor(2.0, requires_grad=True)
    a = x**2
    b = a + x
    d = a * b + 3 * b
    # Three times what a gets, by chance.
    row = mt.compare(d, {b: 7.0, a: 13.0, x: 39.0})["x"]
    assert row.status is Status.WRONG
    assert row.cause.kind == "unknown"


def test_lists_tensors_and_numbers_are_taken() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    s = mt.tensor(3.0, requires_grad=True)
    loss = (x * x).sum() * s
    assert mt.compare(loss, {x: [6.0, 12.0], s: 5.0}).ok
    assert mt.compare(loss, {x: mt.tensor([6.0, 12.0]), s: mt.tensor(5.0)}).ok


def test_integers_have_no_gradient() -> None:
    x, n = mt.tensor([1.0, 2.0], requires_grad=True), mt.tensor([1, 2])
    with pytest.raises(DtypeError, match="int64: only floating-point tensors have a gradient"):
        mt.compare((x * n).sum(), {n: [1.0, 2.0]})


def test_a_loss_that_is_not_finite_is_refused() -> None:
    x = mt.tensor([0.0], requires_grad=True)
    with np.errstate(all="ignore"):
        loss = (np.log(x) * 0).sum()
    with pytest.raises(GradientError, match="detect_anomaly"):
        mt.compare(loss, {x: [1.0]})


@pytest.mark.parametrize(
    "tolerance", [{"rtol": -1.0}, {"atol": -1e-9}, {"atol": [1.0, 2.0]}, {"rtol": "a"}]
)
def test_negative_tolerances_are_refused(net: Network, tolerance: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="0 or more"):
        mt.compare(net.loss, net.derive(), **tolerance)


# For tests


def test_raise_if_wrong_raises_the_report(net: Network) -> None:
    comparison = mt.compare(net.loss, net.derive(dW2=lambda v: -net.a1.data.T @ v["dp"]))
    with pytest.raises(ComparisonError, match="has the wrong sign") as caught:
        comparison.raise_if_wrong()
    assert caught.value.comparison is comparison
    assert isinstance(caught.value, AssertionError)


# Updates


def test_an_update_shows_its_gradients(net: Network) -> None:
    derived = net.derive()
    after = {W: W.data - 0.1 * derived[W] for W in (net.W1, net.W2)}
    assert mt.compare_step(net.loss, after, lr=0.1).ok


def test_an_update_that_adds_the_negative_gradient_is_right(net: Network) -> None:
    derived = net.derive()
    assert mt.compare_step(net.loss, {net.W1: net.W1.data + -derived[net.W1]}, lr=1.0).ok


def test_an_update_uphill_has_the_wrong_sign(net: Network) -> None:
    derived = net.derive()
    (row,) = mt.compare_step(net.loss, {net.W1: net.W1.data + derived[net.W1]}, lr=1.0).rows
    assert row.cause is not None
    assert row.cause.kind == "sign"


def test_what_an_update_loses_to_rounding_is_no_mistake() -> None:
    w = mt.tensor([1e6, -3e5], requires_grad=True)
    loss = (w * 0.001).sum()
    assert mt.compare_step(loss, {w: w.data - 1e-5 * 0.001}, lr=1e-5).ok
    assert not mt.compare_step(loss, {w: w.data - 1e-5 * 0.002}, lr=1e-5).ok


def test_an_update_that_rounding_swallows_is_refused() -> None:
    w = mt.tensor([1e6, -3e5], requires_grad=True)
    loss = (w * 0.001).sum()
    with pytest.raises(GradientError, match=r"cannot tell the gradient of w: .* 1\.0e-13"):
        mt.compare_step(loss, {w: w.data - 1e-10 * 0.001}, lr=1e-10)


def test_an_update_that_is_wrong_says_what_else_it_may_be(net: Network) -> None:
    g = net.derive()[net.W1]
    for after, hint in [
        (net.W1.data + g, "uphill, or before and after are exchanged"),
        (net.W1.data - 3 * g, "another learning rate"),
        (net.W1.data, "the parameter did not change"),
    ]:
        (row,) = mt.compare_step(net.loss, {net.W1: after}, lr=1.0).rows
        assert row.cause is not None
        assert hint in row.cause.text


def test_arrays_that_are_no_pair_are_refused(net: Network) -> None:
    W = net.W1.data
    with pytest.raises(ArgumentError, match=r"a pair of those before and after, and got 3"):
        mt.compare_step(net.loss, {net.W1: (W, W, W)}, lr=1.0)
    with pytest.raises(ArgumentError, match=r"not what tensor .* holds"):
        mt.compare_step(net.loss, {net.W1: (W + 1, W)}, lr=1.0)


def test_arrays_before_and_after_can_be_given(net: Network) -> None:
    derived = net.derive()
    before = net.W1.data.copy()
    after = before - 0.5 * derived[net.W1]
    assert mt.compare_step(net.loss, {net.W1: (before, after)}, lr=0.5).ok


@pytest.mark.parametrize("lr", [0, -0.1, np.nan, np.inf, "0.1"])
def test_a_rate_that_is_none_is_refused(net: Network, lr: Any) -> None:
    with pytest.raises(ArgumentError, match="positive learning rate"):
        mt.compare_step(net.loss, {net.W1: net.W1.data}, lr)


def test_an_updated_parameter_of_another_shape_is_refused(net: Network) -> None:
    with pytest.raises(ShapeError, match=r"\(5, 3\)"):
        mt.compare_step(net.loss, {net.W1: net.W1.data.T}, lr=1.0)
