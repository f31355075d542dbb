"""Random programs: their gradients against HIPS autograd's, and against finite differences.

Each is a few lines of NumPy, drawn by Hypothesis and run three times: on arrays, with HIPS
autograd, and on Tensors. A failure shows it. ``pytest --hypothesis-profile nightly`` draws 10 000.
"""

from __future__ import annotations

import warnings
from types import CodeType
from typing import Any

import autograd
import autograd.numpy
import numpy as np
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose

import microtensor as mt
from microtensor.gradcheck import gradcheck, gradgradcheck

Draw = st.DrawFn
LARGEST = 200
"""How many elements a value may have."""

UNARY = [
    "np.tanh({x})",
    "np.sin({x})",
    "np.cos({x})",
    "np.exp(-{x} ** 2)",
    "np.log(1 + {x} ** 2)",
    "np.sqrt(0.5 + {x} * {x})",
    "1 / (1 + np.exp(-{x}))",
    "np.abs({x} - 0.123)",
    "-{x}",
    "{x} ** 3",
    "np.expm1({x} * 0.1)",
    "np.clip({x}, -0.71, 0.83)",
    "2.5 - {x}",
    "np.square({x})",
    "np.arctan({x})",
    "np.logaddexp({x}, 0.3)",
    "np.sinc(1.37 + {x} ** 2)",
    "np.tril(np.atleast_2d({x}))",
    "np.hypot({x}, 0.4)",
]
BINARY = [
    "{x} + {y}",
    "{x} - {y}",
    "{x} * {y}",
    "{x} / (1.5 + {y} ** 2)",
    "np.maximum({x}, {y} + 0.21)",
    "np.minimum({y} * 1.3, {x})",
    "(1.1 + {x} ** 2) ** np.sin({y})",
    "np.arctan2({x}, 0.6 + {y} ** 2)",
]
REDUCTIONS = ["sum", "mean", "max", "min", "var", "prod"]


class Program:
    """Lines of NumPy on the leaves ``v0, v1 …``, and a weighted sum of what they compute."""

    def __init__(self, leaves: list[np.ndarray]) -> None:
        self.leaves = leaves
        self.values = list(leaves)
        self.lines: list[str] = []
        self._code: CodeType | None = None

    def add(self, expression: str) -> bool:
        """Add a line, unless its value is too large to go on with, or empty."""
        names = {f"v{i}": value for i, value in enumerate(self.values)}
        value = np.asarray(eval(expression, {"np": np}, names))
        if not 0 < value.size <= LARGEST or not np.isfinite(value).all():
            return False
        self._append(expression, value)
        if (top := float(np.abs(value).max())) > 10:
            self._append(
                f"v{len(self.values) - 1} * {round(1 / top, 6)}", value * round(1 / top, 6)
            )
        return True

    def _append(self, expression: str, value: np.ndarray) -> None:
        self.lines.append(f"v{len(self.values)} = {expression}")
        self.values.append(value)

    def loss(self, numpy: Any, *leaves: Any) -> Any:
        """Run the program, and add up its last value and every third one, weighted."""
        if self._code is None:
            self._code = compile("\n".join(self.lines), "program", "exec")
        names = {f"v{i}": leaf for i, leaf in enumerate(leaves)}
        exec(self._code, {"np": numpy}, names)
        total = 0.0
        for i in range(len(self.values) - 1, -1, -3):
            weights = np.cos(np.arange(self.values[i].size) + i).reshape(self.values[i].shape)
            total = total + numpy.sum(names[f"v{i}"] * weights)
        return total

    def __repr__(self) -> str:
        shapes = [f"v{i}: {leaf.shape}" for i, leaf in enumerate(self.leaves)]
        return "\n".join(["", ", ".join(shapes), *self.lines])


def fits(x: np.ndarray, y: np.ndarray) -> bool:
    """Tell whether two arrays broadcast."""
    return all(m == n or 1 in (m, n) for m, n in zip(x.shape[::-1], y.shape[::-1], strict=False))


