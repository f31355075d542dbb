"""SGD, against the documented algorithm in a loop over plain numbers; and the bookkeeping."""

import itertools

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import ArgumentError, DtypeError, InPlaceError, StateDictError


def parameter(*values):
    return mt.tensor(values, requires_grad=True)


def slope(p):
    """The gradient of 2 p² - 3 p."""
    return 4 * p - 3


def by_hand(p, steps, lr, momentum, dampening, weight_decay, nesterov, maximize):
    b = None
    for _ in range(steps):
        g = -slope(p) if maximize else slope(p)
        g = g + weight_decay * p
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p = p - lr * g
    return p


SETTINGS = [
    {"lr": 0.1, "momentum": m, "dampening": d, "weight_decay": w, "nesterov": n, "maximize": x}
    for m, d, w, n, x in itertools.product(
        (0.0, 0.9), (0.0, 0.3), (0.0, 0.5), (False, True), (False, True)
    )
    if not n or (m and not d)
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(str(v) for v in s.values()))
def test_the_algorithm(settings):
    p = parameter(1.0, -2.0, 0.5)
    optimizer = optim.SGD([p], **settings)
    for _ in range(4):
        optimizer.zero_grad()
        (2 * p**2 - 3 * p).sum().backward()
        optimizer.step()
    expected = [by_hand(value, 4, **settings) for value in (1.0, -2.0, 0.5)]
    assert np.allclose(p.data, expected, rtol=1e-13, atol=0)


def test_values_of_pytorch():
    # torch 2.13.0: SGD([w], lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01), w = [1, 2],
    # three steps
    # on (w**2).sum().
    w = parameter(1.0, 2.0)
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        (w**2).sum().backward()
        optimizer.step()
    assert np.allclose(w.data, TORCH, rtol=1e-14, atol=0)


TORCH = [0.09499854318999998, 0.18999708637999996]


def test_defaults_are_pytorchs():
    (group,) = optim.SGD([parameter(1.0)]).param_groups
    del group["params"]
    assert group == {
        "lr": 1e-3, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False,
        "maximize": False,
    }  # fmt: skip


def test_groups_have_their_own_settings():
    a, b = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.01}], lr=0.1)
    c = parameter(1.0)
    optimizer.add_param_group({"params": [c], "lr": 1.0})
    (a + b + c).sum().backward()
    optimizer.step()
    assert (a.item(), b.item(), c.item()) == (0.9, 0.99, 0.0)
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    assert np.isclose(a.item(), 0.4)


def test_a_parameter_without_a_gradient_stays():
    a, b = parameter(1.0), parameter(1.0)
    frozen = mt.tensor([1.0])
    optimizer = optim.SGD([a, b, frozen], lr=0.1, momentum=0.9, weight_decay=0.1)
    a.sum().backward()
    optimizer.step()
    assert b.tolist() == frozen.tolist() == [1.0]
    assert set(optimizer.state) == {a}


def test_momentum_does_not_share_memory_with_the_gradient():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    p.sum().backward()
    optimizer.step()
    p.grad.data[...] = 100.0
    assert optimizer.state[p]["momentum_buffer"].tolist() == [1.0]
    assert p.tolist() == [0.9]


def test_the_dtype_stays():
    p = mt.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    optimizer = optim.SGD([p], lr=np.float64(0.1), momentum=0.9, weight_decay=0.1)
    for _ in range(2):
        (p * p).sum().backward()
        optimizer.step()
    assert p.dtype == np.float32


@pytest.mark.parametrize("name", ["lr", "momentum", "dampening", "weight_decay"])
def test_settings_of_float64_leave_float32_alone(name):
    p = mt.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    settings = {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}
    optimizer = optim.SGD([p], **settings)
    optimizer.param_groups[0][name] = np.float64(settings[name])
    q = mt.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    other = optim.SGD([q], **settings)
    for _ in range(3):
        optimizer.zero_grad()
        other.zero_grad()
        (p * p).sum().backward()
        (q * q).sum().backward()
        optimizer.step()
        other.step()
    assert p.tolist() == q.tolist()
    assert optimizer.state[p]["momentum_buffer"].dtype == np.float32


def test_a_read_only_array_is_replaced():
    p = parameter(1.0)
    p.data.setflags(write=False)
    p.sum().backward()
    optim.SGD([p], lr=0.5).step()
    assert p.tolist() == [0.5]


def test_the_array_is_changed_in_place():
    p = parameter(1.0, 2.0)
    data = p.data
    (p * p).sum().backward()
    optim.SGD([p], lr=0.5).step()
    assert p.data is data
    assert data.tolist() == [0.0, 0.0]
    assert p.is_leaf
    assert p.requires_grad


