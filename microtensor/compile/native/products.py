"""Products of matrices: small ones as loops, large ones in BLAS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .elementwise import number
from .items import Product
from .layout import View, contiguous
from .loops import Addresses, converted, position

__all__ = ["for_blas", "uses_blas", "write_product"]

_SMALL = 4096
"""Up to this many multiplications, loops are faster than a call of BLAS."""


def uses_blas(product: Product) -> bool:
    """Whether a product is large enough for BLAS, and has matrices of more than a vector."""
    m, k, n = product.sizes
    return m * k * n > _SMALL and k > 1 and (m > 1 or n > 1)


def for_blas(view: View, dtype: np.dtype[Any]) -> str | None:
    """Return the order, C or F, of matrices that BLAS can read where they are, else ``None``."""
    if view.root.dtype != dtype:
        return None
    (rows, columns), (down, right) = view.shape[-2:], view.strides[-2:]
    if (right == 1 or columns == 1) and (down == columns or rows == 1):
        return "C"
    if (down == 1 or rows == 1) and (right == rows or columns == 1):
        return "F"
    return None


def write_product(
    product: Product, addresses: Addresses, names: Callable[[], str], indent: str
) -> list[str]:
    """Return the lines that compute a product."""
    lines = []
    loops = []
    for n in product.batch:
        name = names()
        lines.append(f"{indent}for {name} in range({n}):")
        loops.append(name)
        indent += "    "
    write = _call if uses_blas(product) else _loops
    return lines + write(product, addresses, names, loops, indent)


def _call(
    product: Product, addresses: Addresses, names: Any, batch: list[str], indent: str
) -> list[str]:
    """Call BLAS, through `numpy.dot` as numba has it: a transposed matrix is read as it lies."""
    m, k, n = product.sizes
    dtype = product.out.dtype
    lines = []
    operands = []
    out = View(product.out, 0, (*product.batch, m, n), contiguous((*product.batch, m, n)))
    for view in (product.x, product.y, out):
        order = for_blas(view, dtype)
        assert order is not None
        name = names()
        operands.append(name)
        place = position(view.offset, view.strides[:-2], batch)
        address = f"{addresses.name_of(view.root)} + {dtype.itemsize} * ({place})"
        make = "carray" if order == "C" else "farray"
        lines.append(
            f"{indent}{name} = {make}(pointer({address}), {view.shape[-2:]}, {dtype.name})"
        )
    if k and m and n:
        lines.append(f"{indent}np.dot({', '.join(operands)})")
    return lines


def _loops(
    product: Product, addresses: Addresses, names: Any, batch: list[str], indent: str
) -> list[str]:
    m, k, n = product.sizes
    out, x, y = product.out, product.x, product.y
    strides = contiguous((*product.batch, m, n))
    i, j, line, total, column = (names() for _ in range(5))

    def operand(view: View, row: str, at: str) -> str:
        load = addresses.load(view.root, position(view.offset, view.strides, [*batch, row, at]))
        return converted(load, view.root.dtype, out.dtype)

    where = position(0, strides, [*batch, i, j])
    return [
        f"{indent}for {i} in range({m}):",
        f"{indent}    for {j} in range({n}):",
        f"{indent}        {total} = {number(0, out.dtype)}",
        f"{indent}        for {line} in range({k}):",
        f"{indent}            {column} = {operand(y, line, j)}",
        f"{indent}            {total} = multiply_add({total}, {operand(x, i, line)}, {column})",
        f"{indent}        {addresses.store(out, where, total)}",
    ]
