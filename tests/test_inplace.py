"""Tests of microtensor.inplace: what was changed in place never spoils a gradient in silence."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor import nn, optim
from microtensor.autograd import grad
from microtensor.errors import DtypeError, IndexingError, InPlaceError, ShapeError
from microtensor.inplace import clock

IN_PLACE = [
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.itruediv,
    operator.ifloordiv,
    operator.imod,
    operator.ipow,
]


def leaf(*values: float, name: str | None = None) -> mt.Tensor:
    return mt.tensor(list(values), requires_grad=True, name=name)


# Leaves


@pytest.mark.parametrize("apply", IN_PLACE)
def test_a_leaf_that_requires_grad_is_not_changed_while_recording(
    apply: Callable[..., Any],
) -> None:
    weights = leaf(1.0, 2.0, name="weights")
    with pytest.raises(InPlaceError, match=r"'weights'.*no_grad\(\)"):
        apply(weights, 0.5)
    with pytest.raises(InPlaceError, match="weights"):
        weights[0] = 5.0
    assert_array_equal(weights.data, [1, 2])


@pytest.mark.parametrize("apply", IN_PLACE)
def test_under_no_grad_a_leaf_changes_in_place(apply: Callable[..., Any]) -> None:
    weights, expected = leaf(3.0, 2.0), np.array([3.0, 2.0])
    array, before = weights.data, weights
    with mt.no_grad():
        weights = apply(weights, 0.5)
        weights[0] = 7.0
    expected = apply(expected, 0.5)
    expected[0] = 7.0
    assert weights is before
    assert weights.data is array
    assert weights.requires_grad
    assert weights.is_leaf
    assert_array_equal(array, expected)


def test_a_matrix_product_in_place() -> None:
    W = mt.tensor(np.ones((2, 2)), requires_grad=True)
    with mt.no_grad():
        W @= np.array([[1.0, 2.0], [3.0, 4.0]])
    assert_array_equal(W.data, [[4, 6], [4, 6]])


def test_an_update_of_zero_dimensional_weights() -> None:
    w = mt.tensor(2.0, requires_grad=True)
    for _ in range(3):
        (w * w).backward()
        with mt.no_grad():
            w -= 0.25 * w.grad
        w.grad = None
    assert w.item() == 0.25


def test_a_change_that_does_not_fit_changes_nothing() -> None:
    w = leaf(1.0, 2.0)
    with mt.no_grad():
        with pytest.raises(ShapeError):
            w += np.ones(3)
        with pytest.raises(ShapeError):
            w += np.ones((2, 2))
        with pytest.raises(ShapeError):
            w[:] = np.ones(3)
        with pytest.raises(IndexingError):
            w[5] = 1.0
        n = mt.tensor([1, 2])
        with pytest.raises(DtypeError):
            n += 0.5
    assert_array_equal(w.data, [1, 2])
    assert_array_equal(n.data, [1, 2])


# Results: the name is bound anew, and gradients stay right


@pytest.mark.parametrize("apply", IN_PLACE[:-1])
def test_a_result_is_rebound(apply: Callable[..., Any]) -> None:
    x = leaf(1.5, 2.5)
    before = y = x * x
    y = apply(y, 1.25)
    assert y is not before
    assert_array_equal(before.data, x.data**2)
    assert_array_equal(y.data, apply(x.data**2, 1.25))
    (before + y).sum().backward()
    assert np.isfinite(x.grad.data).all()


def test_a_loop_that_accumulates_gets_every_contribution() -> None:
    x = leaf(1.0, 2.0, 3.0)
    total = mt.tensor(0.0)
    for part in x:
        total += part * part
    total.backward()
    assert_array_equal(x.grad.data, [2, 4, 6])


def test_a_constant_that_takes_a_gradient_in_place_is_rebound() -> None:
    total, x = mt.tensor([1.0, 1.0]), leaf(2.0, 3.0)
    alias = total
    total += x
    assert total.requires_grad
    assert not alias.requires_grad
    assert_array_equal(alias.data, [1, 1])


# Assignment by index


def test_assignment_to_a_result_is_recorded() -> None:
    x, value = leaf(1.0, 2.0, 3.0), mt.tensor(5.0, requires_grad=True)
    y = x * 2
    y[1] = value * 3
    assert_array_equal(y.data, [2, 15, 6])
    (y * y).sum().backward()
    assert_array_equal(x.grad.data, [8, 0, 24])
    assert value.grad.item() == 90


def test_assignment_into_a_constant_makes_it_a_result() -> None:
    canvas, x = mt.tensor(np.zeros((2, 2))), leaf(1.0, 2.0)
    canvas[0] = x
    canvas[:, 1] += x * 10
    assert_array_equal(canvas.data, [[1, 12], [0, 20]])
    canvas.sum().backward()
    assert_array_equal(x.grad.data, [11, 11])


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        (0, ()),
        (slice(0, 2), (2, 3)),
        (slice(0, 2), (3,)),
        (slice(0, 2), (1, 3)),
        ((Ellipsis, 1), (4,)),
        (([0, 2], [1, 1]), (2,)),
        (np.array([True, False, False, True]), (3,)),
        ((slice(None), None, 0), (4, 1)),
        (slice(None, None, -2), (2, 1)),
        (2, (1, 1, 3)),
    ],
    ids=str,
)
def test_assignment_sums_over_what_was_broadcast(index: Any, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = mt.tensor(rng.standard_normal((4, 3)), requires_grad=True)
    value = mt.tensor(rng.standard_normal(shape), requires_grad=True)
    seed = rng.standard_normal((4, 3))
    y = x * 1
    y[index] = value
    expected = x.data.copy()
    expected[index] = value.data
    assert_array_equal(y.data, expected)
    y.backward(seed)
    kept = seed.copy()
    kept[index] = 0
    assert_array_equal(x.grad.data, kept)
    eps = 0.5  # the function is linear
    for at in np.ndindex(shape):
        moved = value.data.copy()
        moved[at] += eps
        changed = x.data.copy()
        changed[index] = moved
        numeric = ((changed - expected) * seed).sum() / eps
        assert_allclose(value.grad.data[at], numeric, rtol=1e-12, atol=1e-12)


def test_of_repeated_indices_the_last_value_gets_the_gradient() -> None:
    y, value = leaf(0.0, 0.0, 0.0) * 1, leaf(1.0, 2.0, 3.0)
    y[[0, 2, 0]] = value
    assert_array_equal(y.data, [3, 0, 2])
    (y * [1.0, 10.0, 100.0]).sum().backward()
    assert_array_equal(value.grad.data, [0, 100, 1])


def test_a_result_without_axes_can_be_assigned_to() -> None:
    x = mt.tensor(3.0, requires_grad=True)
    y = x * x
    y[()] = x * 5
    (y * y).backward()
    assert x.grad.item() == 150


def test_parts_of_a_result_can_be_exchanged() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    y[0], y[2] = y[2], y[0]
    y[:] = y[::-1] * 2
    (y * [1.0, 10.0, 100.0]).sum().backward()
    assert_array_equal(y.data, [2, 4, 6])
    assert_array_equal(x.grad.data, [2, 20, 200])


def test_assignment_after_use_leaves_the_earlier_use_right() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    z = y * y
    y[0] = 100.0
    (z.sum() + y.sum()).backward()
    assert_array_equal(x.grad.data, [4, 4 * 8 + 4])


# Stale arrays


def test_a_saved_array_that_was_changed_raises_and_is_named() -> None:
    w = leaf(1.0, 2.0, name="w")
    loss = (w * w).sum()
    with mt.no_grad():
        w += 1.0
    with pytest.raises(InPlaceError, match=r"tensor 'w'.*changed in place.*multiply"):
        loss.backward()
    assert w.grad is None


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.__iadd__(1.0),
        lambda w: w.__setitem__(0, 5.0),
        lambda w: w.__setitem__((), 5.0),
        lambda w: setattr(w, "data", operator.iadd(w.data, 1.0)),
        lambda w: w.detach().__iadd__(1.0),
        lambda w: w[1:].__iadd__(1.0),
        lambda w: w[::-1].__setitem__(0, 9.0),
        lambda w: w.reshape(2, 2).T.__imul__(2.0),
        lambda w: w.reshape(2, 2)[0].__imul__(2.0),
        lambda w: w.detach()[2:].__isub__(2.0),
    ],
)
@pytest.mark.parametrize(
    "saving",
    [
        np.sin,
        lambda w: w * w,
        lambda w: w[1:] * w[:-1],
        lambda w: np.exp(w.reshape(2, 2).T * 1) * w.reshape(2, 2),
    ],
)  # fmt: skip
def test_a_change_through_any_view_is_noticed_through_any_other(
    change: Callable[[Any], Any], saving: Callable[[Any], Any]
) -> None:
    w = leaf(1.0, 2.0, 3.0, 4.0)
    loss = saving(w).sum()
    with mt.no_grad():
        change(w)
    with pytest.raises(InPlaceError):
        loss.backward()
    with pytest.raises(InPlaceError):
        grad(loss, w)


def test_a_change_by_an_optimizer_is_noticed() -> None:
    w = leaf(1.0, 2.0, name="w")
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
    loss = np.exp(w[::-1] * w).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(InPlaceError, match="changed in place"):
        loss.backward()


def test_a_change_by_loading_a_state_is_noticed() -> None:
    layer = nn.Linear(2, 2)
    x = mt.tensor([[1.0, 2.0]], requires_grad=True)
    loss = np.square(layer(x)).sum()
    layer.load_state_dict({name: value * 2 for name, value in layer.state_dict().items()})
    with pytest.raises(InPlaceError, match=r"changed in place.*linear"):
        loss.backward()


def test_a_change_of_memory_that_two_tensors_were_given_is_noticed() -> None:
    shared = np.array([1.0, 2.0, 3.0, 4.0])
    v, w = leaf(0.0, 0.0), leaf(0.0, 0.0, 0.0, 0.0)
    v.data, w.data = shared[::2], shared
    loss = (v * v).sum()
    with mt.no_grad():
        w[2] = 9.0
    assert_array_equal(v.data, [1, 9])
    with pytest.raises(InPlaceError):
        loss.backward()


@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[1:], lambda a: a.reshape(2, 1).T])
def test_a_change_of_an_array_by_a_tensor_is_noticed(view: Callable[[Any], Any]) -> None:
    w, step = leaf(1.0, 2.0), mt.tensor(1.0)
    loss = (w * w).sum()
    array = view(w.numpy())
    array += step
    with pytest.raises(InPlaceError):
        loss.backward()


def test_new_data_leaves_what_was_computed_with_the_old_right() -> None:
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    w.data = [10.0, 20.0]
    loss.backward()
    assert_array_equal(w.grad.data, [2, 4])
    assert_array_equal(w.data, [10, 20])


def test_a_view_of_a_leaf_is_bound_anew_while_recording_and_the_leaf_stays() -> None:
    w = leaf(1.0, 2.0, 3.0, 4.0)
    for view in (w[1:3], w.reshape(2, 2).T[0], w.T, w[None]):
        v = view
        v *= 2.0
        v[0] = 7.0
        v.sum().backward()
    assert_array_equal(w.data, [1, 2, 3, 4])
    w.grad = None
    (w * w).sum().backward()
    assert_array_equal(w.grad.data, 2 * w.data)


def test_what_is_detached_shares_memory_and_so_its_changes_are_noticed() -> None:
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    alias = w.detach()
    alias[0] = 5.0  # recording, but nothing here requires a gradient
    assert w.data[0] == 5.0
    with pytest.raises(InPlaceError):
        loss.backward()


def test_a_changed_constant_is_noticed_by_the_gradient_that_reads_it() -> None:
    w, c = leaf(1.0, 2.0), mt.tensor([3.0, 4.0], name="c")
    loss = (w * c.T).sum()
    c[:1] = 0.0
    with pytest.raises(InPlaceError, match="multiply"):
        loss.backward()


def test_a_change_is_noticed_by_a_recorded_backward_pass_as_well() -> None:
    w = leaf(1.0, 2.0)
    first = grad((w**3).sum(), w, create_graph=True)
    with mt.no_grad():
        w.reshape(2, 1)[0] += 1.0
    with pytest.raises(InPlaceError):
        grad(first.sum(), w)


def test_a_changed_output_is_noticed() -> None:
    x = leaf(1.0, 2.0)
    y = np.exp(x)
    loss = y.sum()
    with mt.no_grad():
        y += 1.0
    with pytest.raises(InPlaceError, match="exp"):
        loss.backward()


def test_what_no_rule_reads_may_change() -> None:
    w = leaf(1.0, 2.0)
    loss = (w + 1).sum() + w.reshape(2, 1).sum() - w[0]
    with mt.no_grad():
        w += 1.0
    loss.backward()
    assert_array_equal(w.grad.data, [1, 2])


def test_a_change_before_the_use_or_after_backward_is_fine() -> None:
    w = leaf(1.0, 2.0)
    for _ in range(3):
        with mt.no_grad():
            w *= 2.0
        w.grad = None
        (w * w).sum().backward()
        assert_array_equal(w.grad.data, 2 * w.data)


def test_a_change_spoils_only_the_paths_that_read_it() -> None:
    v, w = leaf(1.0), leaf(2.0)
    loss = (np.sin(v) + w * w).sum()
    with mt.no_grad():
        w += 1.0
    assert_allclose(grad(loss, v, retain_graph=True).data, np.cos(v.data))
    with pytest.raises(InPlaceError):
        grad(loss, w)


def test_a_failed_backward_leaves_the_graph_and_the_gradients_as_they_were() -> None:
    v, w = leaf(1.0), leaf(2.0)
    v.grad = [7.0]
    loss = (np.sin(v) + w * w).sum()
    with mt.no_grad():
        w += 1.0
    with pytest.raises(InPlaceError):
        loss.backward()
    assert v.grad.item() == 7.0
    assert w.grad is None
    assert_allclose(grad(loss, v).data, np.cos(v.data))  # nothing had been dropped


def test_memory_that_is_reused_for_another_array_is_not_mistaken_for_a_changed_one() -> None:
    for _ in range(200):
        scratch = mt.tensor(np.zeros(100))
        with mt.no_grad():
            scratch += 1.0
        del scratch
        x = mt.tensor(np.ones(100), requires_grad=True)
        (x * x).sum().backward()
    assert len(clock._moments) < 50


def test_an_array_from_outside_is_not_changed_by_assignment_to_a_read_only_view() -> None:
    view = mt.tensor(np.broadcast_to(np.array(1.0), (3,))).detach()
    wide = np.broadcast_to(mt.tensor(1.0), (10_000,))
    with mt.no_grad():
        view += 1.0
        wide[0] = 5.0
    assert wide.data[0] == 5.0
    assert wide.data[1] == 1.0
