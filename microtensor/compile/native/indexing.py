"""Parts of blocks: what indices select, assign and add to, and what is joined."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..program import Equation, Literal, Var
from .elementwise import Form
from .items import Element, Gather, NoNativeForm, Scatter
from .layout import View, as_space, derived, whole

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["getitem", "join", "scatter_add", "setitem"]


def join(plan: Plan, equation: Equation) -> None:
    """Write each of several values to its part of a block."""
    out, axis = equation.out, equation.params["axis"]
    block = whole(out)
    start = position = 0
    if not all(isinstance(x, Var) for x in equation.inputs):
        raise NoNativeForm("one of its operands is a number")
    for x in equation.inputs:
        if equation.op.name == "stack":
            index: Any = (*(slice(None),) * axis, start, ...)
            start += 1
        else:
            index = (slice(None),) * axis + (slice(start, start + x.shape[axis]),)
            start += x.shape[axis]
        part = derived(block, functools.partial(_item, index=index))
        assert part is not None
        if math.prod(part.shape):
            position = max(position, plan.store(equation, x, part))
    plan.define(out, position)
    plan.partial.add(out)
    plan.note(equation, "native loop")


def setitem(plan: Plan, equation: Equation) -> None:
    """Copy a block, and write a value to the part of the copy that an index selects."""
    x, value = equation.inputs
    index, out = equation.params["index"], equation.out
    if not _is_basic(index) or not isinstance(x, Var) or x.scalar:
        raise NoNativeForm("assignment at indices that are arrays")
    part = derived(whole(out), functools.partial(_item, index=_giving_views(index)))
    assert part is not None
    while value.shape and len(value.shape) > len(part.shape):
        if not isinstance(value, Var) or value.shape[0] != 1:
            raise NoNativeForm("assignment of more axes than there are")
        view = derived(plan.views[value], lambda a: a[0])
        assert view is not None
        value = Var(view.shape, value.dtype)
        plan.views[value] = view
    first = plan.store(equation, x, whole(out))
    last = plan.store(equation, value, part, first) if math.prod(part.shape) else first
    plan.define(out, last)
    plan.partial.add(out)
    plan.note(equation, "native loop")


def getitem(plan: Plan, equation: Equation) -> None:
    """See a part of a block, or read the elements that arrays of indices select."""
    (x,), index = equation.inputs, equation.params["index"]
    if not isinstance(x, Var) or x.scalar:
        raise NoNativeForm("its operand is a number")
    if _is_basic(index):
        plan.move(equation, functools.partial(_item, index=_giving_views(index)))
        return
    gather, shape = _gathered(plan, equation, plan.views[x], index)
    form = Form("{0}", (x.dtype,))
    assert shape == equation.out.shape
    member = Element(equation, equation.out, form, (gather,))
    plan.define(equation.out, plan.place(member, as_space(shape)))
    plan.pointwise.add(equation.out)
    plan.note(equation, "native loop")


def scatter_add(plan: Plan, equation: Equation) -> None:
    """Add to the part of a block of zeros that an index selects."""
    (x,), index, out = equation.inputs, equation.params["index"], equation.out
    if not isinstance(x, Var) or x.scalar:
        raise NoNativeForm("its operand is a number")
    if _is_basic(index):
        part = derived(whole(out), functools.partial(_item, index=_giving_views(index)))
        assert part is not None
        zero = Literal(out.dtype.type(0))
        first = plan.store(equation, zero, whole(out))
        last = plan.store(equation, x, part, first) if math.prod(part.shape) else first
        plan.define(out, last)
        plan.partial.add(out)
    else:
        gather, shape = _gathered(plan, equation, whole(out), index)
        if shape != x.shape:
            raise NoNativeForm("indices that broadcast")
        member = Scatter(equation, out, plan.access(plan.views[x], shape), gather)
        plan.define(out, plan.place(member, as_space(shape)))
    plan.note(equation, "native loop")


def _gathered(
    plan: Plan, equation: Equation, source: View, index: Any
) -> tuple[Gather, tuple[int, ...]]:
    """Return what integer arrays, at the first axes, select, and its shape."""
    parts = index if type(index) is tuple else (index,)
    arrays: list[Var] = []
    lead = 0
    while isinstance(parts[lead], slice) and parts[lead] == slice(None):
        lead += 1
    for part in parts[lead:]:
        if isinstance(part, np.ndarray) and part.dtype.kind in "iu":
            var = Var(part.shape, part.dtype)
            plan.constants[var] = np.ascontiguousarray(part)
            plan.views[var] = whole(var)
            plan.made[var] = -1
        elif isinstance(part, Var) and part.dtype.kind in "iu" and not part.scalar:
            var = part
        else:
            raise NoNativeForm("indices that are not arrays of integers")
        arrays.append(var)
    if not arrays or lead + len(arrays) > len(source.shape):
        raise NoNativeForm("indices that are not arrays of integers")
    chosen = np.broadcast_shapes(*(var.shape for var in arrays))
    axes = range(lead, lead + len(arrays))
    shape = (*source.shape[:lead], *chosen, *source.shape[lead + len(arrays) :])
    strides = (
        *source.strides[:lead],
        *(0 for _ in chosen),
        *source.strides[lead + len(arrays) :],
    )
    base = plan.access(View(source.root, source.offset, shape, strides), shape)
    indices = []
    after = (1,) * (len(source.shape) - lead - len(arrays))
    for axis, var in zip(axes, arrays, strict=True):
        view = plan.views[var]
        plan.check(equation, view, source.shape[axis])
        wide = View(
            view.root, view.offset, (*view.shape, *after), (*view.strides, *(0 for _ in after))
        )
        indices.append((plan.access(wide, shape), source.shape[axis], source.strides[axis]))
    return Gather(base, tuple(indices)), shape


def _item(x: Any, index: Any) -> Any:
    return x[index]


def _giving_views(index: Any) -> tuple[Any, ...]:
    """Return a basic index as one that selects a view, be it of a single element."""
    parts = index if type(index) is tuple else (index,)
    return parts if any(part is Ellipsis for part in parts) else (*parts, ...)


def _is_basic(index: Any) -> bool:
    if type(index) is tuple:
        return all(map(_is_basic, index))
    if isinstance(index, slice):
        return not any(isinstance(p, Var) for p in (index.start, index.stop, index.step))
    return (
        index is None
        or index is Ellipsis
        or (isinstance(index, int | np.integer) and not isinstance(index, bool))
    )
