"""Tests of microtensor.graph."""

import types

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.graph import Edge, Graph, Kind


def labels(graph: Graph) -> list[str]:
    return [graph.label(node) for node in graph.nodes]


def weight(*shape: int, name: str | None = None) -> mt.Tensor:
    return mt.tensor(np.ones(shape), requires_grad=True, name=name)


def test_nodes_follow_what_they_are_computed_from() -> None:
    x = weight(3)
    branches = [np.exp(x), np.sin(x)]
    graph = Graph((branches[1] * branches[0]).sum())
    assert labels(graph) == ["x", "branches[0]", "branches[1]", "multiply", "sum"]
    position = {node: i for i, node in enumerate(graph.nodes)}
    assert all(position[edge.source] < position[edge.target] for edge in graph.edges())


def test_edges_are_in_operand_order_and_counted_each() -> None:
    x = weight(name="x")
    product = x * x
    graph = Graph(5 - product)
    assert [
        (graph.label(source), graph.label(target), position)
        for source, target, position in graph.edges()
    ] == [
        ("x", "product", 0),
        ("x", "product", 1),
        ("5", "subtract", 0),
        ("product", "subtract", 1),
    ]
    assert isinstance(next(graph.edges()), Edge)


def test_kinds() -> None:
    W = weight(2, 2)
    data = mt.tensor(np.ones((2, 2)))
    limit = mt.tensor(3.0)
    result = ((data @ W) * 2 + mt.tensor(7.0)) * limit
    graph = Graph(result)
    kinds = {graph.label(node): graph.kind(node) for node in graph.nodes}
    assert kinds == {
        "W": Kind.PARAMETER,
        "data": Kind.INPUT,
        "limit": Kind.INPUT,
        "2": Kind.CONSTANT,
        "constant": Kind.CONSTANT,  # its tensor is gone, and with it the 7
        "matmul": Kind.OPERATION,
        "multiply": Kind.OPERATION,
        "add": Kind.OPERATION,
        "result": Kind.OPERATION,
    }
    assert graph.outputs == (graph.nodes[-1],)


def test_names_are_the_callers_variables() -> None:
    X = np.ones((4, 3))
    W1 = weight(3, 2)
    z1 = X @ W1
    a1 = mt.sigmoid(z1)
    assert labels(Graph(a1.sum())) == ["X", "W1", "z1", "a1", "sum"]


def test_names_in_containers_and_objects() -> None:
    params = {"W1": weight(2), "b1": weight(2)}
    network = types.SimpleNamespace(scale=weight(2))
    shifts = [weight(2)]
    total = params["W1"] * network.scale + params["b1"] - shifts[0]
    names = set(Graph(total).names.values())
    assert names == {"params['W1']", "params['b1']", "network.scale", "shifts[0]", "total"}


class Owner:
    def __init__(self) -> None:
        self.weights1 = weight(2)

    def graph(self) -> Graph:
        return Graph(self.weights1 * 2)


def test_names_are_attributes_of_self() -> None:
    assert labels(Owner().graph()) == ["self.weights1", "2", "multiply"]


def test_a_tensors_own_name_goes_first_and_private_variables_last() -> None:
    _x = x = weight(2)
    y = weight(2, name="given")
    assert labels(Graph(x * y)) == ["given", "x", "multiply"]
    assert _x is x
    _only = weight(2)
    assert labels(Graph(_only * 2)) == ["_only", "2", "multiply"]


def test_names_given() -> None:
    x, hidden = weight(2), weight(2)
    graph = Graph(x * hidden, names={"h": hidden}.items())
    assert labels(graph) == ["parameter", "h", "multiply"]


def test_names_never_collide() -> None:
    tensors = [weight(2, name=name) for name in ("w", "w", "w_2", "w", "w_3")]
    total = sum(tensors[1:], tensors[0])
    graph = Graph(total, names=())
    assert sorted(graph.names.values()) == ["w", "w_2", "w_2_2", "w_3", "w_3_2"]


def test_many_equal_names_take_linear_time() -> None:
    total = weight(name="w")
    for _ in range(20_000):
        total = total + weight(name="w")
    names = Graph(total).names.values()
    assert len(set(names)) == 20_002  # each w, and the variable `total`


def test_parameters_are_called_by_their_path() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 1))
    first = model[0]
    x = np.ones((4, 3))
    loss = model(mt.tensor(x)).sum()
    expected = {"0.weight", "0.bias", "2.weight", "2.bias"}
    found = Graph(loss)
    assert expected <= set(found.names.values())
    given = Graph(loss, module=model, names=())
    assert set(given.names.values()) == expected
    assert first is model[0]


def test_parameters_of_two_modules_are_told_apart() -> None:
    generator, critic = nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False)
    loss = critic(generator(mt.tensor(np.ones((1, 2))))).sum()
    names = set(Graph(loss).names.values())
    assert names == {"weight", "critic.weight", "loss"}


@pytest.mark.parametrize("retain", [False, True])
def test_the_skeleton_stays_after_backward(retain: bool) -> None:
    x = mt.tensor(np.ones((2, 3)))
    W = weight(3, 1)
    loss = mt.sigmoid(x @ W).sum()
    before = Graph(loss)
    loss.backward(retain_graph=retain)
    after = Graph(loss)
    assert after.nodes == before.nodes
    assert labels(after) == labels(before) == ["x", "W", "matmul", "sigmoid", "loss"]
    assert [node.shape for node in after.nodes] == [(2, 3), (3, 1), (2, 1), (2, 1), ()]


def test_values() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    (y * y).sum().backward()
    graph = Graph(y)
    leaf, number, product = graph.nodes
    np.testing.assert_array_equal(graph.value(leaf), [1.0, 2.0])
    assert graph.value(number) == 3
    np.testing.assert_array_equal(graph.value(product), [3.0, 6.0])
    released = Graph(mt.sigmoid(x).sum())
    assert released.value(released.nodes[1]) is not None  # sigmoid's rule keeps it until backward


def test_reading_changes_nothing() -> None:
    x = weight(3)
    loss = np.exp(x).sum()
    Graph(loss)
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.full(3, np.e))


def test_an_operand_left_out_is_no_node() -> None:
    x = weight(3)
    graph = Graph(mt.clip(x, None, 2.0))
    assert labels(graph) == ["x", "2.0", "clip"]
    assert [edge.position for edge in graph.edges()] == [0, 2]


def test_several_outputs() -> None:
    x = weight(3)
    low, high = x.min(), x.max()
    graph = Graph([low, high])
    assert [graph.label(node) for node in graph.outputs] == ["low", "high"]
    assert len(graph.nodes) == 3


def test_a_leaf_is_its_own_graph() -> None:
    x = weight(3)
    assert labels(Graph(x)) == ["x"]


def test_an_output_that_is_no_tensor() -> None:
    with pytest.raises(TypeError, match="output 1 is a float"):
        Graph([weight(2), 1.0])
    with pytest.raises(TypeError, match="output 0 is a float"):
        Graph(3.0)
    with pytest.raises(TypeError, match="output 0 is a ndarray"):
        Graph(np.ones(3))
    with pytest.raises(TypeError, match="got a Sequential: call it, and give the Tensor"):
        Graph(nn.Sequential(nn.Linear(2, 2)))


def test_a_long_chain() -> None:
    x = weight()
    y = x
    for _ in range(100_000):
        y = np.sin(y)
    graph = Graph(y)
    assert len(graph.nodes) == 100_001
    assert graph.nodes[0] is x._node
