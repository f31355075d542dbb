"""Products: matmul, dot, outer, tensordot, einsum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..op import Op, implements
from .elementwise import multiply

_SMALL = 4096
"""Up to this many elements, `ndarray.dot` is the faster product; beyond, filling its result with
zeros first costs more than it saves."""


def _matmul(x: Any, y: Any) -> Any:
    return x.dot(y) if x.ndim == 2 and y.ndim == 2 and x.size <= _SMALL else np.matmul(x, y)


def _as_matrices(g: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """See a vector on the left as a row, one on the right as a column, and ``g`` accordingly."""
    if y.ndim == 1:
        g, y = g[..., None], y[:, None]
    if x.ndim == 1:
        g, x = g[..., None, :], x[None, :]
    return g, x, y


def _matmul_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim == 2 and y.ndim == 2:
        return g.dot(y.T)
    g, _, y = _as_matrices(g, x, y)
    return g @ y.swapaxes(-1, -2)


def _matmul_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim == 2 and y.ndim == 2:
        return x.T.dot(g)
    is_vector = y.ndim == 1
    g, x, y = _as_matrices(g, x, y)
    c = x.swapaxes(-1, -2) @ g
    return c[..., 0] if is_vector else c


def _free(ndim: int, contracted: Sequence[int]) -> list[int]:
    return [axis for axis in range(ndim) if axis not in contracted]


def _tensordot_x(g: Any, out: Any, x: Any, y: Any, axes: Any) -> Any:
    """Contract ``g`` with the free axes of ``y``, and put the axes in the order of ``x``."""
    x_axes, y_axes = axes
    x_free, y_free = _free(x.ndim, x_axes), _free(y.ndim, y_axes)
    last = tuple(range(len(x_free), g.ndim))
    c = tensordot_axes(g, y, axes=(last, tuple(y_free)))
    order = x_free + [x_axes[i] for i in np.argsort(y_axes)]
    return c.transpose(tuple(np.argsort(order)))


def _tensordot_y(g: Any, out: Any, x: Any, y: Any, axes: Any) -> Any:
    """Contract the free axes of ``x`` with ``g``, and put the axes in the order of ``y``."""
    x_axes, y_axes = axes
    x_free, y_free = _free(x.ndim, x_axes), _free(y.ndim, y_axes)
    first = tuple(range(len(x_free)))
    c = tensordot_axes(x, g, axes=(tuple(x_free), first))
    order = [y_axes[i] for i in np.argsort(x_axes)] + y_free
    return c.transpose(tuple(np.argsort(order)))


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LARGE = 100_000
"""From this many multiplications on, looking for a good order of contraction pays."""


def _einsum(*xs: Any, subscripts: str) -> Any:
    terms = subscripts.split("->")[0].split(",")
    lengths = {
        letter: length
        for term, x in zip(terms, xs, strict=True)
        for letter, length in zip(term, x.shape, strict=True)
    }
    return np.einsum(subscripts, *xs, optimize=math.prod(lengths.values()) >= _LARGE)


def _einsum_rule(i: int) -> Any:
    """Contract ``g`` with the other operands, to the axes of operand ``i``."""

    def rule(g: Any, out: Any, *xs: Any, subscripts: str) -> Any:
        inputs, output = subscripts.split("->")
        terms = inputs.split(",")
        mine = terms[i]
        terms[i] = output
        operands = [*xs[:i], g, *xs[i + 1 :]]
        given: dict[str, int] = {}
        for term, operand in zip(terms, operands, strict=True):
            for letter, length in zip(term, operand.shape, strict=True):
                given[letter] = max(length, given.get(letter, 0))
        fresh = (letter for letter in _LETTERS if letter not in subscripts)
        target = ""
        for letter, length in zip(mine, xs[i].shape, strict=True):
            if letter in target:  # a diagonal was taken: spread over it
                row, letter = letter, next(fresh)
                operands.append(np.eye(length))
                terms.append(row + letter)
            elif given.get(letter, 0) < length:  # it alone has this axis, or its length: repeat
                operands.append(np.ones(length))
                terms.append(letter)
            target += letter
        return einsum_explicit(*operands, subscripts=f"{','.join(terms)}->{target}")

    return rule


# fmt: off
matmul = Op("matmul", _matmul, saves="x y", broadcasts=True, numpy=np.matmul, vjps=(
    _matmul_x,
    _matmul_y))
tensordot_axes = Op("tensordot", lambda x, y, axes: np.tensordot(x, y, axes), saves="x y", vjps=(
    _tensordot_x,
    _tensordot_y))
einsum_explicit = Op("einsum", _einsum, _einsum_rule, saves="xs", broadcasts=True)
# fmt: on


@implements(np.dot)
def dot(a: Any, b: Any) -> Any:
    """Multiply as `numpy.dot`: the matrix product, or elementwise where one is a number.

    With more than two axes, sum over the last axis of ``a`` and the second-to-last of ``b``.

    >>> import microtensor as mt
    >>> mt.dot(mt.tensor([1.0, 2.0]), [3.0, 4.0])
    tensor(11.)
    """
    x, y = _array(a), _array(b)
    if x.ndim == 0 or y.ndim == 0:
        return multiply(x, y)
    if x.ndim <= 2 and y.ndim <= 2:
        return matmul(x, y)
    return tensordot(x, y, axes=((x.ndim - 1,), (max(y.ndim - 2, 0),)))


@implements(np.outer)
def outer(a: Any, b: Any) -> Any:
    """Multiply each element of ``a`` by each of ``b``, giving the shape (a.size, b.size).

    >>> import microtensor as mt
    >>> mt.outer(mt.tensor([1.0, 2.0]), [3.0, 4.0])
    tensor([[3., 4.],
            [6., 8.]])
    """
    return multiply(_array(a).reshape((-1, 1)), _array(b).reshape(-1))


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum products over pairs of axes, as `numpy.tensordot`.

    ``axes`` is a number, for the last of ``a`` and the first of ``b``, or the pair (of a, of b).

    >>> import microtensor as mt
    >>> mt.tensordot(mt.tensor([[1.0, 2.0]]), [[3.0], [4.0]], axes=([1], [0]))
    tensor([[11.]])
    """
    x, y = _array(a), _array(b)
    if isinstance(axes, int):
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    of_x, of_y = ((of,) if isinstance(of, int) else tuple(of) for of in axes)
    if any(not -x.ndim <= i < x.ndim for i in of_x) or any(not -y.ndim <= i < y.ndim for i in of_y):
        raise ShapeError(
            f"tensordot() has no axes {of_x} and {of_y} in operands of shapes {x.shape}, {y.shape}."
        )
    positive = tuple(i % x.ndim for i in of_x), tuple(i % y.ndim for i in of_y)
    return tensordot_axes(x, y, axes=positive)


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = None) -> Any:
    """Sum products over the letters of ``subscripts``, as `numpy.einsum`, in both its forms.

    ``optimize`` is accepted and ignored: the order of contraction is chosen by size.

    >>> import microtensor as mt
    >>> a = mt.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> mt.einsum("ii->", a).backward()
    >>> a.grad
    tensor([[1., 0.],
            [0., 1.]])
    """
    if operands and isinstance(operands[0], str):
        subscripts = operands[0].replace(" ", "")
        arrays = list(map(_array, operands[1:]))
    else:
        subscripts, arrays = _from_lists(operands)
    return einsum_explicit(*arrays, subscripts=_explicit(subscripts, arrays))


