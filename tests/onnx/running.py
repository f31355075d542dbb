"""Running what was exported, in onnxruntime."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from numpy.testing import assert_allclose

import microtensor as mt
from microtensor.func.trees import leaves

Array = npt.NDArray[Any]

onnxruntime.set_default_logger_severity(4)  # errors are raised as well as printed


def run(model: onnx.ModelProto, *inputs: Any) -> list[Array]:
    """Return all outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_inputs()]
    return list(session.run(None, dict(zip(names, map(np.asarray, inputs), strict=True))))


def arrays(result: Any) -> list[Array]:
    """Return the arrays in what a model returned."""
    return [x.data if isinstance(x, mt.Tensor) else np.asarray(x) for _, x in leaves(result)]


def assert_same(model: onnx.ModelProto, fn: Any, *inputs: Any, rtol: float = 1e-5) -> None:
    """Check that a model gives for inputs what the function does that it was made of."""
    given = [x for _, x in leaves(inputs)]
    expected = arrays(fn(*inputs))
    for one, other in zip(run(model, *given), expected, strict=True):
        assert one.dtype == other.dtype
        assert_allclose(one, other, rtol=rtol, atol=2e-6 if one.dtype == np.float32 else 1e-12)


def dims(value: onnx.ValueInfoProto) -> list[int | str]:
    """Return the lengths of the axes of an input or output, or the names of those."""
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def op_types(model: onnx.ModelProto) -> list[str]:
    """Return the operations of a model in their order."""
    return [node.op_type for node in model.graph.node]
