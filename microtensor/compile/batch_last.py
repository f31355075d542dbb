"""Images with the batch last: how convolutions have them in memory, through a whole program.

A convolution gives a view of rows, (height, channels, width, batch), and reads rows without a copy.
Elementwise operations of NumPy keep the order of what they are given; those of a program write into
buffers of their own, in the order of the axes. So the axes are put in the order of the memory here:
each image is a transposed view of rows, and whatever can computes with the rows themselves.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..op import REGISTRY, Op
from .lower import is_ufunc
from .program import Atom, Equation, Program, Var

__all__ = ["OF_IMAGES", "batch_last"]

_TO_ROWS = {3: (1, 2, 0), 4: (2, 1, 3, 0)}
_TO_IMAGES = {3: (2, 0, 1), 4: (3, 1, 0, 2)}


def _of_rows(op: Op, images: tuple[int, ...], gives_images: bool) -> Op:
    """Return the operation that takes rows where ``op`` takes images, and gives what it gives."""
    kernel = op.kernel

    def of_rows(*inputs: Any, **params: Any) -> Any:
        given = [
            x.transpose(_TO_IMAGES[x.ndim]) if i in images else x for i, x in enumerate(inputs)
        ]
        out = kernel(*given, **params)
        return out.transpose(_TO_ROWS[out.ndim]) if gives_images else out

    return Op(op.name, of_rows, arity=op.arity, parameters=op.parameters, register=False)


_IMAGES = {
    "convolution": (0,),
    "convolution_no_bias": (0,),
    "convolution_transposed": (0,),
    "convolution_weight": (0, 1),
    "max_pool": (0,),
    "max_pool_gather": (0, 1, 2),
    "max_pool_scatter": (0, 1, 2),
    "window_spread": (0,),
    "window_sum": (0,),
}
"""Which operands of each operation are images."""

OF_IMAGES = frozenset(_IMAGES)
"""The operations that are one call each, whose kernels know how images lie in memory."""

_ELEMENTWISE = frozenset({"astype", "clip", "copy", "relu", "sigmoid", "softplus", "where"})
"""Those that are elementwise as well, and no ufuncs of NumPy's."""

_OF_ROWS = {
    name: _of_rows(REGISTRY[name], images, name != "convolution_weight")
    for name, images in _IMAGES.items()
}


def batch_last(program: Program) -> Program:
    """Return the program with its images as views of rows; the same, if it has none."""
    if not any(equation.op.name in _IMAGES for equation in program.equations):
        return program
    walk = _Walk()
    for equation in program.equations:
        walk.add(equation)
    return program.with_equations(walk.equations)


class _Walk:
    """Writes the equations of a program down again, knowing the rows of each image."""

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self._rows: dict[Var, Var] = {}

    def add(self, equation: Equation) -> None:
        op, out, inputs = equation.op, equation.out, equation.inputs
        images = _IMAGES.get(op.name) if REGISTRY.get(op.name) is op else None
        if images is not None:
            given = [self._rows_of(x) if i in images else x for i, x in enumerate(inputs)]
            if op.name == "convolution_weight":
                self._write(equation, _OF_ROWS[op.name], given, out)
            else:
                self._gives(equation, _OF_ROWS[op.name], given)
        elif self._is_image(equation):
            self._gives(equation, op, [x if not x.shape else self._rows_of(x) for x in inputs])
        elif op is ops.sum and (axes := self._summed_rows(equation)) is not None:
            params = {**equation.params, "axis": axes}
            self.equations.append(
                Equation(op, (self._rows_of(inputs[0]),), params, out, equation.site)
            )
        else:
            self.equations.append(equation)

    def _is_image(self, equation: Equation) -> bool:
        """Tell whether an operation is elementwise, of an image and of its like and numbers."""
        shape, op = equation.out.shape, equation.op
        if not is_ufunc(op) and (op.name not in _ELEMENTWISE or REGISTRY.get(op.name) is not op):
            return False
        return any(x in self._rows for x in equation.inputs) and all(
            not x.shape or x.shape == shape for x in equation.inputs
        )

    def _summed_rows(self, equation: Equation) -> tuple[int, ...] | None:
        """Return the axes to sum the rows of an image over, if what is left has their order."""
        (x,), axis = equation.inputs, equation.params["axis"]
        if x not in self._rows or axis is None or equation.params["keepdims"]:
            return None
        summed = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}
        order = _TO_ROWS[x.ndim]
        left = [a for a in order if a not in summed]
        return tuple(map(order.index, summed)) if left == sorted(left) else None

    def _gives(self, equation: Equation, op: Op, inputs: list[Atom]) -> None:
        """Compute the rows of an image, and see the image in them."""
        out = equation.out
        rows = Var(tuple(out.shape[axis] for axis in _TO_ROWS[out.ndim]), out.dtype)
        rows.name, rows.gradient_of, rows.backward = out.name, out.gradient_of, out.backward
        self._rows[out] = rows
        self._write(equation, op, inputs, rows)
        params = {"axes": _TO_IMAGES[out.ndim]}
        self.equations.append(Equation(ops.transpose, (rows,), params, out, equation.site))

    def _write(self, equation: Equation, op: Op, inputs: list[Atom], out: Var) -> None:
        self.equations.append(Equation(op, tuple(inputs), equation.params, out, equation.site))

    def _rows_of(self, x: Any) -> Var:
        """Return the rows of an image; of what is none yet, as a view."""
        rows = self._rows.get(x)
        if rows is None:
            axes = _TO_ROWS[x.ndim]
            rows = Var(tuple(x.shape[axis] for axis in axes), x.dtype)
            self.equations.append(Equation(ops.transpose, (x,), {"axes": axes}, rows))
            self._rows[x] = rows
        return rows
