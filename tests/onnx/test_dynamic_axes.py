"""Axes whose length differs from call to call."""

from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError, UnsupportedError
from microtensor.onnx.lengths import lengths_of
from microtensor.onnx.sizes import Size
from tests.onnx.running import Array, assert_same, dims, op_types

rng = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("example", [1, 2, 64])
def test_a_model_takes_batches_of_any_size(example: int) -> None:
    model = nn.Sequential(nn.Linear(3, 4, dtype=np.float32), nn.ReLU(), nn.Flatten()).eval()
    exported = mt.onnx.export(model, numbers(example, 3), dynamic_axes={"input": {0: "batch"}})
    assert dims(exported.graph.input[0]) == ["batch", 3]
    assert dims(exported.graph.output[0]) == ["batch", 4]
    for batch in (1, 2, 7, 100):
        assert_same(exported, model, numbers(batch, 3))


def test_a_reshape_leaves_the_batch_to_the_runtime() -> None:
    def fn(x: Any) -> Any:
        return x.reshape(len(x), -1)

    exported = mt.onnx.export(fn, numbers(2, 3, 4), dynamic_axes={"x": [0]})
    assert op_types(exported) == ["Reshape"]
    assert dims(exported.graph.output[0]) == ["batch", 12]
    assert_same(exported, fn, numbers(5, 3, 4))


@pytest.mark.parametrize(
    "expression",
    [
        "x / len(x)",
        "x * 2.0 / (3 * len(x) - 1)",
        "x.var(axis=0, ddof=1)",
        "x + np.zeros((len(x), 1), np.float32)",
        "x + np.arange(len(x), dtype=np.float32)[:, None]",
        "x + np.tri(len(x), 3, dtype=np.float32)",
        "x[np.arange(len(x)), [0] * len(x)]",
        "x[1:], x[-1], x[::-1], x[:, ::2], x[None]",
        "np.concatenate([x, x]), np.stack([x, x])",
        "x.reshape(-1), x.reshape(3, -1), x.reshape(1, len(x), 3, 1)",
        "np.broadcast_to(x[:1], x.shape), np.zeros_like(x) + 1.0",
        "x.T @ x, np.einsum('ij,kj->ik', x, x), np.tensordot(x, x, axes=0)",
        "x.mean(), x.sum(axis=0), x.max(axis=1), x.argmax(axis=0), (x > 0).all()",
        "np.sort(x, axis=0), np.cumsum(x, axis=0), np.flip(x), np.roll(x, 1, axis=1)",
        "mt.softmax(x, axis=0), mt.logsumexp(x, axis=1), mt.log_softmax(x, axis=(0, 1))",
        "np.repeat(x, 2, axis=1), np.tile(x, (2, 1)), np.pad(x, 1), np.diff(x, axis=0)",
    ],
)
def test_what_follows_the_length_is_computed_from_it(expression: str) -> None:
    def fn(x: Any) -> Any:
        return eval(expression, {"np": np, "mt": mt, "x": x})

    exported = mt.onnx.export(fn, mt.tensor(numbers(4, 3)), dynamic_axes={"x": {0: "batch"}})
    for batch in (2, 3, 11):
        assert_same(exported, lambda x: fn(mt.tensor(x)), numbers(batch, 3))


@pytest.mark.parametrize("diagonal", [0, 1])
@pytest.mark.parametrize("added", [True, False])
def test_a_causal_mask_follows_the_length(diagonal: int, added: bool) -> None:
    layer = nn.TransformerEncoderLayer(
        4, 2, 8, batch_first=True, dtype=np.float32, generator=np.random.default_rng(0)
    ).eval()

    def fn(x: Any) -> Any:
        steps = x.shape[1]
        mask = np.triu(np.ones((steps, steps), bool), diagonal + 1)
        return layer(x, np.where(mask, np.float32(-np.inf), np.float32(0)) if added else mask)

    exported = mt.onnx.export(fn, numbers(2, 5, 4), dynamic_axes={"x": {0: "batch", 1: "steps"}})
    for steps in (2, 5, 9):
        assert_same(exported, fn, numbers(3, steps, 4))


