"""Every layer: exported for batches of any size, it gives in onnxruntime what it gives here."""

import inspect

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from tests.onnx.running import Array, assert_same, dims, op_types

F4 = np.float32
rng = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return rng.standard_normal(shape).astype(F4)


def input_name(module: nn.Module) -> str:
    return next(iter(inspect.signature(module.forward).parameters))


# fmt: off
LAYERS: list[tuple[str, tuple[int, ...]]] = [
    ("nn.Linear(3, 4, dtype=F4)", (2, 3)),
    ("nn.Linear(3, 4, bias=False, dtype=F4)", (2, 5, 3)),
    ("nn.Flatten()", (2, 3, 4)),
    ("nn.Unflatten(1, (2, 3))", (2, 6)),
    ("nn.Dropout(0.5)", (2, 3)),
    ("nn.Identity()", (2, 3)),

    # Activations
    *((f"nn.{name}()", (2, 3)) for name in (
        "CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
        "LogSigmoid", "Mish", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus",
        "Softshrink", "Softsign", "Tanh", "Tanhshrink")),
    ("nn.CELU(0.3)", (2, 3)), ("nn.ELU(0.3)", (2, 3)), ("nn.GELU('tanh')", (2, 3)),
    ("nn.LeakyReLU(0.2)", (2, 3)), ("nn.Softplus(beta=2.0, threshold=1.0)", (2, 3)),
    ("nn.GLU()", (2, 4)), ("nn.PReLU(4, dtype=F4)", (2, 4, 3)), ("nn.Threshold(0.1, 2.0)", (2, 3)),
    ("nn.Softmax(dim=-1)", (2, 3)), ("nn.LogSoftmax(dim=1)", (2, 3)), ("nn.Softmin(dim=0)", (2, 3)),
    ("nn.Softmax2d()", (2, 3, 4, 4)),

    # Convolution
    *((f"nn.{kind}1d(4, 6, 3, {how} dtype=F4)", (2, 4, 9)) for kind in ("Conv", "ConvTranspose")
      for how in ("", "stride=2, padding=1,", "dilation=2, groups=2,", "bias=False,")),
    *((f"nn.{kind}2d(4, 6, (3, 2), {how} dtype=F4)", (2, 4, 9, 8))
      for kind in ("Conv", "ConvTranspose")
      for how in ("", "stride=2, padding=1,", "dilation=2, groups=2,", "bias=False,")),
    ("nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, dtype=F4)", (2, 4, 5, 6)),
    ("nn.Conv2d(4, 6, 3, padding='same', dtype=F4)", (2, 4, 9, 8)),
    ("nn.Conv1d(4, 6, 3, padding=2, padding_mode='circular', dtype=F4)", (2, 4, 9)),
    ("nn.Conv2d(4, 6, 3, padding=1, padding_mode='reflect', dtype=F4)", (2, 4, 9, 8)),

    # Pooling
    *((f"nn.{kind}Pool1d(3{how})", (2, 4, 10)) for kind in ("Max", "Avg")
      for how in ("", ", stride=1, padding=1", ", 2, ceil_mode=True")),
    *((f"nn.{kind}Pool2d((3, 2){how})", (2, 4, 9, 7)) for kind in ("Max", "Avg")
      for how in ("", ", stride=1, padding=1", ", 2, ceil_mode=True")),
    ("nn.MaxPool2d(2, dilation=2)", (2, 4, 9, 8)),
    ("nn.AvgPool2d(3, 2, 1, count_include_pad=False)", (2, 4, 9, 8)),
    ("nn.AdaptiveAvgPool1d(3)", (2, 4, 10)),
    ("nn.AdaptiveAvgPool2d((2, 3))", (2, 4, 9, 8)),

    # Normalisation
    ("nn.BatchNorm1d(4, dtype=F4)", (2, 4)),
    ("nn.BatchNorm1d(4, dtype=F4)", (2, 4, 5)),
    ("nn.BatchNorm2d(4, dtype=F4)", (2, 4, 5, 6)),
    ("nn.LayerNorm(4, dtype=F4)", (2, 5, 4)),
    ("nn.LayerNorm((5, 4), dtype=F4)", (2, 5, 4)),
    ("nn.GroupNorm(2, 4, dtype=F4)", (2, 4, 5)),
    ("nn.RMSNorm(4, dtype=F4)", (2, 5, 4)),

    # Recurrence and attention
    *((f"nn.{kind}(3, 4, num_layers=2, {how} dtype=F4)", (2, 5, 3))
      for kind in ("RNN", "GRU", "LSTM")
      for how in ("batch_first=True,", "batch_first=True, bidirectional=True,")),
    ("nn.RNN(3, 4, nonlinearity='relu', batch_first=True, dtype=F4)", (2, 5, 3)),
    ("nn.RNNCell(3, 4, dtype=F4)", (2, 3)),
    ("nn.GRUCell(3, 4, dtype=F4)", (2, 3)),
    ("nn.LSTMCell(3, 4, dtype=F4)", (2, 3)),
    ("nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dtype=F4)", (2, 5, 8)),
    ("nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True,"
     " activation='gelu', dtype=F4), 2)", (2, 5, 8)),
]
# fmt: on


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=str)
def test_a_layer_gives_the_same_for_batches_of_any_size(layer: str, shape: tuple[int, ...]) -> None:
    module = eval(layer, {"nn": nn, "F4": F4}).eval()
    axes = {input_name(module): {0: "batch"}}
    exported = mt.onnx.export(module, numbers(*shape), dynamic_axes=axes)
    assert_same(exported, module, numbers(*shape))
    assert_same(exported, module, numbers(7, *shape[1:]))


