"""Optimizers against their papers' formulas, written anew over plain NumPy; and the bookkeeping."""

import json
import math

import numpy as np
import pytest

import microtensor as mt
from microtensor import optim
from microtensor.errors import ArgumentError, ShapeError, StateDictError, TracingError

backends = pytest.mark.parametrize("backend", ["numpy", "numba"])


def adam(p, gs, lr=0.1, b1=0.9, b2=0.99, eps=1e-8, wd=0.0, largest=False, decoupled=False):
    m = v = top = 0.0
    for t, g in enumerate(gs, 1):
        if decoupled:
            p = p - lr * wd * p
        else:
            g = g + wd * p
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        top = np.maximum(top, v) if largest else v
        p = p - lr * (m / (1 - b1**t)) / (np.sqrt(top / (1 - b2**t)) + eps)
    return p


def nadam(p, gs, lr=0.1, b1=0.9, b2=0.99, psi=4e-3):
    m = v = 0.0
    product = 1.0
    for t, g in enumerate(gs, 1):
        mu, after = (b1 * (1 - 0.5 * 0.96 ** (s * psi)) for s in (t, t + 1))
        product *= mu
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        ahead = after * m / (1 - product * after) + (1 - mu) * g / (1 - product)
        p = p - lr * ahead / (np.sqrt(v / (1 - b2**t)) + 1e-8)
    return p


def radam(p, gs, lr=0.1, b1=0.9, b2=0.99):
    m = v = 0.0
    most = 2 / (1 - b2) - 1
    for t, g in enumerate(gs, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        step, r = m / (1 - b1**t), most - 2 * t * b2**t / (1 - b2**t)
        if r > 5:
            rect = ((r - 4) * (r - 2) * most / ((most - 4) * (most - 2) * r)) ** 0.5
            step = step * rect * (1 - b2**t) ** 0.5 / (np.sqrt(v) + 1e-8)
        p = p - lr * step
    return p


def rmsprop(p, gs, lr=0.1, alpha=0.9, momentum=0.0, centered=False):
    v = mean = b = 0.0
    for g in gs:
        v, mean = alpha * v + (1 - alpha) * g**2, alpha * mean + (1 - alpha) * g
        b = momentum * b + g / (np.sqrt(v - mean**2 if centered else v) + 1e-8)
        p = p - lr * b
    return p


def adagrad(p, gs, lr=0.1, lr_decay=0.0, begin=0.0):
    total = begin
    for t, g in enumerate(gs):
        total = total + g**2
        p = p - lr / (1 + t * lr_decay) * g / (np.sqrt(total) + 1e-10)
    return p


def adadelta(p, gs, lr=1.0, rho=0.9, eps=1e-6):
    v = u = 0.0
    for g in gs:
        v = rho * v + (1 - rho) * g**2
        d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d**2
        p = p - lr * d
    return p


def adamax(p, gs, lr=0.1, b1=0.9, b2=0.99, eps=1e-8):
    m = u = 0.0
    for t, g in enumerate(gs, 1):
        m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, abs(g) + eps)
        p = p - lr / (1 - b1**t) * m / u
    return p


def rprop(p, gs, lr=0.1):
    p, size, last = p.copy(), np.full(p.shape, lr), np.zeros(p.shape)
    for g in gs:
        for i in np.ndindex(p.shape):
            now = g[i]
            if now * last[i] > 0:
                size[i] = min(size[i] * 1.2, 50.0)
            elif now * last[i] < 0:
                size[i] = max(size[i] * 0.5, 1e-6)
                now = 0.0
            p[i] -= np.sign(now) * size[i]
            last[i] = now
    return p