def attention(q: Any, k: Any) -> Any:
    batch, time, size = q.shape
    heads, keys = 2, k.shape[1]
    q = q.reshape(batch, time, heads, size // heads).transpose(0, 2, 1, 3)
    k = k.reshape(batch, keys, heads, size // heads).transpose(0, 2, 1, 3)
    scores = mt.softmax(q @ k.transpose(0, 1, 3, 2), axis=-1)
    return (scores @ k).transpose(0, 2, 1, 3).reshape(batch * time, size), scores


def test_several_lengths_and_their_products() -> None:
    axes = {"q": {0: "batch", 1: "time"}, "k": {0: "batch", 1: "keys"}}
    exported = mt.onnx.export(attention, (numbers(2, 4, 6), numbers(2, 5, 6)), dynamic_axes=axes)
    assert [dims(each) for each in exported.graph.output] == [
        ["batch*time", 6],
        ["batch", 2, "time", "keys"],
    ]
    for batch, time, keys in ((1, 1, 1), (3, 7, 2), (2, 2, 9), (0, 3, 4)):
        q, k = numbers(batch, time, 6), numbers(batch, keys, 6)
        assert_same(exported, lambda q, k: attention(mt.tensor(q), mt.tensor(k)), q, k)


def test_an_array_that_the_model_makes_and_keeps_is_computed_as_well() -> None:
    class Shifted(nn.Module):
        zeros: Any = None

        def forward(self, x: Any) -> Any:
            self.zeros = np.zeros((len(x), 3), np.float32)
            return x + self.zeros

    module = Shifted()
    exported = mt.onnx.export(module, numbers(2, 3), dynamic_axes={"x": [0]})
    assert_same(exported, lambda x: x, numbers(5, 3))


def test_axes_in_a_list_have_names_of_their_numbers() -> None:
    def fn(x: Any, y: Any) -> Any:
        return x + y

    exported = mt.onnx.export(
        fn, (numbers(2, 3), numbers(2, 3)), dynamic_axes={"x": [0, 1], "y": [0, -1]}
    )
    assert dims(exported.graph.input[0]) == dims(exported.graph.output[0]) == ["batch", "axis_1"]
    assert_same(exported, fn, numbers(5, 7), numbers(5, 7))


def test_the_axes_of_outputs_are_found_and_may_be_said() -> None:
    model = nn.Linear(3, 2, dtype=np.float32)
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    exported = mt.onnx.export(model, numbers(1, 3), dynamic_axes=axes)
    assert dims(exported.graph.output[0]) == ["batch", 2]


def test_labels_of_a_loss_have_the_length_of_the_batch() -> None:
    model, loss_fn = nn.Linear(3, 4, dtype=np.float32), nn.CrossEntropyLoss()

    def loss(x: Any, classes: Any) -> Any:
        return loss_fn(model(x), classes)

    exported = mt.onnx.export(
        loss, (numbers(2, 3), np.array([0, 3])), dynamic_axes={"x": [0], "classes": [0]}
    )
    assert_same(exported, loss, numbers(5, 3), np.array([0, 1, 2, 3, 3]))


# What does not follow


def loop(x: Any) -> Any:
    total = x[0]
    for row in x[1:]:
        total = mt.tanh(total + row)
    return total


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (loop, "more or fewer operations when 'batch' has another length"),
        (lambda x: x * (1 / len(x)), r"multiply at .*cannot follow the length of 'batch'"),
        (lambda x: x[: len(x) // 2] * 2.0, "cannot follow the length of 'batch'"),
        (lambda x: x.sum() + float(len(x) ** 2), "add at .*cannot follow"),
        (lambda x: x + np.eye(len(x), 3, dtype=np.float32), "add at .*cannot follow"),
        (lambda x: mt.where(np.arange(len(x)) == 1, x.T, 0.0), "where at .*cannot follow"),
        (lambda x: x + 1.0 if len(x) % 2 else x * 2.0, "something else"),
        (lambda x: x @ np.ones((3, 2)) + np.ones((2, 2)), "with x of shape.*it fails: add of"),
    ],
)
def test_what_does_not_follow_the_length_is_named(fn: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        mt.onnx.export(fn, mt.tensor(numbers(2, 3)), dynamic_axes={"x": [0]})


def test_axes_of_one_name_have_one_length() -> None:
    axes = {"x": {0: "n"}, "y": {0: "n"}}
    with pytest.raises(
        ArgumentError, match=r"called 'n' in dynamic_axes have the lengths \[2, 3\]"
    ):
        mt.onnx.export(lambda x, y: x.sum() + y.sum(), (numbers(2), numbers(3)), dynamic_axes=axes)


def test_a_program_is_of_one_size() -> None:
    program = mt.trace(lambda x: x * 2.0, numbers(2))
    with pytest.raises(ArgumentError, match="A program is of one size"):
        mt.onnx.export(program, numbers(2), dynamic_axes={"x": [0]})


def test_no_length_is_a_multiple_of_another_plus_a_constant() -> None:
    rows = [lengths_of(n, i) for i in range(6) for n in (1, 2, 3, 64)]
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            if i // 4 != j // 4:
                slopes = np.diff(one) / np.diff(other)
                assert slopes[0] != slopes[1]
    assert all({n % 2 for n in row} == {0, 1} for row in rows)


def test_no_length_is_that_of_another_axis() -> None:
    assert lengths_of(4, 0, taken={6, 7}) == [8, 9, 11]

    def fn(x: Any) -> Any:  # with a batch of 5, this would be no reshape at all
        return x.reshape(5, -1).T

    exported = mt.onnx.export(fn, numbers(5, 5), dynamic_axes={"x": [0]})
    assert_same(exported, fn, numbers(5, 5))
    assert_same(exported, fn, numbers(8, 5))


def test_a_size_says_how_it_is_computed() -> None:
    assert str(Size(1, ("batch",), 0)) == "batch"
    assert str(Size(2, ("batch", "time"), -1)) == "2*batch*time-1"
