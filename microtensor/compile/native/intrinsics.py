"""What generated code does to memory: reading and writing at an address, and the sums of loops.

An address is an integer. Every access says by a number which region of memory it is in, and regions
do not overlap: LLVM, which cannot know where an address leads, learns so that a store to one leaves
what was loaded from another as it is, and keeps values in vector registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

__all__ = ["ACCESSES", "add_in_any_order", "copy_bytes", "multiply_add", "pointer"]

DTYPES = [np.dtype(char) for char in "?bhilBHILfd"]
"""The dtypes that native code computes with."""


def _region(builder: Any, number: int) -> Any:
    """Return LLVM's name for a region of memory (a type, to its alias analysis)."""
    module = builder.module
    zero = ir.Constant(ir.IntType(64), 0)
    root = module.add_metadata([ir.MetaDataString(module, "microtensor")])
    leaf = module.add_metadata([ir.MetaDataString(module, f"region {number}"), root, zero])
    return module.add_metadata([leaf, leaf, zero])


def _element(context: Any, builder: Any, kind: Any, address: Any, index: Any) -> Any:
    element = context.data_model_manager[kind].get_data_type()
    return builder.gep(builder.inttoptr(address, element.as_pointer()), [index])


def _load_of(kind: Any) -> Any:
    def load(typing_context: Any, address: Any, index: Any, region: Any) -> Any:
        number = region.literal_value

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_element(context, builder, kind, args[0], args[1]))
            value.set_metadata("tbaa", _region(builder, number))
            return context.data_model_manager[kind].from_data(builder, value)

        return kind(types.int64, types.int64, region), generate

    return load


def _store_of(kind: Any) -> Any:
    def store(typing_context: Any, address: Any, index: Any, value: Any, region: Any) -> Any:
        number = region.literal_value

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = context.data_model_manager[kind].as_data(builder, args[2])
            stored = builder.store(data, _element(context, builder, kind, args[0], args[1]))
            stored.set_metadata("tbaa", _region(builder, number))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, kind, region), generate

    return store


def _accesses() -> dict[str, Any]:
    found = {}
    for dtype in DTYPES:
        for make, name in (_load_of, f"load_{dtype.name}"), (_store_of, f"store_{dtype.name}"):
            function = make(from_dtype(dtype))
            function.__name__ = function.__qualname__ = name
            found[name] = intrinsic(prefer_literal=True)(function)
    return found


ACCESSES = _accesses()
"""``load_float64(address, index, region)``, ``store_float64(address, index, value, region)``, and
so on for each dtype."""


@intrinsic
def add_in_any_order(typing_context: Any, total: Any, value: Any) -> Any:
    """Add to a running sum of which LLVM may keep several parts, as many as its vectors hold."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args, flags=("reassoc",))

    return (total(total, total), generate) if isinstance(total, types.Float) else None


@intrinsic
def multiply_add(typing_context: Any, total: Any, x: Any, y: Any) -> Any:
    """Add a product to a running sum, in one instruction and in several parts, as BLAS does."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        product = builder.fmul(args[1], args[2], flags=("contract",))
        return builder.fadd(args[0], product, flags=("reassoc", "contract"))

    return (total(total, total, total), generate) if isinstance(total, types.Float) else None


@intrinsic
def copy_bytes(typing_context: Any, target: Any, source: Any, count: Any) -> Any:
    """Copy memory."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to, of = (builder.inttoptr(address, cgutils.voidptr_t) for address in args[:2])
        copy: Any = cgutils.raw_memcpy
        copy(builder, to, of, args[2], ir.Constant(ir.IntType(64), 1))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def pointer(typing_context: Any, address: Any) -> Any:
    """Return an address as what `numba.carray` takes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), generate
