"""Programs as mathematics: every line is rendered by matplotlib."""

from typing import Any

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import microtensor as mt
from microtensor import nn, optim
from microtensor.compile.latex import lines, symbol
from microtensor.op import REGISTRY
from microtensor.tutorials.by_hand import deep as by_hand_deep
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


V = np.array([0.5, 1.0, 2.0])


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


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
        ("params['W1']", "W_{1}"),
        ("params['b']", "b"),
        ("layers[0]['W']", "W_{0}"),
        ("params[1]", r"\mathrm{params}_{1}"),
        ("learning_rate", r"\mathrm{learning\_rate}"),
        ("max_scores", r"\mathrm{max\_scores}"),
        ("Wq", "W_{q}"),
        ("Wxh", "W_{xh}"),
        ("Out", "O_{ut}"),
        ("Other", r"\mathrm{Other}"),
        ("alpha_t", r"\alpha_{t}"),
        ("beta_1", r"\beta_{1}"),
        ("W_q_1", "W_{q,1}"),
        ("h_prev", r"h_{\mathrm{prev}}"),
        ("h_prev_step", r"h_{\mathrm{prev\_step}}"),
        ("lambda_", r"\lambda"),
        ("β", r"\beta"),
        ("λ", r"\lambda"),
        ("σmax", r"\sigma_{\mathrm{max}}"),
        ("Δx", r"\Delta x"),
        ("ΔW1", r"\Delta W_{1}"),
        ("dβ", r"{d \beta}"),
        ("x̂", r"\hat{x}"),
        ("ŷ", r"\hat{y}"),
        ("x̄1", r"\bar{x}_{1}"),
        ("theta_hat", r"\hat{\theta}"),
        ("x_hat_t", r"\hat{x}_{t}"),
        ("loss", "L"),
        ("loss_2", "L_{2}"),
        ("loss_fn", r"\mathrm{loss\_fn}"),
        ("50%$&#{}~^\\", "50"),
    ],
)
def test_names_become_symbols(name: str, expected: str) -> None:
    assert symbol(name) == expected
    PARSER.parse(f"${symbol(name)}$")


def test_numbers_of_all_sizes_render() -> None:
    program = mt.trace(lambda x: (x * 1e-12 + 1e300 - 2.5) / -3.0 + np.inf, np.ones(2))
    (line,) = render(program)
    assert r"10^{-12} \, x" in line
    assert "1 " not in line
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


# What single operations look like