B = {"lr": 0.1, "betas": (0.9, 0.99)}
FORMULAS = [
    (optim.Adam, B, adam, {}),
    (optim.Adam, B | {"weight_decay": 0.1, "amsgrad": True}, adam, {"wd": 0.1, "largest": True}),
    (optim.AdamW, B | {"weight_decay": 0.1}, adam, {"wd": 0.1, "decoupled": True}),
    (optim.NAdam, B, nadam, {}),
    (optim.RAdam, B, radam, {}),
    (optim.RMSprop, {"lr": 0.1, "alpha": 0.9}, rmsprop, {}),
    (
        optim.RMSprop,
        {"lr": 0.1, "alpha": 0.9, "momentum": 0.8, "centered": True},
        rmsprop,
        {"momentum": 0.8, "centered": True},
    ),
    (
        optim.Adagrad,
        {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.3},
        adagrad,
        {"lr_decay": 0.2, "begin": 0.3},
    ),
    (optim.Adadelta, {}, adadelta, {}),
    (optim.Adamax, B, adamax, {}),
    (optim.Rprop, {"lr": 0.1}, rprop, {}),
]
MAKERS = [pytest.param(make, settings, id=make.__name__) for make, settings, _, _ in FORMULAS]
SHAPES = [(3, 2), (), (300, 200)]


@pytest.mark.parametrize(("make", "settings", "formula", "its"), FORMULAS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_formulas(make, settings, formula, its, shape):
    rng = np.random.default_rng(0)
    start, gs = rng.standard_normal(shape), rng.standard_normal((12, *shape))
    p = mt.tensor(start, requires_grad=True)
    optimizer = make([p], **settings)
    for g in gs:
        p.grad = g
        optimizer.step()
    expected = formula(np.asarray(start), [np.asarray(g) for g in gs], **its)
    np.testing.assert_allclose(p.data, expected, rtol=1e-10, atol=1e-12)
    assert optimizer.state[p]["step"] == 12


def test_one_step_of_adam_by_hand():
    # m = 0.1 g, v = 0.001 g²; their corrections give g and g², so a step is lr sign(g)
    p = mt.tensor([1.0, 2.0, 3.0], requires_grad=True)
    p.grad = [4.0, -0.5, 0.0]
    optimizer = optim.Adam([p], lr=0.1)
    optimizer.step()
    np.testing.assert_allclose(p.data, [0.9, 2.1, 3.0], rtol=1e-7)
    np.testing.assert_allclose(optimizer.state[p]["exp_avg"], [0.4, -0.05, 0.0], rtol=1e-15)
    np.testing.assert_allclose(optimizer.state[p]["exp_avg_sq"], [0.016, 0.00025, 0.0], rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    sorted({f[0] for f in FORMULAS}, key=lambda make: make.__name__),
    ids=lambda make: make.__name__,
)
def test_it_finds_the_least_of_a_quadratic(make):
    p = mt.tensor([3.0, -2.0], requires_grad=True)
    optimizer = make([p], lr={optim.Adadelta: 10.0, optim.Adagrad: 1.0}.get(make, 0.05))
    before = 13.0
    for _ in range(400):
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05 * before


@pytest.mark.parametrize(("make", "settings"), MAKERS)
def test_float32_stays(make, settings):
    p = mt.tensor([3.0, -2.0], dtype=np.float32, requires_grad=True)
    optimizer = make([p], **settings)
    optimizer.param_groups[0]["lr"] = np.float64(0.1)
    for _ in range(3):
        p.grad = p.data
        optimizer.step()
    assert p.dtype == np.float32
    arrays = [v for v in optimizer.state[p].values() if isinstance(v, np.ndarray)]
    assert arrays
    assert all(a.dtype == np.float32 for a in arrays)


@pytest.mark.parametrize(("make", "settings"), MAKERS)
def test_resumed_training_goes_on_bit_for_bit(make, settings):
    rng = np.random.default_rng(2)
    gs = rng.standard_normal((9, 4))
    p = mt.tensor(np.ones(4), requires_grad=True)
    optimizer = make([p], **settings)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)

    def run(p, optimizer, scheduler, gs):
        for g in gs:
            p.grad = g
            optimizer.step()
            scheduler.step()

    run(p, optimizer, scheduler, gs[:4])
    q = mt.tensor(p.data, requires_grad=True)
    other = make([q])
    later = optim.lr_scheduler.CosineAnnealingLR(other, 3)
    saved = optimizer.state_dict()
    as_json = json.loads(
        json.dumps({"groups": saved["param_groups"], "scheduler": scheduler.state_dict()})
    )
    other.load_state_dict({"state": saved["state"], "param_groups": as_json["groups"]})
    later.load_state_dict(as_json["scheduler"])
    run(p, optimizer, scheduler, gs[4:])
    run(q, other, later, gs[4:])
    assert p.tolist() == q.tolist()
    assert optimizer.param_groups[0]["lr"] == other.param_groups[0]["lr"]


