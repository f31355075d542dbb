"""Exporting models: what goes in, names, files, and what is refused."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn
from microtensor.errors import (
    ArgumentError,
    DtypeError,
    MissingDependencyError,
    OutputError,
    TracingError,
    UnsupportedError,
)
from tests.onnx.running import Array, assert_same, dims, op_types, run

rng = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def network(dtype: Any = np.float32) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4, dtype=dtype), nn.Tanh(), nn.Linear(4, 2, dtype=dtype))


class Classifier(nn.Module):
    """Layers with names, a buffer, and dropout."""

    def __init__(self) -> None:
        self.hidden = nn.Linear(3, 8, dtype=np.float32)
        self.drop = nn.Dropout(0.5)
        self.output = nn.Linear(8, 4, dtype=np.float32)
        self.register_buffer("scale", np.array(2.0, np.float32))

    def forward(self, points: Any, mask: Any = None) -> Any:
        hidden = self.drop(F.relu(self.hidden(points)))
        logits = self.output(hidden) * self.scale
        return logits if mask is None else mt.where(mask, logits, 0.0)


# Models


def test_a_model_gives_the_same_in_onnxruntime() -> None:
    model = network()
    x = numbers(5, 3)
    exported = mt.onnx.export(model, x)
    assert_same(exported, model, x)
    assert op_types(exported) == ["Gemm", "Tanh", "Gemm"]


def test_a_model_in_float64_gives_the_same() -> None:
    model = network(np.float64)
    x = rng.standard_normal((5, 3))
    assert_same(mt.onnx.export(model, (x,)), model, x, rtol=1e-12)


def test_parameters_and_buffers_have_their_names_in_the_state_dict() -> None:
    model = Classifier()
    exported = mt.onnx.export(model, numbers(2, 3))
    kept = {each.name: onnx.numpy_helper.to_array(each) for each in exported.graph.initializer}
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(kept[name], array)


def test_nodes_are_named_after_their_modules() -> None:
    exported = mt.onnx.export(Classifier(), numbers(2, 3))
    modules = [node.name.rpartition("/")[0] for node in exported.graph.node]
    assert modules == ["hidden", "", "output", ""]


def test_values_are_named_after_the_variables() -> None:
    def fn(x: Any) -> Any:
        squares = x * x
        total = squares.sum()
        return total + 1.0

    exported = mt.onnx.export(fn, numbers(3))
    assert [name for node in exported.graph.node for name in node.output] == [
        "squares",
        "total",
        "output",
    ]


def test_a_model_is_exported_in_its_evaluation_and_is_then_as_it_was() -> None:
    model = Classifier()
    model.hidden.eval()
    x = numbers(4, 3)
    exported = mt.onnx.export(model, x)
    assert model.training
    assert model.drop.training
    assert not model.hidden.training
    assert_same(exported, model.eval(), x)


def test_modes_are_as_they_were_after_a_failure_too() -> None:
    class Failing(Classifier):
        def forward(self, points: Any, mask: Any = None) -> Any:
            assert not self.drop.training
            raise RuntimeError("no")

    model = Failing()
    with pytest.raises(RuntimeError, match="no"):
        mt.onnx.export(model, numbers(4, 3))
    assert model.training
    assert model.drop.training


def test_several_inputs_and_outputs_nested_in_any_way() -> None:
    def fn(x: Any, pair: Any, *, scale: Any) -> Any:
        return {"sum": x + pair[0], "rest": (pair[1] * scale, x)}

    x, y, z, scale = (numbers(3) for _ in range(4))
    exported = mt.onnx.export(fn, (x, (y, z)), kwargs={"scale": scale})
    assert [each.name for each in exported.graph.input] == ["x", "pair[0]", "pair[1]", "scale"]
    assert [each.name for each in exported.graph.output] == ["output_0", "output_1", "output_2"]
    for one, other in zip(run(exported, x, y, z, scale), (x + y, z * scale, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_an_optional_argument_is_an_input_where_it_is_given() -> None:
    model = Classifier().eval()
    x, mask = numbers(2, 3), np.array([[True], [False]])
    exported = mt.onnx.export(model, (x, mask))
    assert [each.name for each in exported.graph.input] == ["points", "mask"]
    assert_same(exported, model, x, mask)


def test_python_numbers_are_constants() -> None:
    def fn(x: Any, factor: float, times: int) -> Any:
        return x * (factor * times)

    x = numbers(3)
    exported = mt.onnx.export(fn, (x, 0.5, 3))
    assert [each.name for each in exported.graph.input] == ["x"]
    np.testing.assert_allclose(run(exported, x)[0], x * 1.5)


def test_what_comes_in_may_go_out_and_what_goes_out_may_do_so_twice() -> None:
    def fn(x: Any) -> Any:
        y = x + 1.0
        return x, y, y, np.ones(2, np.float32)

    x = numbers(2)
    for one, other in zip(run(mt.onnx.export(fn, x), x), (x, x + 1, x + 1, [1, 1]), strict=True):
        np.testing.assert_allclose(one, other)


def test_an_input_that_is_not_used_stays_an_input() -> None:
    exported = mt.onnx.export(lambda x, y: x * 2.0, (numbers(2), numbers(3)))
    assert [each.name for each in exported.graph.input] == ["x", "y"]


def test_one_tensor_given_twice_is_two_inputs() -> None:
    x = mt.tensor(numbers(3))
    exported = mt.onnx.export(lambda x, y: x - y, (x, x))
    assert_same(exported, lambda x, y: x - y, numbers(3), numbers(3))


def test_numbers_without_axes() -> None:
    def fn(x: Any, y: Any) -> Any:
        return (x * y).sum(), x.mean(), x.max(axis=None), x.argmax()

    x, y = numbers(3), np.float32(2.0)
    exported = mt.onnx.export(fn, (x, y))
    assert [dims(each) for each in exported.graph.output] == [[], [], [], []]
    assert_same(exported, fn, x, y)


def test_a_loss_can_be_exported() -> None:
    model, loss_fn = network(), nn.CrossEntropyLoss()
    x, classes = numbers(5, 3), np.array([0, 1, 1, 0, 1])

    def loss(x: Any, classes: Any) -> Any:
        return loss_fn(model(x), classes)

    assert_same(mt.onnx.export(loss, (x, classes)), loss, x, classes)


def test_gradients_can_be_exported() -> None:
    model, loss_fn = network(), nn.MSELoss()

    def gradient(x: Any, y: Any) -> Any:
        return mt.func.grad(lambda x: loss_fn(model(x), y))(x)

    x, y = numbers(5, 3), numbers(5, 2)
    assert_same(mt.onnx.export(gradient, (x, y)), gradient, x, y)


def test_a_program_can_be_exported() -> None:
    def fn(x: Any, W: Any) -> Any:
        return mt.tanh(x @ W)

    x, W = numbers(2, 3), numbers(3, 4)
    program = mt.trace(fn, x, W)
    for args in ((), (x, W)):
        exported = mt.onnx.export(program, args)
        assert [each.name for each in exported.graph.input] == ["x", "W"]
        assert_same(exported, fn, x, W)


def test_a_program_of_a_number_needs_it() -> None:
    program = mt.trace(lambda x, factor: x * factor, numbers(2), 3.0)
    with pytest.raises(ArgumentError, match="takes the number"):
        mt.onnx.export(program, ())
    x = numbers(2)
    assert_same(mt.onnx.export(program, (x, 2.0)), lambda x: x * np.float32(2.0), x)


def test_an_operation_of_ones_own_is_taken_apart() -> None:
    cube = mt.custom_op(lambda x: x * x * x, lambda g, out, x: g * 3.0 * x * x, name="cube")
    x = numbers(3)
    assert_same(mt.onnx.export(lambda x: cube(x) + 1.0, x), lambda x: cube(mt.tensor(x)) + 1.0, x)


def test_weights_shared_by_layers_are_there_once() -> None:
    first = nn.Linear(3, 3, dtype=np.float32)
    model = nn.Sequential(first, nn.ReLU(), first)
    x = numbers(2, 3)
    exported = mt.onnx.export(model, x)
    assert [each.name for each in exported.graph.initializer] == ["0.weight", "0.bias"]
    assert_same(exported, model, x)


# Names and versions


def test_names_can_be_given() -> None:
    exported = mt.onnx.export(
        network(), numbers(1, 3), input_names=["image"], output_names=["scores"]
    )
    assert [each.name for each in exported.graph.input] == ["image"]
    assert [each.name for each in exported.graph.output] == ["scores"]


def test_an_argument_called_output_is_told_from_the_result() -> None:
    def fn(output: Any) -> Any:
        return output * 2.0

    x = numbers(2)
    np.testing.assert_allclose(run(mt.onnx.export(fn, x), x)[0], x * 2)


@pytest.mark.parametrize("opset", range(18, 24))
def test_the_version_of_the_operations_can_be_chosen(opset: int) -> None:
    model = Classifier().eval()
    x = numbers(2, 3)

    def fn(x: Any) -> Any:
        y = mt.softmax(model(x), axis=-1)
        return y.std(axis=0), y[..., ::-1].cumsum(axis=1), np.sort(y), np.pad(y, 1)

    exported = mt.onnx.export(fn, x, opset_version=opset)
    assert exported.opset_import[0].version == opset
    assert_same(exported, fn, x)


# Files


def test_the_file_is_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    exported = mt.onnx.export(network(), numbers(1, 3), path)
    assert onnx.load(path) == exported


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    mt.onnx.export(network(), numbers(1, 3))
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    with pytest.raises(UnsupportedError, match="No file was written"):
        mt.onnx.export(np.linalg.inv, numbers(2, 2), path)
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere.*cannot be written"):
        mt.onnx.export(network(), numbers(1, 3), tmp_path / "nowhere" / "model.onnx")


# What is refused


class Whitening(nn.Module):
    """Layers that ONNX has not."""

    def forward(self, x: Any) -> Any:
        covariance = x.T @ x
        values = np.linalg.eigvalsh(covariance)
        return x @ np.linalg.inv(covariance) * values


def test_all_unsupported_operations_are_named_with_their_modules_and_lines() -> None:
    model = nn.Sequential(nn.Linear(3, 3), Whitening(), nn.ReLU())
    with pytest.raises(UnsupportedError) as raised:
        mt.onnx.export(model, numbers(4, 3))
    _, *found, _ = str(raised.value).splitlines()
    line = Whitening.forward.__code__.co_firstlineno
    assert found == [
        f"  eigh of 1 at {__file__}:{line + 2}, in forward: it has no translation to ONNX",
        f"  inv of 1 at {__file__}:{line + 3}, in forward: it has no translation to ONNX",
    ]


def test_a_dtype_that_an_operation_has_not_is_named() -> None:
    with pytest.raises(UnsupportedError, match=r"not all operations for all dtypes[\s\S]*MatMul"):
        mt.onnx.export(lambda x: x @ x.T, np.ones((2, 2), np.int16))


def test_random_numbers_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="random"):
        mt.onnx.export(lambda x: F.dropout(x, generator=rng), np.ones(3))


def test_a_decision_by_values_is_refused() -> None:
    with pytest.raises(TracingError):
        mt.onnx.export(lambda x: x if x.sum() > 0 else -x, np.ones(3))


def test_a_model_that_remembers_is_refused() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            self.register_buffer("calls", np.zeros(()))

        def forward(self, x: Any) -> Any:
            with mt.no_grad():
                self.calls += 1.0
            return x * 2.0

    model = Counting()
    with pytest.raises(TracingError, match=r"calls.*keeps nothing from call to call"):
        mt.onnx.export(model, np.ones(3))
    assert model.calls.item() == 0.0


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((), ArgumentError, "missing a required argument: 'input'"),
        ((np.ones((1, 3)), np.ones((1, 3))), ArgumentError, "too many positional arguments"),
        (("text",), DtypeError, "holds real numbers"),
        ((np.ones((1, 5)),), mt.errors.ShapeError, "in_features"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(args: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        mt.onnx.export(network(), args)


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (lambda x: "text", "returns 'text'"),
        (lambda x: None, "returns nothing"),
        (lambda x: (x, {"kind": "text"}), "returns 'text'"),
    ],
)
def test_results_that_are_no_arrays_are_refused(fn: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        mt.onnx.export(fn, np.ones(3))


@pytest.mark.parametrize("model", [np.ones(3), mt.tensor([1.0]), None, "model"])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(ArgumentError, match="takes a module, a function or a program"):
        mt.onnx.export(model, np.ones(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset_version": 9}, "opset_version 18 to 23, not 9"),
        ({"opset_version": "18"}, "opset_version 18 to 23, not '18'"),
        ({"input_names": ["a", "b"]}, "1 inputs that are arrays, and input_names has 2"),
        ({"output_names": []}, "1 outputs that are arrays, and output_names has 0"),
        ({"input_names": ["a"], "output_names": ["a"]}, "'a' for an input and an output"),
        ({"input_names": [""]}, "must be strings"),
        ({"dynamic_axes": {"x": [0]}}, "dynamic_axes has 'x'.*has the inputs input"),
        ({"dynamic_axes": {"input": [2]}}, "axis 2 of 'input', which has 2 axes"),
        ({"dynamic_axes": {"input": {0: ""}}}, "calls axis 0 of 'input' ''"),
        ({"dynamic_axes": {"input": 0}}, "has 0 for 'input': give a dict or a list"),
        ({"dynamic_axes": ["input"]}, r"is a dict such as .* and is \['input'\]"),
        ({"input_names": "input"}, "input_names is a list of names"),
        ({"dynamic_axes": {"output": {1: "n"}, "input": [0]}}, "whose length is always 2"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        mt.onnx.export(network(), np.ones((1, 3), np.float32), **options)


def test_without_onnx_it_says_how_to_install_it(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'microtensor\[onnx\]'"):
        mt.onnx.export(network(), numbers(1, 3))


def test_to_import_the_library_is_not_to_import_onnx() -> None:
    import subprocess

    script = (
        "import sys, microtensor; print('onnx' in sys.modules, 'microtensor.onnx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
