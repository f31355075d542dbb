"""From a graph to the model that ONNX defines, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..errors import UnsupportedError
from .graph import Graph, Node
from .value import Value

if TYPE_CHECKING:
    import onnx

__all__ = ["Dims", "assembled"]

Dims: TypeAlias = tuple[int | str | None, ...]
"""The lengths of axes; a name for one that differs from call to call."""

_LARGEST = 2**31 - 2**20
"""A protobuf message, which a model is, has less than 2 GiB."""


def assembled(
    graph: Graph, name: str, output_names: Sequence[str], dims: Mapping[str, Dims], opset: int
) -> onnx.ModelProto:
    """Return the model of a graph; ``dims`` are of its inputs and outputs.

    Raises
    ------
    UnsupportedError
        If the parameters are larger than a model may be, or ONNX has no operation for a dtype.
    """
    import onnx
    from onnx import helper, numpy_helper

    inputs = [_info(value, dims[value.name]) for value in graph.inputs]
    results = [dims[value.name] for value in graph.outputs]
    outputs = (value.name for value in graph.outputs)
    graph.renamed(_same_constants(graph))
    graph.renamed(dict(zip(outputs, output_names, strict=True)))
    for value, output_name in zip(graph.outputs, output_names, strict=True):
        value.name = output_name
    used = graph.read()
    arrays = graph.parameters | {key: array for key, (array, _) in graph.constants.items()}
    arrays = {key: array for key, array in arrays.items() if key in used}
    size = sum(array.nbytes for array in arrays.values())
    if size > _LARGEST:
        raise UnsupportedError(
            f"The parameters of {name} have {size:,} bytes, and an ONNX file holds less than 2 "
            "GiB: convert them to float32, or export parts of the model."
        )
    proto = helper.make_graph(
        _nodes(graph),
        name,
        inputs,
        [_info(value, dim) for value, dim in zip(graph.outputs, results, strict=True)],
        [numpy_helper.from_array(np.array(array, order="C"), key) for key, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        proto,
        opset_imports=opsets,
        producer_name="microtensor",
        ir_version=helper.find_min_ir_version_for(opsets),
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise UnsupportedError(
            f"{name} cannot be exported to ONNX, which has not all operations for all dtypes: "
            f"{str(error).strip()}"
        ) from error
    return model


def _info(value: Value, dims: Dims | None) -> onnx.ValueInfoProto:
    from onnx import helper

    dtype = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(value.name, dtype, dims)


def _nodes(graph: Graph) -> list[onnx.NodeProto]:
    from onnx import helper

    return [
        helper.make_node(
            node.op_type,
            node.inputs,
            node.outputs,
            "/".join([*filter(None, [node.origin.module]), f"{node.op_type}_{i}"]),
            **{key: _attribute(node, value) for key, value in node.attributes.items()},
        )
        for i, node in enumerate(graph.nodes)
    ]


def _attribute(node: Node, value: Any) -> Any:
    """Return an attribute as ONNX has it; the shapes in a graph within follow from outside."""
    from onnx import helper

    if not isinstance(value, Graph):
        return value
    inputs, outputs = ([_info(x, None) for x in each] for each in (value.inputs, value.outputs))
    return helper.make_graph(_nodes(value), node.origin.op, inputs, outputs)


def _same_constants(graph: Graph) -> dict[str, str]:
    """Return for each constant the name of the first that is the same."""
    first: dict[Any, str] = {}
    return {
        name: first.setdefault((array.dtype, array.shape, array.tobytes()), name)
        for name, (array, _) in graph.constants.items()
    }