def test_a_step_between_forward_and_backward_raises():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    first, second = model(np.ones((1, 2))).sum(), model(np.ones((1, 2))).sum()
    first.backward()
    optimizer.step()
    with pytest.raises(InPlaceError, match="changed in place"):
        second.backward()


def test_a_read_only_view_can_be_optimized():
    p = mt.tensor([1.0]).detach()
    p._array = np.broadcast_to(np.array(1.0), (2,))
    p.requires_grad = True
    p.sum().backward()
    optim.SGD([p], lr=0.5).step()
    assert p.tolist() == [0.5, 0.5]


def test_a_scalar_can_be_optimized():
    p = mt.tensor(3.0, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.25, momentum=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        (p * p).backward()
        optimizer.step()
    assert abs(p.item()) < 1e-6


def test_nothing_changes_if_a_step_raises():
    a, b = parameter(1.0), parameter(2.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b]}], lr=0.1, momentum=0.9)
    (a + b).sum().backward()
    optimizer.param_groups[1]["lr"] = "fast"
    with pytest.raises(Exception, match="fast"):
        optimizer.step()
    assert (a.item(), b.item()) == (1.0, 2.0)
    assert optimizer.state == {}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_large_array_is_changed_whole_in_whatever_order_it_lies(momentum):
    values = np.random.default_rng(0).normal(size=(300, 500))
    p, q = (mt.tensor(values, requires_grad=True) for _ in range(2))
    q._array = np.asfortranarray(values)  # is not divided into pieces
    small = mt.tensor(values[0], requires_grad=True)
    optimizer = optim.SGD([p, small, q], lr=0.5, momentum=momentum)
    p.grad = q.grad = values[::-1].copy()
    small.grad = values[-1].copy()
    optimizer.step()
    expected = values - 0.5 * values[::-1]
    for changed in (p.data, q.data):
        np.testing.assert_array_equal(changed, expected)
    np.testing.assert_array_equal(small.data, expected[0])


def test_what_is_remembered_stays_while_there_is_no_momentum():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.5)
    p.grad = [2.0]
    optimizer.step()
    optimizer.param_groups[0]["momentum"] = 0.0
    p.grad = [4.0]
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].tolist() == [2.0]
    np.testing.assert_allclose(p.data, [1.0 - 0.2 - 0.4])


def test_a_step_marks_all_that_it_changes():
    w, v = parameter(2.0), parameter(3.0)
    loss, other = (w * w).sum(), (v * v).sum()
    w.grad = v.grad = [1.0]
    optim.SGD([w, v], lr=0.1).step()
    for stale in (loss, other):
        with pytest.raises(InPlaceError, match="changed in place"):
            stale.backward()


def test_closure():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mt.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 1.0
    assert p.item() == 0.0
    assert optimizer.step() is None


def test_zero_grad():
    p, q = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([p, q])
    p.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]
    assert q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