@pytest.mark.parametrize(("make", "settings"), MAKERS)
def test_groups_have_their_own_settings(make, settings):
    p, q = (mt.tensor([1.0, -1.0], requires_grad=True) for _ in range(2))
    alone = mt.tensor([1.0, -1.0], requires_grad=True)
    both = make([{"params": [p]}, {"params": [q], "lr": 0.3}], **settings)
    one = make([alone], **(settings | {"lr": 0.3}))
    for _ in range(3):
        for x in (p, q, alone):
            x.grad = [0.5, 2.0]
        both.step()
        one.step()
    assert q.tolist() == alone.tolist()
    assert p.tolist() != q.tolist()


@backends
@pytest.mark.parametrize(("make", "settings"), MAKERS)
def test_a_compiled_step_is_the_eager_one_and_is_traced_once(backend, make, settings):
    if backend == "numba":
        pytest.importorskip("numba")
    start = np.random.default_rng(3).standard_normal((2, 3))

    def parts():
        p = mt.tensor(start, requires_grad=True)
        optimizer = make([p], **settings)

        def step(x):
            optimizer.zero_grad()
            loss = ((p * x) ** 2).sum() + p.sum()
            loss.backward()
            optimizer.step()
            return loss

        return p, optimizer, step

    (p, mine, eager), (q, other, step) = parts(), parts()
    compiled = mt.compile(step, backend=backend)
    schedules = [optim.lr_scheduler.ExponentialLR(o, 0.8) for o in (mine, other)]
    x = np.array([1.0, -2.0, 0.5])
    for i in range(9):
        np.testing.assert_allclose(compiled(x).item(), eager(x).item(), rtol=1e-9)
        np.testing.assert_allclose(q.data, p.data, rtol=1e-9, atol=1e-12)
        for schedule in schedules:
            schedule.step()
        if i == 5:
            for optimizer in (mine, other):
                for name in ("betas", "momentum", "weight_decay"):
                    value = optimizer.param_groups[0].get(name)
                    if isinstance(value, tuple):
                        optimizer.param_groups[0][name] = (0.7, 0.95)
                    elif value:
                        optimizer.param_groups[0][name] = 0.55
    assert len(compiled.specializations) == 2  # the first step has no state
    kept, found = mine.state[p], other.state[q]
    assert kept.keys() == found.keys()
    for name in kept:
        np.testing.assert_allclose(found[name], kept[name], rtol=1e-8, atol=1e-12)


def test_compiled_pieces_of_large_arrays():
    start = np.random.default_rng(4).standard_normal((300, 200)).astype(np.float32)

    def parts(make):
        p = mt.tensor(start, requires_grad=True)
        optimizer = make([p])

        def step():
            p.grad = None
            (p * p * p).sum().backward()
            optimizer.step()

        return p, optimizer, step

    for make in (
        lambda ps: optim.Adam(ps, amsgrad=True),
        optim.Adam,
        optim.NAdam,
        optim.Adadelta,
        lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, nesterov=True),
        lambda ps: optim.RMSprop(ps, momentum=0.9, centered=True),
    ):
        (p, mine, eager), (q, other, step) = parts(make), parts(make)
        compiled = mt.compile(step)
        for _ in range(5):
            eager()
            compiled()
        np.testing.assert_allclose(q.data, p.data, rtol=2e-5, atol=1e-6)
        for name, value in mine.state[p].items():
            np.testing.assert_allclose(other.state[q][name], value, rtol=2e-4, atol=1e-6)


def test_momentum_that_a_schedule_changes_is_no_reason_to_trace_anew():
    p = mt.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20)

    @mt.compile
    def step():
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()

    for _ in range(10):
        step()
        schedule.step()
    assert len(step.specializations) == 2
    optimizer.param_groups[0]["momentum"] = 0.0
    step()
    assert len(step.specializations) == 3