FORMULAS = {
    r"\left[ x = y \right]": lambda x, y: x == y,
    r"\left[ x \neq 2 \, y \right]": lambda x, y: x != 2 * y,
    r"\left[ x < y \right] \wedge \left[ x > 0 \right]": lambda x, y: (x < y) & (x > 0),
    r"\left[ x \leq y \right] \vee \neg \left[ x \geq 0 \right]": lambda x, y: (x <= y) | ~(x >= 0),
    r"x_{0} + y_{-1}": lambda x, y: x[0] + y[-1],
    r"x_{1:} \odot y_{:2}": lambda x, y: x[1:] * y[:2],
    r"x_{\left( 2, 0 \right)}": lambda x, y: x[[2, 0]],
    r"x_{\left( 2, 0, 0, \ldots \right)}": lambda x, y: x[[2, 0, 0, 1, 1, 2]],
    r"\left( x + y \right)_{0}": lambda x, y: (x + y)[0],
    r"\operatorname{reshape}_{3 \times 1}\left( x \right)": lambda x, y: x.reshape(3, 1),
    r"\operatorname{einsum}_{i,j \to ij}\left( x, y \right)": lambda x, y: np.einsum(
        "i,j->ij", x, y
    ),
    r"\max\left( x \right)": lambda x, y: np.max(x),
    r"\prod x": lambda x, y: np.prod(x),
    r"\frac{1}{3} \sum x": lambda x, y: np.mean(x),
    r"\left( \sum x \right) \, y": lambda x, y: np.sum(x) * y,
    r"-\sum x": lambda x, y: np.sum(-x),
    r"x - 3": lambda x, y: x + -3,
    r"x + 3 \, y": lambda x, y: x - -3 * y,
    r"-6 \, x \odot y": lambda x, y: (-2 * x) * (3 * y),
    r"2 \, x": lambda x, y: 2 * (1 * x),
    r"x \odot \left( y + x \right)": lambda x, y: x * (y + x),
    r"-\frac{x}{y}": lambda x, y: -x / y,
    r"\left( \frac{x}{y} \right)^{2}": lambda x, y: (x / y) ** 2,
    r"\left( -x \right)^{3}": lambda x, y: (-x) ** 3,
    r"10^{-5} \, x": lambda x, y: x * 1e-5,
    r"2.5 \cdot 10^{-7} \, x": lambda x, y: x * 2.5e-7,
    r"\frac{x}{6}": lambda x, y: x * (1 / 6),
    r"0.123456789 \, x": lambda x, y: x * 0.123456789,
    r"\operatorname{roll}_{\mathrm{shift}=1}\left( x \right)": lambda x, y: np.roll(x, 1),
    r"\min\left( \max\left( x, 0 \right), 1 \right)": lambda x, y: np.clip(x, 0, 1),
    "x": lambda x, y: x,
    "3": lambda x, y: 3.0,
    r"\mathrm{None}": lambda x, y: None,
    r"\left( 1, 2, 3 \right)": lambda x, y: np.array([1, 2, 3]),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas(formula: str) -> None:
    assert render(mt.trace(FORMULAS[formula], V, V + 1)) == [rf"\mathrm{{result}} = {formula}"]


OF_A_MATRIX = {
    "A_{0}": lambda A: A[0],
    "A_{:,1}": lambda A: A[:, 1],
    r"A_{\ldots,::2}": lambda A: A[..., ::2],
    r"A_{i,\left( 2, 0, 1 \right)}": lambda A: A[np.arange(3), [2, 0, 1]],
    r"A_{\left( \left( 0, 1 \right), \left( 2, 2 \right) \right)}": lambda A: A[[[0, 1], [2, 2]]],
    r"\max_{j}\left( A \right)": lambda A: np.max(A, axis=1),
    r"\min_{i}\left( A \right)": lambda A: np.min(A, axis=0),
    r"\prod_{i} A": lambda A: np.prod(A, axis=0),
    r"\sum_{j} A": lambda A: np.sum(A, axis=1),
    r"\frac{1}{3} \sum_{j} A": lambda A: np.mean(A, axis=1),
    "A": lambda A: np.sum(A, axis=()),
    r"\operatorname{stack}_{k}\left( A, A \right)": lambda A: np.stack([A, A], axis=-1),
    r"\left( A + 3 \, I \right)^{-1}": lambda A: np.linalg.inv(A + 3 * np.eye(3)),
    r"A \, A^{\top}": lambda A: A @ A.T,
    r"\left( A \odot A \right) \, A": lambda A: (A * A) @ A,
    r"\operatorname{set}_{0}\left( A, 2 \right)": lambda A: mt.ops.setitem(A, 2.0, 0),
}


@pytest.mark.parametrize("formula", OF_A_MATRIX)
def test_formulas_of_a_matrix(formula: str) -> None:
    program = mt.trace(OF_A_MATRIX[formula], normal(3, 3))
    assert render(program) == [rf"\mathrm{{result}} = {formula}"]


def test_several_results_are_numbered() -> None:
    found = render(mt.trace(lambda x: (x, 2 * x, "a"), V))
    assert found == [r"\mathrm{result}_{1} = x", r"\mathrm{result}_{2} = 2 \, x"]


def test_an_index_below_a_subscript_has_brackets() -> None:
    assert render(mt.trace(lambda W1: W1[0], V)) == [r"\mathrm{result} = \left( W_{1} \right)_{0}"]


def test_a_gradient_that_is_transposed_has_brackets() -> None:
    assert any(
        r" = \left( \frac{\partial L}{\partial z} \right)^{\top} \, x" in line
        for line in render(training_step())
    )


def test_a_variable_e_is_not_the_base_of_the_exponential() -> None:
    def f(x):
        e = np.exp(x)
        return e * e

    assert render(mt.trace(f, V))[0] == r"e = \exp\left( x \right)"


# Whole programs


def softmax_classifier():
    X, t = normal(8, 3), np.arange(8) % 3

    def loss_fn(W, b, X, t, lam):
        scores = X @ W + b
        max_scores = np.max(scores, axis=1, keepdims=True)
        e = np.exp(scores - max_scores)
        probs = e / np.sum(e, axis=1, keepdims=True)
        nll = -np.log(probs[range(len(X)), t])
        loss = np.mean(nll) + lam * np.sum(W**2)
        return loss

    return mt.derive(loss_fn, normal(3, 4), normal(4), X, t, 0.1, argnums=(0, 1))


def batch_norm():
    def loss_fn(x, γ, β, eps=1e-5):
        μ = x.mean(axis=0)
        var = ((x - μ) ** 2).mean(axis=0)
        x̂ = (x - μ) / np.sqrt(var + eps)
        y = γ * x̂ + β
        loss = np.sum(y**3) / 6
        return loss

    return mt.derive(loss_fn, normal(6, 3), normal(3), normal(3), argnums=(0, 1, 2))


def recurrent():
    def loss_fn(Wx, Wh, bh, xs, h0):
        h = h0
        for t in range(3):
            h = np.tanh(xs[t] @ Wx + h @ Wh + bh)
        loss = np.sum(h**2)
        return loss

    shapes = [(2, 3), (3, 3), (3,), (3, 4, 2), (4, 3)]
    return mt.derive(loss_fn, *(normal(*shape) for shape in shapes), argnums=(0, 1, 2))


def attention():
    def loss_fn(Wq, Wk, Wv, X):
        Q, K, V = X @ Wq, X @ Wk, X @ Wv
        s = Q @ K.T / np.sqrt(K.shape[-1])
        A = np.exp(s - s.max(axis=-1, keepdims=True))
        A = A / A.sum(axis=-1, keepdims=True)
        return ((A @ V) ** 2).sum()

    return mt.derive(loss_fn, *[normal(4, 4)] * 3, normal(5, 4), argnums=(0, 1, 2))


def logistic_regression():
    def loss_fn(params, X, y):
        p = 1 / (1 + np.exp(-(X @ params["W1"] + params["b"])))
        loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        return loss

    return mt.derive(loss_fn, {"W1": normal(3), "b": 0.3}, normal(7, 3), np.ones(7), argnums=0)


def second_tutorial():
    def cost_function(params, X, Y):
        A = X
        for layer in range(1, len(params) // 2 + 1):
            Z = params[f"W{layer}"] @ A + params[f"b{layer}"]
            A = mt.sigmoid(Z)
        m = Y.shape[1]
        cost = (-1 / m) * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        return cost

    X, Y = by_hand_deep.truth_table()
    params = by_hand_deep.init_params([3, 4, 1], np.random.default_rng(0), scale=1.0)
    return mt.derive(cost_function, params, X, Y, argnums=0)


def hessian_vector_product():
    def f(x, v):
        loss = np.sum(x**3 * np.sin(x))
        (g,) = mt.autograd.grad([loss], [x], create_graph=True)
        return (g * v).sum()

    return mt.derive(f, V, V + 1, argnums=0)


def training_step():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        loss = ((model(x) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return mt.trace(step, normal(5, 3), normal(5, 1))


def embedding():
    rows = np.array([0, 2, 1, 0, 2, 2])
    return mt.derive(lambda E, W: np.sum((E[rows] @ W) ** 2), normal(3, 4), normal(4, 2))


PROGRAMS = [
    softmax_classifier, batch_norm, recurrent, attention, logistic_regression, second_tutorial,
    hessian_vector_product, training_step, embedding,
]  # fmt: skip


@pytest.mark.parametrize("make", PROGRAMS)
def test_whole_programs_render(make: Any) -> None:
    found = render(make())
    left = [line.split(" = ")[0] for line in found]
    assert len(set(left)) == len(left)
    text = "\n".join(found)
    for unwanted in ("getitem", r"scatter\_add", r"1 \, ", "+ -", "- -", "d_{", "= ="):
        assert unwanted not in text


def test_a_softmax_classifier_indexes_and_compares() -> None:
    found = render(softmax_classifier())
    assert r"\mathrm{max\_scores} = \max_{j}\left( \mathrm{scores} \right)" in found
    assert any(r"\mathrm{probs}_{i,t}" in line for line in found)
    assert any(r"\left[ \mathrm{scores} = \mathrm{max\_scores} \right]" in x for x in found)
    assert found[-1].startswith(r"\frac{\partial L}{\partial W} = 2 \, \mathrm{lam} \, W + ")


def test_batch_norm_is_in_the_users_letters() -> None:
    found = render(batch_norm())
    assert r"y = \gamma \odot \hat{x} + \beta" in found
    assert r"\frac{\partial L}{\partial \beta} = \sum_{i} \frac{\partial L}{\partial y}" in found
    assert any(r"\sqrt{\mathrm{var} + 10^{-5}}" in line for line in found)


ODD = {
    "a product of functions": (lambda x: np.sum(np.sin(x) * np.cos(x)), [V]),
    "half": (lambda w, X, y: np.sum((X @ w - y) ** 2) / 2, [V, normal(5, 3), normal(5)]),
    "a factor that is its own derivative": (lambda x: np.sum(np.exp(x) * np.sin(x)), [V]),
    "mean of two": (lambda w, X, y: np.mean((X @ w - y) ** 2), [V, normal(2, 3), normal(2)]),
    "a quotient twice": (lambda x, y: np.sum(x / y * np.exp(x / y) + x / y), [V, V + 1]),
}


@pytest.mark.parametrize("name", ODD)
def test_gradients_that_are_values_too_render(name: str) -> None:
    loss_fn, arguments = ODD[name]
    program = mt.derive(loss_fn, *arguments)
    assert any(line.startswith(r"\frac{\partial L}") for line in render(program))
    assert program.draw().source


def test_values_that_are_gradients_of_each_other_render() -> None:
    program = mt.trace(lambda x: np.sum(np.sin(x) * np.cos(x)), V)
    first, second = (eq.out for eq in program.equations[:2])
    first.gradient_of, second.gradient_of = second, first
    assert len(render(program)) > 0
    assert program.draw().source
    first.gradient_of = first
    assert len(render(program)) > 0
    assert program.draw().source


# Notebooks


def test_a_notebook_shows_the_source_and_the_mathematics() -> None:
    program = mt.derive(lambda x: np.sum(x**2), V)
    shown = program._repr_markdown_()
    assert shown == f"```python\n{program.source.rstrip()}\n```\n\n{program.latex}"
    assert shown.endswith("$$")
    assert program._repr_latex_() == program.latex
    assert not hasattr(program, "_repr_html_")
