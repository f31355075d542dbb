"""Tests of `microtensor compare`, with which a teacher can mark."""

import json
from pathlib import Path

import pytest

from .conftest import Run


def test_a_wrong_step_is_named_and_the_status_is_1(run: Run) -> None:
    done = run("compare", "net.py:by_hand")
    assert (done.status, done.err) == (1, "")
    assert "1 step is wrong: z1. 1 more is a consequence." in done.out
    assert "σ′(z1) is missing" in done.out
    assert "Right: dz1 = da1 * a1 * (1 - a1)" in done.out
    assert all(line == line.rstrip() for line in done.out.splitlines())


def test_right_gradients_have_the_status_0(run: Run) -> None:
    done = run("compare", "net.py:right")
    assert (done.status, done.err) == (0, "")
    assert "All 5 gradients are right." in done.out


def test_names_are_those_in_the_function(run: Run) -> None:
    done = run("compare", "net.py:right", "--json")
    rows = {row["name"]: row["gradient"] for row in json.loads(done.out)["rows"]}
    assert rows == {"p": "dp", "W2": "dW2", "a1": "da1", "z1": "dz1", "W1": "dW1"}


def test_json(run: Run) -> None:
    done = run("compare", "net.py:by_hand", "--json")
    assert done.status == 1
    report = json.loads(done.out)
    assert (report["ok"], report["roots"]) == (False, ["z1"])


@pytest.mark.parametrize(
    "body",
    [
        "return mt.compare(net.loss(), {net.W1: np.zeros((2, 3))})",
        "mt.compare(net.loss(), {net.W1: np.zeros((2, 3))}).raise_if_wrong()",
        "return net.loss(), {'W1': np.zeros((2, 3))}",
    ],
)
def test_ways_to_return_it(body: str, run: Run) -> None:
    Path("f.py").write_text(
        f"import numpy as np\nimport microtensor as mt\nimport net\nfrom net import W1\n"
        f"def main():\n    {body}\n"
    )
    done = run("compare", "f.py")
    assert (done.status, done.err) == (1, "")
    assert "1 step is wrong: W1." in done.out


def test_a_parameter_by_its_path(run: Run) -> None:
    Path("f.py").write_text(
        "import numpy as np\nfrom net import X, model\n"
        "def main():\n    return model(X).sum(), {'2.bias': np.full(1, 4.0)}\n"
    )
    done = run("compare", "f.py")
    assert done.status == 0, done.err
    assert "2.bias" in done.out


def test_a_variable(run: Run) -> None:
    Path("f.py").write_text(
        "import numpy as np\nfrom net import W1, loss\nresult = loss(), {'W1': np.zeros((2, 3))}\n"
    )
    done = run("compare", "f.py:result")
    assert (done.status, done.err) == (1, "")
    assert "1 step is wrong: W1." in done.out


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return net.loss()", "f.py:main gives a loss only: return the gradients as well"),
        ("return None", "f.py:main returned nothing"),
        ("return net.loss(), {'W3': 1.0}", "has no tensor of that name: the loss is computed from"),
        ("return net.loss(), {3: 1.0}", "gives a gradient of 3: it is given by tensor"),
        ("return net.loss(), {}", "compare()"),
        ("return net.loss(), {net.W1: 'a'}", "has dtype <U1, and a gradient is made of"),
        ("return net.X, {net.W1: 1.0}", "returned a tuple of an array of shape (4, 2), a dict"),
        ("raise ValueError('no')", "f.py:3, in main: ValueError: no"),
    ],
)
def test_where_nothing_can_be_compared_the_status_is_2(body: str, message: str, run: Run) -> None:
    Path("f.py").write_text(f"import net\ndef main():\n    {body}\n")
    done = run("compare", "f.py")
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