@st.composite
def programs(draw: Draw, longest: int = 60) -> Program:
    """Draw a program of 1 to 60 lines, on leaves that broadcast against each other."""
    count = draw(st.integers(1, 3))
    shapes = draw(arrays.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=3))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    program = Program([rng.standard_normal(shape) for shape in shapes.input_shapes])
    length = draw(st.integers(1, longest))
    attempts = 0
    while len(program.lines) < length and attempts < 2 * length:
        attempts += 1
        program.add(draw(lines(program.values)))
    if not program.lines:
        program.add("np.tanh(v0)")
    return program


@st.composite
def lines(draw: Draw, values: list[np.ndarray]) -> str:
    """Draw an expression of the values so far, the last of which is the most likely to be used."""
    last = len(values) - 1
    i = last if draw(st.booleans()) else draw(st.integers(0, last))
    x, shape = f"v{i}", values[i].shape
    axes = list(range(-len(shape), len(shape)))
    kinds = ["unary", "binary", "binary", "join", "same", "expand"]
    if shape:
        kinds += ["reduce", "index", "fancy", "shape", "product"]
    match draw(st.sampled_from(kinds)):
        case "unary":
            return draw(st.sampled_from(UNARY)).format(x=x)
        case "binary":
            others = [j for j, value in enumerate(values) if fits(values[i], value)]
            y = f"v{draw(st.sampled_from(others))}"
            return draw(st.sampled_from(BINARY)).format(x=x, y=y)
        case "join":
            y = f"v{draw(st.sampled_from([j for j, v in enumerate(values) if v.shape == shape]))}"
            if axes and draw(st.booleans()):
                return f"np.concatenate([{x}, {y}, {x}], axis={draw(st.sampled_from(axes))})"
            axis = draw(st.integers(-len(shape) - 1, len(shape)))
            return f"np.stack([{x}, {y}], axis={axis})"
        case "same":
            y = f"v{draw(st.sampled_from([j for j, v in enumerate(values) if v.shape == shape]))}"
            return f"np.where({x} > 0.05, {x} * {y}, np.sin({y}))"
        case "expand":
            return f"np.expand_dims({x}, {draw(st.integers(-len(shape) - 1, len(shape)))})"
        case "reduce":
            # HIPS autograd divides by the factors of a product
            names = REDUCTIONS if values[i].all() else REDUCTIONS[:-1]
            name = draw(st.sampled_from(names))
            axis = draw(st.sampled_from([None, *axes, tuple(range(len(shape)))]))
            return f"np.{name}({x}, axis={axis}, keepdims={draw(st.booleans())})"
        case "index":
            index = draw(arrays.basic_indices(shape, allow_newaxis=True, max_dims=4))
            return f"{x}[{index!r}]"
        case "fancy":
            picked = draw(arrays.integer_array_indices(shape[:1]))[0].tolist()
            return f"{x}[{picked!r}]"
        case "shape":
            moves = [
                "{x}.T",
                "np.ravel({x})",
                "{x}[::-1]",
                "np.squeeze({x})",
                "np.reshape({x}, (1, -1))",
                "np.roll({x}, 1)",
                "np.cumsum({x}, axis=-1)",
                "np.hstack([{x}, {x}])",
                "np.repeat({x}, 2)",
            ]
            if len(shape) > 1:
                moves += ["np.swapaxes({x}, 0, -1)", "np.moveaxis({x}, -1, 0)"]
            return draw(st.sampled_from(moves)).format(x=x)
        case _:
            others = [
                j for j, v in enumerate(values) if v.ndim and v.shape[-min(2, v.ndim)] == shape[-1]
            ]
            if others and draw(st.booleans()):
                j = draw(st.sampled_from(others))
                if values[j].ndim <= 2 and len(shape) <= 2:
                    return f"{x} @ v{j}"
                return f"np.tensordot({x}, v{j}, axes=([-1], [{-min(2, values[j].ndim)}]))"
            return f"np.einsum('...i,...i->...', {x}, {x})"