def _array(value: Any) -> Any:
    return value if hasattr(value, "ndim") else np.asarray(value)


def _from_lists(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Turn the form ``einsum(x, [0, 1], y, [1, 2], [0, 2])`` into a string and arrays."""

    def spelled(labels: Any) -> str:
        return "".join("..." if label is Ellipsis else _LETTERS[label] for label in labels)

    pairs, rest = operands[: len(operands) // 2 * 2], operands[len(operands) // 2 * 2 :]
    terms = ",".join(map(spelled, pairs[1::2]))
    return terms + ("->" + spelled(rest[0]) if rest else ""), list(map(_array, pairs[::2]))


def _explicit(subscripts: str, arrays: list[Any]) -> str:
    """Spell out an ellipsis, and the output where it is left out."""
    inputs, arrow, output = subscripts.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(arrays):
        raise ShapeError(
            f"einsum() has {len(terms)} terms in {subscripts!r} for {len(arrays)} operands "
            f"of shapes {', '.join(str(array.shape) for array in arrays)}."
        )
    spare = [letter for letter in _LETTERS if letter not in subscripts]
    hidden = [
        max(array.ndim - len(term.replace("...", "")), 0) if "..." in term else 0
        for term, array in zip(terms, arrays, strict=True)
    ]
    letters = "".join(spare[: max(hidden, default=0)])
    terms = [
        term.replace("...", letters[len(letters) - n :])
        for term, n in zip(terms, hidden, strict=True)
    ]
    for term, array in zip(terms, arrays, strict=True):
        if len(term) != array.ndim:
            raise ShapeError(
                f"einsum() {subscripts!r} names {len(term)} axes of an operand of shape "
                f"{array.shape}."
            )
    if arrow and letters and "..." not in output:
        raise ShapeError(
            f"einsum() {subscripts!r} has an ellipsis that stands for {len(letters)} axes, and "
            "none in the output: sum over named axes instead."
        )
    if arrow:
        output = output.replace("...", letters)
    else:
        joined = "".join(terms)
        once = {c for c in joined if joined.count(c) == 1} - set(letters)
        output = letters + "".join(sorted(once))
    return f"{','.join(terms)}->{output}"