class TestErrors:
    def test_no_parameters(self):
        class Forgetful(nn.Module):
            def __init__(self):
                self._layers = [nn.Linear(1, 1)]

        for nothing in ([], Forgetful().parameters()):
            with pytest.raises(ValueError, match=r"got none.*nn\.ModuleList"):
                optim.SGD(nothing)

    def test_no_tensor(self):
        with pytest.raises(TypeError, match="parameter 1 is a float"):
            optim.SGD([parameter(1.0), 1.0])
        with pytest.raises(TypeError, match=r"is a tuple: give model\.parameters\(\)"):
            optim.SGD(nn.Linear(1, 1).named_parameters())
        with pytest.raises(TypeError, match="one Tensor: put it into a list"):
            optim.SGD(parameter(1.0))
        with pytest.raises(TypeError, match="a set has none"):
            optim.SGD([{"params": {parameter(1.0)}}])

    @pytest.mark.parametrize("model", [nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1))])
    def test_a_model(self, model):
        for params in (model, [{"params": model}]):
            with pytest.raises(TypeError, match=r"got one \w+: give its parameters\(\)"):
                optim.SGD(params)

    def test_no_iterable(self):
        with pytest.raises(TypeError, match=r"got one NoneType: give model\.parameters\(\)"):
            optim.SGD(None)

    def test_integers(self):
        with pytest.raises(DtypeError, match=r"Parameter 0, .* int64"):
            optim.SGD([mt.tensor([1, 2])])

    def test_no_group(self):
        with pytest.raises(ArgumentError, match=r"\{'lr': 1\} has no Tensors under 'params'"):
            optim.SGD([{"lr": 1}])
        with pytest.raises(TypeError, match="this one is a Tensor"):
            optim.SGD([{"params": [parameter(1.0)]}, parameter(1.0)])

    def test_unknown_settings(self):
        with pytest.raises(
            ArgumentError, match="SGD has no setting 'lrr': its settings are lr, mom"
        ):
            optim.SGD([{"params": [parameter(1.0)], "lrr": 1}])

    def test_not_a_leaf(self):
        with pytest.raises(ValueError, match=r"computed by multiply.*leaves"):
            optim.SGD([parameter(1.0) * 2])

    def test_duplicates(self):
        p = parameter(1.0)
        with pytest.raises(ValueError, match="given twice"):
            optim.SGD([p, p])
        with pytest.raises(ValueError, match="given twice"):
            optim.SGD([{"params": [p]}, {"params": [p]}])

    @pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
    @pytest.mark.parametrize("value", [-0.1, float("nan")])
    def test_negative_settings(self, name, value):
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            optim.SGD([parameter(1.0)], **{name: value})
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            optim.SGD([{"params": [parameter(1.0)], name: value}])

    @pytest.mark.parametrize("name", ["lr", "momentum", "dampening", "weight_decay"])
    @pytest.mark.parametrize("value", [None, "a", "0.1", float("inf"), [0.1]])
    def test_settings_that_are_no_finite_numbers(self, name, value):
        with pytest.raises(ArgumentError, match=f"{name} is .* finite number"):
            optim.SGD([parameter(1.0)], **{name: value})

    @pytest.mark.parametrize("number", [1, np.float32(1), np.int64(1), True])
    def test_any_number_is_a_setting(self, number):
        assert optim.SGD([parameter(1.0)], lr=number).param_groups[0]["lr"] == 1

    def test_nesterov(self):
        for settings in ({}, {"momentum": 0.9, "dampening": 0.1}):
            with pytest.raises(ValueError, match="nesterov needs a momentum and no dampening"):
                optim.SGD([parameter(1.0)], nesterov=True, **settings)


class TestStateDict:
    def run(self, p, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            (p**2).sum().backward()
            optimizer.step()

    def test_training_goes_on_as_if_never_stopped(self):
        p = parameter(1.0, 2.0)
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
        self.run(p, optimizer, 3)
        values, state = p.data.copy(), optimizer.state_dict()
        self.run(p, optimizer, 3)

        q = mt.tensor(values, requires_grad=True)
        other = optim.SGD([q], lr=0.7)
        other.load_state_dict(state)
        self.run(q, other, 3)
        assert np.array_equal(p.data, q.data)
        assert other.param_groups[0]["lr"] == 0.1
        assert other.param_groups[0]["params"][0] is q

    def test_it_has_pytorchs_form_and_holds_copies(self):
        p, q = parameter(1.0), parameter(2.0)
        optimizer = optim.SGD([{"params": [q]}, {"params": [p], "lr": 0.5}], lr=0.1, momentum=0.9)
        p.sum().backward()
        optimizer.step()
        state = optimizer.state_dict()
        assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
        assert [group["lr"] for group in state["param_groups"]] == [0.1, 0.5]
        assert list(state["state"]) == [1]
        state["state"][1]["momentum_buffer"][0] = 5.0
        assert optimizer.state[p]["momentum_buffer"].tolist() == [1.0]

    @pytest.mark.parametrize(
        "state",
        [{}, None, [1], {"state": {}}, {"state": {}, "param_groups": [{"lr": 1}]}, {"weight": [1]}],
    )
    def test_what_is_no_state_raises(self, state):
        optimizer = optim.SGD([parameter(1.0)])
        with pytest.raises(StateDictError, match="'state' and 'param_groups'"):
            optimizer.load_state_dict(state)

    def test_what_does_not_fit_raises(self):
        p = parameter(1.0, 2.0)
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
        self.run(p, optimizer, 1)
        state = optimizer.state_dict()
        with pytest.raises(StateDictError, match=r"groups of \[1\] .* has \[2\]"):
            optim.SGD([parameter(1.0), parameter(2.0)]).load_state_dict(state)
        other = optim.SGD([parameter(1.0)])
        with pytest.raises(
            StateDictError, match=r"momentum_buffer of parameter 0 has shape \(2,\)"
        ):
            other.load_state_dict(state)
        assert other.state == {}
        assert other.param_groups[0]["lr"] == 1e-3


def test_repr():
    optimizer = optim.SGD(nn.Linear(3, 2).parameters(), lr=0.1)
    assert repr(optimizer) == (
        "SGD (\n  group 0: 2 parameters, 8 numbers\n    lr: 0.1\n    momentum: 0.0\n    "
        "dampening: 0.0\n"
        "    weight_decay: 0.0\n    nesterov: False\n    maximize: False\n)"
    )
