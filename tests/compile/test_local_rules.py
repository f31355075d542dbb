"""Steps of the backward pass as code: run, they are the gradients that the engine finds."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import microtensor as mt
from microtensor.autograd import grad
from microtensor.compile.local_rules import code_of, local_code, local_rule
from microtensor.graph import Graph
from microtensor.nn import functional as F
from microtensor.op import Node
from tests.cases import NAMES, Case
from tests.compile.test_printing import depends_on_values
from tests.test_ops import DIFFERENTIABLE, leaves, seed_for


def holds_its_constants(case: Case) -> bool:
    """Tell whether what the expression itself makes can still be read off the graph."""
    graph = Graph(case.on_tensors(*leaves(case)), names=[])
    return all(graph.value(node) is not None for node in graph.nodes if node.op is None)


TRACEABLE = [
    case for case in DIFFERENTIABLE if not depends_on_values(case) and holds_its_constants(case)
]


def values_of(graph: Graph) -> dict[Node, Any]:
    values: dict[Node, Any] = {}
    for node in graph.nodes:
        operands = [x.value if x.is_constant else values[x] for x in node.parents]
        values[node] = (
            graph.value(node)
            if node.op is None
            else node.op.kernel(*operands, **(node.params or {}))
        )
    return values


def run_backward(out: mt.Tensor, names: list[tuple[str, Any]], seed: Any) -> dict[Node, Any]:
    """Run the code of every step, from the output to the leaves, and add up what it gives."""
    assert out._node is not None
    for i, node in enumerate(Graph(out, names=[]).nodes):
        if not node.is_constant and all(x._node is not node for _, x in names):
            node.name = f"v{i}"
    graph = Graph(out, names=names)
    namespace = {graph.label(x): v for x, v in values_of(graph).items()}
    gradients = {out._node: seed}
    for node in reversed(graph.nodes):
        for position, parent in enumerate(node.parents):
            if not parent.requires_grad or node not in gradients:
                continue
            code = local_code(graph, node, position)
            scope = {"np": np, **namespace, f"d_{graph.names[node]}": gradients[node]}
            exec("\n".join(code.definitions), scope)
            exec(code.assigned("contribution"), scope)
            contribution = scope["contribution"]
            earlier = gradients.get(parent)
            gradients[parent] = contribution if earlier is None else earlier + contribution
    return gradients


@pytest.mark.parametrize("case", TRACEABLE, ids=str)
def test_the_code_of_the_steps_gives_the_gradients(case: Case) -> None:
    xs = leaves(case)
    out = case.on_tensors(*xs)
    seed = seed_for(out)
    found = run_backward(out, list(zip(NAMES, xs, strict=False)), seed)
    for i in case.differentiated:
        (expected,) = grad([out], [xs[i]], [seed], retain_graph=True)
        assert_allclose(found[xs[i]._node], expected.data, rtol=1e-12, atol=1e-12)


def codes(out: mt.Tensor, /, **names: Any) -> list[str]:
    graph = Graph(out, names=names.items())
    return [
        local_rule(graph, node, i)
        for node in graph.nodes
        for i, parent in enumerate(node.parents)
        if parent.requires_grad
    ]


def test_the_steps_of_a_layer_read_as_in_a_textbook() -> None:
    X, W1 = mt.tensor(np.ones((4, 3))), mt.tensor(np.ones((3, 2)), requires_grad=True)
    b1 = mt.tensor(np.zeros(2), requires_grad=True)
    p = X @ W1
    z1 = p + b1
    a1 = mt.sigmoid(z1)
    assert codes(a1, X=X, W1=W1, b1=b1, p=p, z1=z1, a1=a1) == [
        "d_W1 = X.T @ d_p",
        "d_p = d_z1",
        "d_b1 = np.sum(d_z1, axis=0)",
        "d_z1 = d_a1 * a1 * (1 - a1)",
    ]


def test_both_operands_of_a_square_are_written() -> None:
    x = mt.tensor([2.0, 3.0], requires_grad=True)
    y = x * x
    assert codes(y, x=x, y=y) == ["d_x = d_y * x", "d_x = d_y * x"]


def test_names_of_modules_become_identifiers() -> None:
    weight = mt.tensor(np.ones((2, 3)), requires_grad=True, name="layers.0.weight")
    x = mt.tensor(np.ones((4, 3)))
    out = F.linear(x, weight)
    assert codes(out, x=x, out=out) == ["d_layers_0_weight = d_out.T @ x"]


def test_a_value_called_like_a_gradient_keeps_the_two_apart() -> None:
    x = mt.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1.0
    out = x * y
    (*_, rule) = codes(out, x=x, d_out=y, out=out)
    assert rule == "d_d_out = d_out_2 * x"


def test_a_rule_that_asks_for_values_is_called_by_its_operation() -> None:
    def vjp(g: Any, out: Any, x: Any) -> Any:
        return g if float(x.sum()) > 0 else -g

    x = mt.tensor([2.0, 0.0, 3.0], requires_grad=True)
    out = mt.custom_op(np.abs, vjp, name="sum_sign")(x)
    assert codes(out, x=x, out=out) == ["d_x = sum_sign_vjp(out, x, d_out)"]


def test_code_with_several_lines_ends_in_its_result() -> None:
    code = code_of(lambda v: np.exp(v["x"] - v["x"].max()) ** 2, {"x": np.ones(3)})
    scope = {"np": np, "x": np.arange(3.0)}
    exec(code.assigned("y"), scope)
    assert_allclose(scope["y"], np.exp(np.arange(3.0) - 2) ** 2)