def test_what_cannot_be_traced_says_so():
    p = mt.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2)
    search = optim.LBFGS([p])

    def with_schedule():
        (p * p).sum().backward()
        optimizer.step()
        schedule.step()

    with pytest.raises(TracingError, match=r"StepLR\.step\(\) was called in a function"):
        mt.compile(with_schedule)()
    with pytest.raises(TracingError, match="depends on the values"):
        mt.compile(lambda: search.step(lambda: (p * p).sum()))()


def test_nothing_changes_if_a_step_raises():
    p, q = (mt.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    optimizer = optim.Adam([{"params": [p]}, {"params": [q]}], lr=0.1)
    p.grad = q.grad = [1.0, 1.0]
    optimizer.step()
    before = p.tolist(), q.tolist(), str(optimizer.state_dict()["state"])
    q._grad = mt.tensor([1.0])
    with pytest.raises(ShapeError, match=r"has shape \(1,\)"):
        optimizer.step()
    q.grad = [1.0, 1.0]
    optimizer.param_groups[1]["betas"] = "high"
    with pytest.raises(ValueError, match="h"):
        optimizer.step()
    optimizer.param_groups[1]["betas"] = (0.9, 0.99)
    optimizer.state[q]["exp_avg"] = np.zeros(3)
    with pytest.raises(ShapeError, match=r"exp_avg of .* has shape \(3,\)"):
        optimizer.step()
    optimizer.state[q]["exp_avg"] = np.full(2, 0.1)
    assert (p.tolist(), q.tolist()) == before[:2]
    assert optimizer.state[p]["step"] == 1


def test_an_overflow_does_not_raise_in_the_middle():
    p, q = (mt.tensor([1e200], requires_grad=True) for _ in range(2))
    optimizer = optim.Adam([p, q])
    p.grad = q.grad = [1e200]
    with np.errstate(all="raise"):
        optimizer.step()
    assert optimizer.state[q]["exp_avg_sq"] == [np.inf]


BAD = [
    (optim.Adam, {"lr": -1.0}, "lr is -1.0, and must be 0 or more"),
    (optim.Adam, {"lr": "a"}, "lr is 'a', and must be a finite number"),
    (optim.Adam, {"eps": math.nan}, "eps is nan"),
    (optim.Adam, {"betas": (1.0, 0.9)}, r"betas\[0\] is 1.0, and must be from 0 to below 1"),
    (optim.Adam, {"betas": (0.9, -0.1)}, r"betas\[1\] is -0.1"),
    (optim.Adam, {"betas": 0.9}, "betas is 0.9, and must be a tuple of two numbers"),
    (optim.AdamW, {"weight_decay": -0.1}, "weight_decay is -0.1"),
    (optim.NAdam, {"momentum_decay": -0.1}, "momentum_decay is -0.1"),
    (optim.RAdam, {"betas": (0.9, 2)}, r"betas\[1\] is 2"),
    (optim.RMSprop, {"alpha": -0.1}, "alpha is -0.1"),
    (optim.RMSprop, {"momentum": math.inf}, "momentum is inf"),
    (optim.Adagrad, {"lr_decay": -1}, "lr_decay is -1"),
    (optim.Adagrad, {"initial_accumulator_value": -1}, "initial_accumulator_value is -1"),
    (optim.Adadelta, {"rho": 1.5}, "rho is 1.5, and must be from 0 to 1"),
    (optim.Adamax, {"eps": -1}, "eps is -1"),
    (optim.Rprop, {"etas": (1.2, 0.5)}, r"etas is \(1.2, 0.5\)"),
    (optim.Rprop, {"step_sizes": (1,)}, r"step_sizes is \(1,\)"),
    (optim.LBFGS, {"max_iter": 0}, "max_iter is 0, and must be 1 or more"),
    (optim.LBFGS, {"history_size": 1.5}, "history_size is 1.5, and must be a whole number"),
    (optim.LBFGS, {"line_search_fn": "armijo"}, "line_search_fn is 'armijo'"),
]


@pytest.mark.parametrize(("make", "settings", "message"), BAD)
def test_impossible_settings(make, settings, message):
    with pytest.raises(ArgumentError, match=message):
        make([mt.tensor([1.0], requires_grad=True)], **settings)


class TestLBFGS:
    def closure(self, p, optimizer):
        def compute():
            optimizer.zero_grad()
            loss = (100.0 * (p[1:] - p[:-1] ** 2) ** 2 + (1.0 - p[:-1]) ** 2).sum()
            loss.backward()
            return loss

        return compute

    def test_rosenbrock(self):
        p = mt.tensor([-1.2, 1.0, -0.5, 0.8], requires_grad=True)
        optimizer = optim.LBFGS([p], max_iter=200, line_search_fn="strong_wolfe")
        first = optimizer.step(self.closure(p, optimizer))
        assert first.item() > 100
        np.testing.assert_allclose(p.data, 1.0, atol=1e-5)

    def test_resumed(self):
        p = mt.tensor([-1.2, 1.0], requires_grad=True)
        optimizer = optim.LBFGS([p], max_iter=4, line_search_fn="strong_wolfe")
        optimizer.step(self.closure(p, optimizer))
        q = mt.tensor(p.data, requires_grad=True)
        other = optim.LBFGS([q])
        other.load_state_dict(optimizer.state_dict())
        for _ in range(3):
            optimizer.step(self.closure(p, optimizer))
            other.step(self.closure(q, other))
        assert p.tolist() == q.tolist()

    def test_nothing_changes_if_the_closure_raises(self):
        p = mt.tensor([-1.2, 1.0], requires_grad=True)
        optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")
        whole, calls = self.closure(p, optimizer), []

        def closure():
            calls.append(1)
            if len(calls) == 4:
                raise RuntimeError("no more")
            return whole()

        with pytest.raises(RuntimeError, match="no more"):
            optimizer.step(closure)
        assert p.tolist() == [-1.2, 1.0]
        assert optimizer.state == {}

    def test_errors(self):
        p, q = (mt.tensor([1.0], requires_grad=True) for _ in range(2))
        optimizer = optim.LBFGS([p])
        with pytest.raises(ArgumentError, match=r"give step\(\) a closure"):
            optimizer.step()
        with pytest.raises(ArgumentError, match="one group"):
            optimizer.add_param_group({"params": [q]})
        with pytest.raises(ArgumentError, match="returned None"):
            optimizer.step(lambda: None)


def test_a_state_of_another_model_is_refused():
    p = mt.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.Adam([p])
    p.grad = [1.0, 1.0]
    optimizer.step()
    with pytest.raises(StateDictError, match=r"exp_avg of parameter 0 has shape \(2,\)"):
        optim.Adam([mt.tensor([1.0], requires_grad=True)]).load_state_dict(optimizer.state_dict())


def test_a_state_of_another_kind_of_optimizer_is_refused():
    p = mt.tensor([1.0, 2.0], requires_grad=True)
    adam = optim.Adam([p])
    p.grad = [1.0, 1.0]
    adam.step()
    for kind in (
        optim.SGD,
        optim.RMSprop,
        optim.Adagrad,
        optim.Adadelta,
        optim.Adamax,
        optim.Rprop,
    ):
        optimizer = kind([p], lr=0.5)
        with pytest.raises(StateDictError, match=f"{kind.__name__} .*has .*exp_avg_sq.* another"):
            optimizer.load_state_dict(adam.state_dict())
        assert optimizer.param_groups[0]["lr"] == 0.5
    optim.AdamW([p]).load_state_dict(adam.state_dict())


def test_a_state_from_before_a_setting_was_switched_off_is_taken():
    p = mt.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.RMSprop([p], momentum=0.9, centered=True)
    p.grad = [1.0, 1.0]
    optimizer.step()
    optimizer.param_groups[0].update(momentum=0.0, centered=False)
    other = optim.RMSprop([p])
    other.load_state_dict(optimizer.state_dict())
    other.step()
    assert "momentum_buffer" in other.state[p]
