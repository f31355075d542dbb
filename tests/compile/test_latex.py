"""Programs as mathematics: every line is rendered by matplotlib."""

from typing import Any

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import microtensor as mt
from microtensor.compile.latex import lines, symbol
from microtensor.op import REGISTRY
from tests.cases import CASES, Case
from tests.compile.test_printing import depends_on_values, loss_of, rows

PARSER: Any = MathTextParser("path")
OF_EACH_OP = list(
    {
        case.op: case
        for case in CASES
        if case.differentiated and REGISTRY[case.op].differentiable and not depends_on_values(case)
    }.values()
)


def render(program: Any) -> list[str]:
    found = lines(program)
    for line in found:
        PARSER.parse(f"${line}$")
    return found


@pytest.mark.parametrize("case", OF_EACH_OP, ids=str)
def test_every_line_renders(case: Case) -> None:
    render(mt.derive(loss_of(case, 1), *case.inputs, argnums=tuple(case.differentiated)))


def test_the_first_tutorials_network() -> None:
    def loss_fn(W1, W2, x, y):
        a1 = mt.sigmoid(x @ W1)
        z2 = a1 @ W2
        a2 = mt.sigmoid(z2)
        loss = ((a2 - y) ** 2).sum()
        return loss

    program = mt.derive(loss_fn, *rows(), argnums=(0, 1))
    found = render(program)
    assert r"a_{2} = \sigma\left( z_{2} \right)" in found
    assert (
        r"\frac{\partial L}{\partial W_{2}} = a_{1}^{\top} \, \frac{\partial L}{\partial z_{2}}"
        in found
    )
    gradients = [line for line in found if line.startswith(r"\frac{\partial L}{\partial")]
    assert len(gradients) == len(set(gradients)) == 5
    display = program.latex
    assert display.startswith("$$\\begin{aligned}\n")
    assert display.endswith("\n\\end{aligned}$$")
    assert display.count("&=") == len(found)
    assert program._repr_latex_() == display


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"),
        ("W1", "W_{1}"),
        ("a_1", "a_{1}"),
        ("theta2", r"\theta_{2}"),
        ("self.weights1", r"\mathrm{weights}_{1}"),
        ("model.0.bias", r"\mathrm{model.0.bias}"),
        ("params['W1']", r"\mathrm{params[W1]}"),
        ("learning_rate", r"\mathrm{learning\_rate}"),
        ("50%$&#{}~^\\", "50"),
    ],
)
def test_names_become_symbols(name: str, expected: str) -> None:
    assert symbol(name) == expected
    PARSER.parse(f"${symbol(name)}$")


def test_numbers_of_all_sizes_render() -> None:
    program = mt.trace(lambda x: (x * 1e-12 + 1e300 - 2.5) / -3.0 + np.inf, np.ones(2))
    (line,) = render(program)
    assert r"1 \cdot 10^{-12}" in line
    assert r"\infty" in line


def test_an_update_is_an_assignment() -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")

    def step(x):
        loss = ((w * x) ** 2).sum()
        w.grad = None
        loss.backward()
        with mt.no_grad():
            w.__isub__(0.1 * w.grad)
        return loss

    assert any(line.startswith(r"w \leftarrow w - ") for line in render(mt.trace(step, np.ones(2))))


def test_second_order_renders() -> None:
    def loss_fn(w, x):
        loss = np.sum(np.tanh(x @ w) ** 3)
        (g,) = mt.autograd.grad([loss], [w], create_graph=True)
        return (g * g).sum()

    found = render(mt.derive(loss_fn, np.ones(3), np.ones((2, 3)), argnums=0))
    left = [line.split(" = ")[0] for line in found]
    assert len(set(left)) == len(left)