def test_batch_norm_uses_what_it_learned() -> None:
    module = nn.BatchNorm1d(3, dtype=F4)
    for _ in range(5):
        module(numbers(20, 3) * 3.0 + 1.0)
    x = numbers(4, 3)
    exported = mt.onnx.export(module, x)
    assert module.training
    assert_same(exported, module.eval(), x)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_recurrent_layer_takes_sequences_of_any_length(kind: str) -> None:
    module = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True, dtype=F4)
    exported = mt.onnx.export(
        module, numbers(5, 2, 3), dynamic_axes={"input": {0: "time", 1: "batch"}}
    )
    assert op_types(exported).count("Scan") == 4
    assert dims(exported.graph.output[0]) == ["time", "batch", 8]
    for time, batch in ((5, 2), (1, 1), (11, 3)):
        assert_same(exported, module, numbers(time, batch, 3))


def test_states_can_be_given_to_a_recurrent_layer() -> None:
    module = nn.LSTM(3, 4, dtype=F4)
    x, states = numbers(5, 2, 3), (numbers(1, 2, 4), numbers(1, 2, 4))
    exported = mt.onnx.export(module, (x, states))
    assert [each.name for each in exported.graph.input] == ["input", "hx[0]", "hx[1]"]
    assert_same(exported, module, x, states)


def test_attention_takes_lengths_of_any_size() -> None:
    module = nn.MultiheadAttention(8, 2, batch_first=True, dtype=F4)
    axes = {
        "query": {0: "batch", 1: "queries"},
        "key": {0: "batch", 1: "keys"},
        "value": {0: "batch", 1: "keys"},
    }
    exported = mt.onnx.export(
        module, (numbers(2, 3, 8), numbers(2, 5, 8), numbers(2, 5, 8)), dynamic_axes=axes
    )
    for batch, queries, keys in ((2, 3, 5), (1, 1, 1), (3, 6, 2)):
        key = numbers(batch, keys, 8)
        assert_same(exported, module, numbers(batch, queries, 8), key, key * 2.0)


def test_words_are_numbers_of_rows() -> None:
    module = nn.Sequential(nn.Embedding(7, 4, dtype=F4), nn.Flatten(), nn.Linear(12, 2, dtype=F4))
    words = np.array([[1, 2, 6], [0, 0, 3]])
    exported = mt.onnx.export(module, words, dynamic_axes={"input": [0]})
    assert_same(exported, module, words)
    assert_same(exported, module, np.array([[5, 4, 3]]))


def test_lenet_is_the_layers_that_onnx_has() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2, dtype=F4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, dtype=F4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120, dtype=F4), nn.ReLU(), nn.Linear(120, 10, dtype=F4),
    )  # fmt: skip
    x = numbers(2, 1, 28, 28)
    exported = mt.onnx.export(module, x, dynamic_axes={"input": {0: "batch"}})
    assert op_types(exported) == [
        "Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Reshape", "Gemm", "Relu", "Gemm",
    ]  # fmt: skip
    assert_same(exported, module, x)
    assert_same(exported, module, numbers(5, 1, 28, 28))
