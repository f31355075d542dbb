"""Tests of drawings of modules: frames, closed modules, and chains drawn once."""

import itertools
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError
from microtensor.viz import draw
from tests.viz.reading import Reading


class Block(nn.Module):
    def __init__(self) -> None:
        self.linear = nn.Linear(3, 3)
        self.act = nn.Tanh()

    def forward(self, x: Any) -> Any:
        return x + self.act(self.linear(x))


class Network(nn.Module):
    def __init__(self, blocks: int) -> None:
        self.blocks = nn.Sequential(*(Block() for _ in range(blocks)))
        self.head = nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.head(self.blocks(x))


def data() -> mt.Tensor:
    return mt.tensor(np.ones((2, 3)), name="x")


def test_modules_are_nested_frames() -> None:
    network = Network(1)
    frames = Reading(draw(network(data()).sum())).frames
    assert frames == {
        "network: Network": {
            "blocks.0.linear.weight",
            "blocks.0.linear.bias",
            "head.weight",
            "head.bias",
            "linear",
            "tanh",
            "add",
        },
        "blocks: Sequential": {
            "blocks.0.linear.weight", "blocks.0.linear.bias", "linear", "tanh", "add",
        },
        "blocks.0: Block": {
            "blocks.0.linear.weight", "blocks.0.linear.bias", "linear", "tanh", "add",
        },
        "blocks.0.linear: Linear": {"blocks.0.linear.weight", "blocks.0.linear.bias", "linear"},
        "head: Linear": {"head.weight", "head.bias", "linear"},
    }  # fmt: skip


def test_a_module_of_one_operation_is_named_in_it() -> None:
    network = Network(1)
    tanh = Reading(draw(network(data()))).node("tanh")
    assert tanh.lines == ["tanh", "blocks.0.act: Tanh", "(2, 3) float64"]


def test_closed_to_a_depth() -> None:
    network = Network(2)
    loss = network(data()).sum()
    outermost = Reading(draw(loss, depth=0))
    assert outermost.frames == {}
    assert outermost.node("network: Network").lines == [
        "network: Network",
        "7 operations: 3 linear, 2 tanh, 2 add",
        "6 parameters: 28 numbers",
    ]
    assert outermost.edges() == [
        ("x", "network: Network", ""),
        ("network: Network", "loss = sum", ""),
    ]
    children = Reading(draw(loss, depth=1))
    assert children.frames == {"network: Network": {"blocks: Sequential", "head: Linear"}}
    assert set(Reading(draw(loss, depth=2)).frames) == {
        "network: Network",
        "blocks: Sequential",
        "head: Linear",
    }
    full = draw(loss, depth=3).source
    assert full != draw(loss, depth=2).source
    assert full.count("linear") >= 3


def test_shared_parameters_stay_outside_of_closed_modules() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.first = nn.Linear(3, 3, bias=False)
            self.second = nn.Linear(3, 3, bias=False)
            self.second.weight = self.first.weight

        def forward(self, x: Any) -> Any:
            return self.second(np.tanh(self.first(x)))

    tied = Tied()
    reading = Reading(draw(tied(data()), depth=1))
    assert reading.frames["tied: Tied"] == {
        "first.weight", "first: Linear", "tanh", "second: Linear",
    }  # fmt: skip
    assert ("first.weight", "second: Linear", "") in reading.edges()


def test_equal_blocks_are_drawn_once() -> None:
    network = Network(12)
    reading = Reading(draw(network(data()).sum()))
    assert "blocks.0 … blocks.11: Block × 12" in reading.frames
    assert reading.titles.count("tanh") == 1
    assert reading.titles.count("linear") == 2  # the block's, and the head's
    carried = [arrow for arrow in reading.arrows if arrow.attributes.get("dir") == "back"]
    assert {(arrow.head, arrow.tail) for arrow in carried} == {("add", "linear"), ("add", "add")}
    every = Reading(draw(network(data()).sum(), repeats=False))
    assert every.titles.count("tanh") == 12


def test_closed_blocks_are_drawn_once_as_well() -> None:
    network = Network(12)
    reading = Reading(draw(network(data()).sum(), depth=2))
    assert reading.node("blocks.0 … blocks.11: Block × 12").lines[1:] == [
        "3 operations: linear, tanh, add",
        "2 parameters: 12 numbers",
    ]


def test_a_row_of_different_modules_is_repeated_as_a_whole() -> None:
    layers = [layer for _ in range(6) for layer in (nn.Linear(3, 3), nn.ReLU())]
    model = nn.Sequential(*layers)
    reading = Reading(draw(model(data())))
    assert "0 … 11 × 6" in reading.frames
    assert reading.titles.count("relu") == 1


def test_blocks_that_differ_are_drawn_each() -> None:
    sizes = [3, 4, 5, 6, 7, 8, 9, 10]
    model = nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(sizes)))
    assert Reading(draw(model(data()))).titles.count("linear") == 7


def test_a_few_equal_layers_are_drawn_each() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    assert Reading(draw(model(data()))).titles.count("linear") == 3


def test_a_loop_is_drawn_once() -> None:
    w = mt.tensor(0.3, requires_grad=True)
    h = w
    for _ in range(1500):
        h = np.sin(h) * w
    reading = Reading(draw(h))
    assert sorted(reading.titles) == ["multiply", "sin", "w"]
    assert list(reading.frames) == ["× 1500"]
    assert "output" in reading.node("multiply").classes