def hips_gradients(program: Program) -> list[np.ndarray]:
    def loss(leaves: tuple[np.ndarray, ...]) -> Any:
        return program.loss(autograd.numpy, *leaves)

    with warnings.catch_warnings(), np.errstate(over="ignore"):  # its rule of tanh is 1 / cosh²
        warnings.simplefilter("ignore", UserWarning)  # a gradient that is constantly 0
        return autograd.grad(loss)(tuple(program.leaves))


@given(programs())
def test_gradients_of_random_graphs_are_those_of_hips_autograd(program: Program) -> None:
    note(repr(program))
    leaves = [mt.tensor(leaf, requires_grad=True) for leaf in program.leaves]
    loss = program.loss(np, *leaves)
    assert_allclose(loss.data, program.loss(np, *program.leaves), rtol=1e-12, atol=1e-12)
    loss.backward()
    for leaf, expected in zip(leaves, hips_gradients(program), strict=True):
        ours = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.data
        assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


@given(programs(longest=25), st.integers(0, 1000))
def test_random_graphs_agree_with_finite_differences_to_second_order(
    program: Program, seed: int
) -> None:
    note(repr(program))
    rng = np.random.default_rng(seed)
    directions = [rng.standard_normal(leaf.shape) for leaf in program.leaves]

    def along(t: Any) -> Any:
        """Return the loss as a function of a step in a random direction."""
        moved = [x + t * d for x, d in zip(program.leaves, directions, strict=True)]
        return program.loss(np, *moved)

    assert gradcheck(along, 0.0, atol=1e-8)
    assert gradgradcheck(along, 0.0, atol=1e-7, rtol=1e-5)


shapes = arrays.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3, min_side=0)


@given(shapes, st.integers(0, 1000))
def test_gradients_are_summed_over_what_was_broadcast(
    shapes: arrays.BroadcastableShapes, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y, z = (rng.standard_normal(shape) for shape in shapes.input_shapes)
    condition = rng.random(shapes.result_shape) < 0.5
    a, b, c = (mt.tensor(value, requires_grad=True) for value in (x, y, z))
    g = rng.standard_normal(shapes.result_shape)
    out = np.where(condition, a * b, b - c)
    assert out.shape == shapes.result_shape
    out.backward(g)

    ones = np.ones(shapes.result_shape)
    contributions = (g * condition * y, g * (condition * x + ~condition), g * -(~condition * ones))
    for leaf, contribution in zip((a, b, c), contributions, strict=True):
        expected = np.zeros(leaf.shape)
        spread = np.broadcast_to(np.arange(leaf.size).reshape(leaf.shape), shapes.result_shape)
        np.add.at(
            expected.reshape(-1), spread, contribution
        )  # element by element, no rule for axes
        assert_allclose(leaf.grad.data, expected, rtol=1e-12, atol=1e-12)


@given(st.data())
def test_any_index_gives_back_the_gradient_it_took(data: st.DataObject) -> None:
    shape = data.draw(arrays.array_shapes(max_dims=4, max_side=4))
    index = data.draw(
        arrays.basic_indices(shape, allow_newaxis=True)
        | arrays.integer_array_indices(shape)
        | arrays.arrays(np.bool_, shape)
    )
    x = mt.tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)
    part = x[index]
    g = np.random.default_rng(1).standard_normal(part.shape)
    part.backward(g)
    expected = np.zeros(shape)
    np.add.at(expected, index, g)
    assert_allclose(x.grad.data, expected, rtol=1e-12)


def test_the_profile_decides_how_many_are_drawn() -> None:
    assert settings.get_profile("ci").max_examples >= 150
    assert settings.get_profile("nightly").max_examples >= 10_000
