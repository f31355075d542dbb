"""The tensors that a module learns."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A `Tensor` that, as an attribute of a `Module`, is one of its parameters.

    What is computed from it is a plain `Tensor`.

    Parameters
    ----------
    data
        Numbers, as for `Tensor`. They are copied, unlike in PyTorch: a parameter shares memory
        with nothing.
    requires_grad
        Whether it is trained; give ``False`` to freeze it.

    Raises
    ------
    DtypeError
        If ``requires_grad`` and the data is not floating-point.

    Examples
    --------
    >>> from microtensor import nn
    >>> nn.Parameter([[1.0, 2.0]])
    Parameter containing:
    tensor([[1., 2.]], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(
            data.data if isinstance(data, Tensor) else data, requires_grad=requires_grad
        )

    def __copy__(self) -> Tensor:
        return self._rebuilt(self.data.copy())

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
