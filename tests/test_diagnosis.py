"""Tests of microtensor.diagnosis, errors and names: what a user reads when something is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import errors
from microtensor.errors import DtypeError, IndexingError, MicrotensorError, ShapeError
from microtensor.names import caller, variables

COLUMN = mt.tensor(np.ones((3, 1)))


def test_every_error_is_a_microtensor_error_and_the_builtin_that_users_expect() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), MicrotensorError)
    assert issubclass(ShapeError, ValueError)
    assert issubclass(DtypeError, TypeError)
    assert issubclass(IndexingError, IndexError)
    assert issubclass(errors.UnsupportedError, TypeError)
    assert issubclass(errors.GradientError, RuntimeError)
    assert issubclass(errors.GradcheckError, AssertionError)


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda W, x: W + x, ["add of 'W' float64 (2, 3) and 'x' float64 (2,)", "broadcast"]),
        (lambda W, x: x * W, ["multiply of 'x' float64 (2,) and 'W' float64 (2, 3)"]),
        (lambda W, x: W @ x, ["matmul", "'W'", "'x'", "3, must equal", "2"]),
        (lambda W, x: W @ W, ["(2, 3)", "the right one transposed (.T) would fit"]),
        (lambda W, x: W @ np.ones((2, 4)), ["the left one transposed (.T) would fit"]),
        (lambda W, x: W @ np.ones((4, 2)), ["the other order would fit"]),
        (lambda W, x: W @ 2.0, ["use * to multiply by a number"]),
        (lambda W, x: np.ones((4, 5, 2)) @ np.broadcast_to(W, (3, 2, 3)), ["the leading axes"]),
        (lambda W, x: W.reshape(4, 2), ["reshape of 'W' float64 (2, 3)", "shape=(4, 2)", "size 6"]),
        (lambda W, x: W.sum(axis=2), ["sum of 'W' float64 (2, 3)", "axis=2", "out of bounds"]),
        (lambda W, x: W.transpose(0, 0), ["transpose of 'W'", "repeated axis"]),
        (lambda W, x: W.squeeze(axis=0), ["squeeze of 'W'", "axis=0"]),
        (lambda W, x: np.concatenate([W, x]), ["concatenate of 'W' float64 (2, 3) and 'x'"]),
        (lambda W, x: np.stack([W, x]), ["stack of 'W'", "same shape"]),
        (lambda W, x: np.concatenate([W, W], axis=2), ["axis 2", "2 axes"]),
        (lambda W, x: np.split(W, 2, axis=1), ["axis 1 of length 3", "2 equal parts"]),
        (lambda W, x: np.broadcast_to(W, (3, 3)), ["broadcast_to of 'W'", "shape=(3, 3)"]),
        (lambda W, x: np.where(W > 0, W, x), ["where of", "'x' float64 (2,)"]),
        (lambda W, x: np.einsum("ij,jk->ik", W, W), ["einsum of 'W'", "ij,jk->ik"]),
        (lambda W, x: np.einsum("ijk->i", W), ["'ijk->i'", "3 axes", "(2, 3)"]),
        (lambda W, x: np.einsum("ij,j->i", W), ["2 terms", "1 operands"]),
        (lambda W, x: np.tensordot(W, x, axes=([5], [0])), ["(5,)", "(2, 3)"]),
        (lambda W, x: np.dot(W, x), ["matmul of 'W' float64 (2, 3) and 'x' float64 (2,)"]),
        (lambda W, x: x + COLUMN[:, 0], ["(2,)", "(3,)"]),
    ],
)  # fmt: skip
def test_a_shape_that_does_not_fit_is_told_with_names_and_shapes(
    call: Callable[[Any, Any], Any], parts: list[str]
) -> None:
    W = mt.tensor(np.ones((2, 3)), requires_grad=True)
    x = mt.tensor(np.ones(2), requires_grad=True)
    with pytest.raises(ShapeError) as caught:
        call(W, x)
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_given_name_is_preferred_to_the_variable() -> None:
    x = mt.tensor([1.0, 2.0], name="layers.0.bias")
    with pytest.raises(ShapeError, match=r"'layers\.0\.bias' float64 \(2,\)"):
        x + np.ones(3)


def test_an_attribute_of_self_and_a_plain_array_are_named() -> None:
    class Network:
        def __init__(self) -> None:
            self.weights1 = mt.tensor(np.ones((3, 4)))

        def feedforward(self, inputs: Any) -> Any:
            return inputs @ self.weights1

    with pytest.raises(ShapeError, match=r"'inputs' float64 \(5, 2\) and 'self\.weights1' float64"):
        Network().feedforward(np.ones((5, 2)))


def test_a_global_is_named() -> None:
    with pytest.raises(ShapeError, match=r"'COLUMN' float64 \(3, 1\)"):
        COLUMN @ np.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: ~(n * 1.0), "invert"),
        (lambda n: n ** -1, "negative"),
        (lambda n: -(n > 0), "negative"),
        (lambda n: (n * 1.0) & n, "bitwise_and"),
    ],
)  # fmt: skip
def test_a_dtype_that_cannot_is_told(call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(DtypeError, match=words):
        call(mt.tensor([1, 2]))


def test_messages_stay_readable_for_large_data() -> None:
    with pytest.raises(DtypeError) as caught:
        mt.tensor(["text"] * 1000)
    assert len(str(caught.value)) < 300


def test_variables_are_found_nearest_first_and_outside_the_package_only() -> None:
    nearest = object()
    frame = caller()
    assert frame is not None
    assert frame.f_code.co_name.startswith("test_variables")
    names = [name for name, value in variables(frame) if value is nearest]
    assert names == ["nearest"]
    assert ("COLUMN", COLUMN) in [
        (name, value) for name, value in variables(frame) if value is COLUMN
    ]
    assert list(variables(None)) == []