def test_a_recurrent_network_is_drawn_once() -> None:
    cell = nn.Linear(8, 5)
    sequence = mt.tensor(np.ones((2, 9, 3)), requires_grad=True, name="sequence")
    state = mt.tensor(np.zeros((2, 5)), name="state")
    for t in range(9):
        state = np.tanh(cell(mt.concatenate([sequence[:, t], state], axis=1)))
    reading = Reading(draw(state.sum()))
    assert "× 9" in reading.frames
    assert reading.titles.count("concatenate axis=1") == 1
    assert reading.titles.count("getitem[…]") == 1  # at another index each time
    assert {"weight", "bias"} <= set(reading.titles) - reading.frames["× 9"]  # all turns share them


def test_loops_within_loops() -> None:
    w = mt.tensor(np.ones(3), requires_grad=True)
    h = w
    for _ in range(5):
        for _ in range(10):
            h = np.tanh(h)
        h = np.exp(h - 1.0)
    reading = Reading(draw(h))
    assert reading.titles.count("tanh") == 1
    assert {"× 5", "× 10"} == set(reading.frames)


def test_turns_that_use_different_constants_are_drawn_each() -> None:
    h = mt.tensor(0.3, requires_grad=True)
    for t in range(12):
        h = np.sin(h) * float(t + 2)
    assert Reading(draw(h)).titles.count("sin") == 12


def test_a_block_that_is_used_elsewhere_too_keeps_that_edge() -> None:
    w = mt.tensor(np.ones(3), requires_grad=True)
    states = [w]
    for _ in range(12):
        states.append(np.tanh(np.sin(states[-1])))
    reading = Reading(draw(mt.stack(states).sum(), names={}))
    assert reading.titles.count("tanh") == 1
    assert any(tail == "tanh" and "stack" in head for tail, head, _ in reading.edges())


def random_network(operations: int) -> mt.Tensor:
    rng = np.random.default_rng(1)
    values = [mt.tensor(1.0, requires_grad=True, name=f"w{i}") for i in range(5)]
    for _ in range(operations):
        a, b = (values[i] for i in rng.integers(max(0, len(values) - 20), len(values), 2))
        values.append((a + b, a * b, np.tanh(a), a - b)[rng.integers(4)])
    return mt.stack(values[-20:]).sum()


def test_a_large_graph_is_drawn_in_stretches_and_says_so() -> None:
    out = random_network(3000)
    reading = Reading(draw(out, names={}))
    assert len(reading.nodes) <= 150
    assert "nodes, drawn as" in reading.note
    assert "stretches of operations are drawn as one" in reading.note
    assert "limit=None" in reading.note
    assert any("operations" in title for title in reading.titles)
    everything = draw(out, names={}, limit=None)
    assert everything.source.count("class=operation") > 1000
    assert "drawn as" not in everything.source


def test_every_operation_is_in_one_stretch() -> None:
    out = random_network(400)
    total = draw(out, names={}, limit=None).source.count("class=operation") + 1  # the output
    reading = Reading(draw(out, names={}, limit=20))
    counted = [
        int(title.split()[0]) if "operations" in title else 1
        for title, node in ((node.title, node) for node in reading.nodes.values())
        if {"operation"} & set(node.classes)
    ]
    assert sum(counted) == total


def test_named_results_stay_visible() -> None:
    x = mt.tensor(np.ones(3), requires_grad=True)
    z = np.exp(np.sin(np.cos(np.tanh(x) + 1.0) * 2.0))
    loss = np.log(np.sqrt(np.abs(z) * 3.0) + 4.0).sum()
    reading = Reading(draw(loss, limit=5))
    assert reading.titles == ["x", "5 operations", "z = exp", "5 operations", "loss = sum"]
    assert reading.node("z = exp").classes == ["operation"]


def test_modules_are_closed_before_a_large_graph_is_cut() -> None:
    network = Network(12)
    reading = Reading(draw(network(data()).sum(), repeats=False, limit=30))
    assert "modules are closed below level 2" in reading.note
    assert [title for title in reading.titles if "Block" in title] == [
        f"blocks.{i}: Block" for i in range(12)
    ]


def test_a_model_is_rather_cut_than_closed_altogether() -> None:
    class Turn(nn.Module):
        def __init__(self, i: int) -> None:
            self.linear = nn.Linear(3, 3)
            self.act = (nn.ReLU(), nn.Tanh(), nn.Sigmoid())[i * i * i % 7 % 3]

        def forward(self, x: Any) -> Any:
            return x + self.act(self.linear(x))

    model = nn.Sequential(*(Turn(i) for i in range(60)))
    reading = Reading(draw(model(data()).sum(), repeats=False, limit=40))
    assert "modules are closed below level 1" in reading.note
    assert list(reading.frames) == ["model: Sequential"]
    assert len(reading.nodes) in range(5, 20)
    assert any(title.startswith("0 … ") for title in reading.titles)
    assert any(title.endswith("… 59: Turn") for title in reading.titles)


def test_many_parameters_used_alike_are_drawn_as_one() -> None:
    leaves = [mt.tensor([1.0, 2.0], requires_grad=True) for _ in range(500)]
    reading = Reading(draw(mt.stack(leaves).sum(), names={}))
    assert reading.titles == ["500 parameters", "stack axis=0", "sum"]
    assert reading.node("500 parameters").lines[1] == "1000 numbers"
    assert reading.edges() == [("500 parameters", "stack axis=0", ""), ("stack axis=0", "sum", "")]


def test_negative_depths_and_limits() -> None:
    out = Network(1)(data())
    with pytest.raises(ArgumentError, match="depth is -1"):
        draw(out, depth=-1)
    with pytest.raises(ArgumentError, match="limit is -3"):
        draw(out, limit=-3)


def test_after_backward_modules_are_still_drawn() -> None:
    network = Network(2)
    loss = network(data()).sum()
    before = draw(loss).source
    loss.backward()
    assert draw(loss).source == before
