"""Tests of microtensor.scopes: which call of which module recorded what."""

import threading
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn
from microtensor.graph import Graph
from microtensor.op import Node


class Block(nn.Module):
    def __init__(self) -> None:
        self.linear = nn.Linear(3, 3)
        self.act = nn.Tanh()

    def forward(self, x: Any) -> Any:
        return x + self.act(self.linear(x))


class Network(nn.Module):
    def __init__(self) -> None:
        self.blocks = nn.Sequential(Block(), Block())
        self.head = nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.head(self.blocks(x * 2.0)).sum()


def x() -> mt.Tensor:
    return mt.tensor(np.ones((2, 3)), name="x")


def paths(graph: Graph) -> list[tuple[str, str | None]]:
    return [
        ("op" if node.op is None else node.op.name, graph.module_path(node))
        for node in graph.nodes
        if node.op is not None
    ]


def leaves(graph: Graph) -> dict[str, str | None]:
    return {
        graph.label(node): graph.module_path(node)
        for node in graph.nodes
        if node.op is None and not node.is_constant
    }


def test_operations_belong_to_the_innermost_call() -> None:
    network = Network()
    out = network(x() + mt.tensor(np.ones(3), requires_grad=True))
    assert paths(Graph(out * 3)) == [
        ("add", None),
        ("multiply", ""),
        ("linear", "blocks.0.linear"),
        ("tanh", "blocks.0.act"),
        ("add", "blocks.0"),
        ("linear", "blocks.1.linear"),
        ("tanh", "blocks.1.act"),
        ("add", "blocks.1"),
        ("linear", "head"),
        ("sum", ""),
        ("multiply", None),
    ]


def test_parameters_belong_to_their_modules_and_data_to_none() -> None:
    network = Network()
    assert leaves(Graph(network(x()), module=network)) == {
        "input": None,  # x * 2.0, which needs no gradient and is not recorded
        "blocks.0.linear.weight": "blocks.0.linear",
        "blocks.0.linear.bias": "blocks.0.linear",
        "blocks.1.linear.weight": "blocks.1.linear",
        "blocks.1.linear.bias": "blocks.1.linear",
        "head.weight": "head",
        "head.bias": "head",
    }


def test_calls_nest() -> None:
    network = Network()
    graph = Graph(network(x()))
    tanh = next(node for node in graph.nodes if node.op is not None and node.op.name == "tanh")
    scope = graph.scopes[tanh]
    assert [each.path for each in scope.above] == ["", "blocks", "blocks.0", "blocks.0.act"]
    assert [each.name for each in scope.above] == ["network", "blocks", "0", "act"]
    assert scope.depth == 3
    assert isinstance(scope.module, nn.Tanh)


def test_a_module_called_twice_has_two_scopes_and_shares_its_parameters() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.cell = nn.Linear(3, 3, bias=False)

        def forward(self, x: Any) -> Any:
            return self.cell(self.cell(x))

    twice = Twice()
    graph = Graph(twice(x()))
    first, second = (graph.scopes[node] for node in graph.nodes if node.op is not None)
    assert first is not second
    assert first.path == second.path == "cell"
    weight = next(node for node in graph.nodes if node.requires_grad and node.op is None)
    assert graph.module_path(weight) == ""  # outside of both calls


def test_paths_of_a_module_whose_model_is_not_named_start_at_the_outermost_call() -> None:
    def run() -> tuple[mt.Tensor, list[nn.Module]]:
        network = Network()
        return network(x()), [network]

    out, _kept = run()
    assert ("linear", "blocks.1.linear") in paths(Graph(out, names=()))


def test_a_part_that_is_called_alone_has_its_path_in_the_model() -> None:
    network = Network()
    assert paths(Graph(network.blocks[1](x())))[0] == ("linear", "blocks.1.linear")


def test_modules_that_are_gone_leave_no_scope() -> None:
    graph = Graph(Network()(x()))
    assert dict(graph.scopes) == {}


def test_several_results() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            self.w = nn.Parameter([1.0, 2.0])

        def forward(self, kind: type) -> Any:
            pair = self.w * 2, np.exp(self.w)
            return dict(zip("ab", pair, strict=True)) if kind is dict else kind(pair)

    pair = Pair()
    for kind in (tuple, list, dict):
        out = pair(kind)
        results = list(out.values()) if kind is dict else list(out)
        assert paths(Graph(results)) == [("multiply", ""), ("exp", "")]
        assert paths(Graph(results[1])) == [("exp", "")]


def test_what_a_module_passes_through_is_not_its_own() -> None:
    identity = nn.Identity()
    w = mt.tensor([1.0], requires_grad=True)
    assert paths(Graph(identity(w * 2))) == [("multiply", None)]


def test_a_result_kept_beside_the_returned_one_belongs_to_the_call() -> None:
    class Penalised(nn.Module):
        def __init__(self) -> None:
            self.w = nn.Parameter([1.0, 2.0])

        def forward(self, x: Any) -> Any:
            self.penalty = (self.w**2).sum()
            return x * self.w

    model = Penalised()
    out = model(mt.tensor([1.0, 1.0]))
    graph = Graph(out.sum() + model.penalty)
    by_name: dict[str, Node] = {node.op.name: node for node in graph.nodes if node.op is not None}
    assert graph.module_path(by_name["square"]) == ""
    assert graph.module_path(by_name["add"]) is None


def test_threads_do_not_mix_up_calls() -> None:
    def run(results: list[Any]) -> None:
        for _ in range(50):
            network = Network()
            out = network(x())
            results.append([path for _, path in paths(Graph(out, names=()))])

    results: list[Any] = []
    threads = [threading.Thread(target=run, args=(results,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 200
    assert all(each == results[0] for each in results)


def test_nothing_is_noted_where_nothing_is_recorded() -> None:
    layer = nn.Linear(3, 3)
    with mt.no_grad():
        assert layer(x())._node is None


def test_the_graph_does_not_keep_a_module_alive() -> None:
    import weakref

    layer = nn.Linear(3, 3)
    out = layer(x())
    gone = weakref.ref(layer)
    del layer
    assert gone() is None
    assert out.shape == (2, 3)


def test_structure_stays_after_backward() -> None:
    network = Network()
    out = network(x())
    before = paths(Graph(out))
    out.backward()
    assert paths(Graph(out)) == before
