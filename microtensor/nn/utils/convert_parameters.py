"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ... import ops
from ...errors import ArgumentError, ShapeError
from ...record import as_tensor
from ...state import no_grad
from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return the elements of all parameters in one vector, recorded.

    Raises
    ------
    ArgumentError
        If there are none.

    Examples
    --------
    >>> import microtensor as mt
    >>> parameters_to_vector([mt.tensor([[1.0, 2.0]]), mt.tensor(3.0)])
    tensor([1., 2., 3.])
    """
    parts: list[Any] = [parameter.ravel() for parameter in parameters]
    if not parts:
        raise ArgumentError("There are no parameters to make a vector of.")
    result: Tensor = ops.concatenate(parts)
    return result


@no_grad()
def vector_to_parameters(vec: Any, parameters: Iterable[Tensor]) -> None:
    """Set the elements of all parameters, in place, to those of a vector; its history is left out.

    Raises
    ------
    ShapeError
        If ``vec`` has not one element for each of the parameters'. Nothing has changed then.

    Examples
    --------
    >>> import microtensor as mt
    >>> w, b = mt.tensor([[1.0, 2.0]]), mt.tensor(3.0)
    >>> vector_to_parameters([4.0, 5.0, 6.0], [w, b])
    >>> w, b
    (tensor([[4., 5.]]), tensor(6.))
    """
    vector, listed = as_tensor(vec), list(parameters)
    count = sum(parameter.size for parameter in listed)
    if vector.shape != (count,):
        raise ShapeError(
            f"The parameters have {count} elements, and the vector has shape {vector.shape}: it "
            f"must have shape ({count},)."
        )
    start = 0
    for parameter in listed:
        end = start + parameter.size
        parameter[...] = vector[start:end].reshape(parameter.shape)
        start = end
