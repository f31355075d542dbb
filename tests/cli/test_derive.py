"""Tests of `microtensor derive`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import Run

INPUTS = ("--input", "W=2x1", "x=4x2", "y=4x1")


def function(source: str, name: str) -> Any:
    """Return a function of printed code, which has nothing but NumPy."""
    variables: dict[str, Any] = {}
    exec(source, variables)
    return variables[name]


def test_the_code_computes_the_loss_and_the_gradient(run: Run) -> None:
    done = run("derive", "net.py:loss_fn", *INPUTS, "--wrt", "W")
    assert (done.status, done.err) == (0, "")
    rng = np.random.default_rng(1)
    W, x, y = rng.normal(size=(2, 1)), rng.normal(size=(4, 2)), rng.normal(size=(4, 1))
    loss, d_W = function(done.out, "loss_fn")(W, x, y)
    a = 1 / (1 + np.exp(-x @ W))
    np.testing.assert_allclose(loss, ((a - y) ** 2).sum())
    np.testing.assert_allclose(d_W, x.T @ (2 * (a - y) * a * (1 - a)))


def test_by_default_with_respect_to_all(run: Run) -> None:
    assert "return loss, (d_W, d_x, d_y)" in run("derive", "net.py:loss_fn", *INPUTS).out
    assert "return loss, (d_x, d_y)" in run("derive", "net.py:loss_fn", *INPUTS, "--wrt", "x,y").out


def test_of_the_parameters_that_the_function_uses(run: Run) -> None:
    done = run("derive", "net.py:loss")
    assert (done.status, done.err) == (0, "")
    assert "def loss(X, W1, W2, y):" in done.out
    assert done.out.rstrip().endswith("return loss, d_W1, d_W2")
    X = np.array([[0.5, -1.0]])
    W1, W2, y = np.full((2, 3), 0.1), np.full((3, 1), 0.2), np.array([[1.0]])
    _, _, d_W2 = function(done.out, "loss")(X, W1, W2, y)
    a = 1 / (1 + np.exp(-X @ W1))
    np.testing.assert_allclose(d_W2, a.T @ (2 * (a @ W2 - y)))


def test_data_are_arguments_of_a_function_with_parameters(run: Run) -> None:
    Path("f.py").write_text(
        "from net import model\ndef loss(x, y):\n    return ((model(x) - y) ** 2).sum()\n"
    )
    done = run("derive", "f.py:loss", "--input", "x=4x2", "y=4x1")
    assert (done.status, done.err) == (0, "")
    assert "the gradient of model.0.weight" in done.out
    assert "d_x" not in done.out


def test_latex(run: Run) -> None:
    done = run("derive", "net.py:loss_fn", *INPUTS, "--wrt", "W", "--latex")
    assert done.status == 0
    assert r"\frac{\partial L}{\partial W} &=" in done.out


def test_a_file(run: Run) -> None:
    done = run("derive", "net.py:loss", "--out", "backprop.py")
    assert (done.status, done.out) == (0, "backprop.py\n")
    assert Path("backprop.py").read_text("utf-8") == run("derive", "net.py:loss").out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["net.py:hidden"], "net.py:hidden returned a Tensor of shape (4, 3): derive needs a loss"),
        (["net.py:total"], "net.py:total is no function that returns a loss"),
        (["net.py:by_hand"], "net.py:by_hand returned a tuple"),
        (["f.py:own"], "f.py:own makes the parameters itself"),
        (["f.py:named", "--input", "w=2", "--wrt", "w"], "w can only be given by name"),
    ],
)
def test_what_cannot_be_derived(argv: list[str], message: str, run: Run) -> None:
    Path("f.py").write_text(
        "import microtensor as mt\n"
        "import numpy as np\n"
        "def own():\n    return (mt.tensor(np.ones(3), requires_grad=True) ** 2).sum()\n"
        "def named(*, w):\n    return (w * 2).sum()\n"
    )
    done = run("derive", *argv)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_function_that_asks_for_a_value(run: Run) -> None:
    Path("f.py").write_text("def main(w):\n    return w.sum() if w.sum() > 0 else -w.sum()\n")
    done = run("derive", "f.py", "--input", "w=2")
    assert done.status == 1
    assert done.err.startswith("microtensor: ")
    assert done.err.count("\n") == 1
