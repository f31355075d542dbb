"""Programs as drawings."""

import subprocess
import sys

import numpy as np

import microtensor as mt


def program():
    w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")

    def step(x, y):
        error = w * x - y
        loss = (error**2).sum()
        w.grad = None
        loss.backward()
        with mt.no_grad():
            w.__isub__(0.1 * w.grad)
        return loss

    return mt.trace(step, np.ones(2), np.zeros(2))


def test_inputs_parameters_results_and_gradients_look_different() -> None:
    source = program().draw().source
    for kind in ("input", "parameter", "operation", "gradient", "output"):
        assert kind in source
    assert "<b>error = subtract</b>" in source
    assert "<b>d_error = " in source


def test_it_can_be_laid_out() -> None:
    assert b"<svg" in program().draw().pipe(format="svg")


def test_names_of_any_content_are_escaped() -> None:
    traced = mt.trace(lambda params: params["<&>"] * 2.0, {"<&>": np.ones(2)})
    assert b"&lt;&amp;&gt;" in traced.draw().pipe(format="svg")


def test_an_index_by_values_is_an_edge() -> None:
    traced = mt.trace(lambda x, i: x[i], np.ones(3), np.array([0, 1]))
    assert "dashed" in traced.draw().source


def test_importing_the_package_imports_no_graphviz() -> None:
    code = "import sys, microtensor; assert 'graphviz' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_values_that_are_gradients_of_each_other_are_drawn() -> None:
    traced = mt.trace(lambda x: np.sin(x) * np.cos(x), np.ones(3))
    first, second = (eq.out for eq in traced.equations[:2])
    first.gradient_of, second.gradient_of = second, first
    assert "sin" in traced.draw().source
    first.gradient_of = first
    assert "sin" in traced.draw().source
