"""From equations to loops: which equations share a loop nest, and which values need memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import ops
from ...op import REGISTRY
from ..program import Atom, Equation, Literal, Var
from .elementwise import SUPPORTED, Form, form_of
from .expand import CHECK
from .expansion import axes_of
from .indexing import getitem, join, scatter_add, setitem
from .items import (
    Access,
    Call,
    Check,
    Element,
    Item,
    Line,
    Member,
    Nest,
    NoNativeForm,
    Operand,
    Product,
    Reduction,
    Scatter,
    roots_of,
)
from .layout import View, as_space, contiguous, derived, whole
from .products import for_blas, uses_blas
from .schedule import gathered_calls

__all__ = ["Plan"]

_MOVES = frozenset(
    {"reshape", "ravel", "transpose", "swapaxes", "moveaxis", "squeeze", "expand_dims", "flip",
     "diagonal", "rot90"}
)  # fmt: skip
"""Operations that NumPy does without moving anything, where it can."""

_PARTS = {
    "getitem": getitem,
    "scatter_add": scatter_add,
    "setitem": setitem,
    "concatenate": join,
    "stack": join,
}

_REDUCTIONS = frozenset({"sum", "prod", "max", "min", "all", "any"})


class Plan:
    """The items of a program, in the order of execution.

    An equation joins loops that are there already, if they go through the same space and what it
    reads is known by then; loops that compute an operand at the same point come first.
    """

    def __init__(self, sources: Iterable[Var], constants: dict[Var, Any]) -> None:
        self.items: list[Item] = []
        self.views: dict[Var, View] = {}
        self.constants = constants
        self.made: dict[Var, int] = {}
        """The position of the item after which a block is complete; -1 if it is at the start."""
        self.pointwise: set[Var] = set()
        """Blocks whose element at a point is computed at that point."""
        self.partial: set[Var] = set()
        """Blocks that are written in parts: their elements are read from memory."""
        self.notes: list[tuple[Equation, str]] = []
        """What became of each equation."""
        for var in sources:
            self.views[var] = whole(var)
            self.made[var] = -1

    # Equations

    def add(self, equation: Equation) -> None:
        """Find the native form of an equation, or call NumPy."""
        name = equation.op.name
        try:
            if equation.op is CHECK:
                self.check(
                    equation, self.views[equation.uses().__next__()], equation.params["length"]
                )
            elif REGISTRY.get(name) is not equation.op:
                raise NoNativeForm("not an operation of the library")
            else:
                self._native(equation, name)
        except NoNativeForm as reason:
            self.call(equation, str(reason))

    def _native(self, equation: Equation, name: str) -> None:
        atoms = (*equation.inputs, equation.out)
        for x in atoms:
            if not (isinstance(x, Literal) and x.value is None) and x.dtype.char not in SUPPORTED:
                raise NoNativeForm(f"numba does not compute with {x.dtype}")
        if name in _MOVES:
            self.move(equation, lambda x: equation.op.kernel(x, **equation.params))
        elif name == "broadcast_to":
            self.move(equation, lambda x: np.broadcast_to(x, equation.out.shape))
        elif name == "class_indices":
            (classes,) = equation.uses()
            self.check(equation, self.views[classes], equation.params["count"], 0)
            self.move(equation, lambda x: x)
        elif name in _PARTS:
            _PARTS[name](self, equation)
        elif name in _REDUCTIONS:
            self._reduce(equation)
        elif name in ("argmax", "argmin", "cumsum"):
            self._line(equation)
        elif name == "matmul":
            self._product(equation)
        else:
            self._element(equation)

    def call(self, equation: Equation, reason: str) -> None:
        """Leave an equation to NumPy."""
        views = {var: self.views[var] for var in equation.uses()}
        self.items.append(Call(equation, views, reason))
        self.note(equation, f"NumPy call: {reason}")
        self.define(equation.out, len(self.items) - 1)

    def gather_calls(self) -> None:
        """Bring the calls of NumPy together."""
        if any(isinstance(item, Call) for item in self.items):
            order = gathered_calls(self.items)
            place = {old: new for new, old in enumerate(order)}
            self.items = [self.items[i] for i in order]
            self.made = {root: place.get(i, i) for root, i in self.made.items()}

    def define(self, out: Var, position: int) -> None:
        """Say that a result has a block of its own, complete after an item."""
        self.views[out] = whole(out)
        self.made[out] = position

    def note(self, equation: Equation, text: str) -> None:
        """Say what became of an equation."""
        self.notes.append((equation, text))

    # What shares memory

    def move(self, equation: Equation, move: Any) -> None:
        """Let a result be a view of its operand; where NumPy would, copy that first."""
        (x,) = equation.inputs
        if not isinstance(x, Var) or x.scalar:
            raise NoNativeForm("its operand is a number")
        view = derived(self.views[x], move)
        if view is None:  # as NumPy would, copy first
            view = derived(whole(self.copied(x, equation)), move)
        assert view is not None
        self.views[equation.out] = view
        self.note(equation, "read in place")

    def copied(self, x: Var, equation: Equation) -> Var:
        """Return a block that holds the elements of a value in its own order."""
        block = Var(x.shape, x.dtype)
        copy = Equation(ops.copy, (x,), {}, block, equation.site)
        self._element(copy, Form("{0}", (x.dtype,)), note=False)
        return block

    # Loops

    def _element(self, equation: Equation, form: Form | None = None, note: bool = True) -> None:
        form = form or form_of(equation)
        if form is None:
            raise NoNativeForm(f"no native form of {equation.op.name} for these dtypes")
        out = equation.out
        operands = tuple(self._operand(x, out.shape) for x in equation.inputs[: len(form.dtypes)])
        where = self.place(Element(equation, out, form, operands), as_space(out.shape))
        self.define(out, where)
        self.pointwise.add(out)
        if note:
            self.note(equation, "native loop")

    def store(self, equation: Equation, x: Atom, target: View, after: int = -1) -> int:
        """Write a value, or what it broadcasts to, to a part of a block."""
        form = Form("{0}", (x.dtype,))
        operands = (self._operand(x, target.shape),)
        member = Element(equation, target.root, form, operands, self.access(target, target.shape))
        return self.place(member, as_space(target.shape), after)

    def _operand(self, x: Atom, shape: tuple[int, ...]) -> Operand:
        return x if isinstance(x, Literal) else self.access(self.views[x], shape)

    def access(self, view: View, shape: tuple[int, ...]) -> Access:
        """Return how loops over a shape find the elements of what broadcasts to it."""
        repeated = view.broadcast(shape)
        strides = tuple(s for s, n in zip(repeated.strides, shape, strict=True) if n != 1)
        return Access(view.root, view.offset, strides)

    def place(self, member: Member, space: tuple[int, ...], after: int = -1) -> int:
        """Put what is computed at each point of a space into loops; return their position."""
        earliest, preferred = after + 1, -1
        operands = member.operands if isinstance(member, Element) else (member.operand,)
        for operand in operands:
            if isinstance(operand, Access) and self.is_at_hand(operand, space):
                earliest = max(earliest, self.made[operand.root])
                preferred = max(preferred, self.made[operand.root])
            else:
                for root in roots_of(operand):
                    earliest = max(earliest, self.made[root] + 1)
        if isinstance(member, Scatter):
            for index, _, _ in member.place.indices:
                earliest = max(earliest, self.made[index.root] + 1)
        if 0 <= preferred == earliest:
            where = preferred
        else:
            fitting = (
                i
                for i in range(len(self.items) - 1, earliest - 1, -1)
                if isinstance(nest := self.items[i], Nest) and nest.space == space
            )
            where = next(fitting, len(self.items))
        if where == len(self.items):
            self.items.append(Nest(space))
        nest = self.items[where]
        assert isinstance(nest, Nest)
        nest.members.append(member)
        return where

    def is_at_hand(self, access: Access, space: tuple[int, ...]) -> bool:
        """Whether a value was computed at the same point of loops over the same space."""
        root = access.root
        return (
            root in self.pointwise
            and as_space(root.shape) == space
            and access.offset == 0
            and access.strides == contiguous(space)
        )

    def _reduce(self, equation: Equation) -> None:
        (x,), out = equation.inputs, equation.out
        if not isinstance(x, Var) or x.scalar or equation.params.keys() - {"axis", "keepdims"}:
            raise NoNativeForm("its operand is a number")
        axes = axes_of(equation.params["axis"], x.ndim)
        if all(x.shape[a] == 1 for a in axes):
            view = derived(self.views[x], lambda a: a.squeeze(axes).reshape(out.shape))
            assert view is not None
            self._only_converted(equation, view)
            return
        if equation.op.name in ("max", "min") and (0 in x.shape or x.dtype.kind == "b"):
            raise NoNativeForm("the largest of truth values, or of nothing")
        kept = contiguous(tuple(n for i, n in enumerate(x.shape) if i not in axes))
        of_kept = iter(kept)
        strides = [0 if i in axes else next(of_kept) for i in range(x.ndim)]
        member = Reduction(
            equation,
            out,
            self.access(self.views[x], x.shape),
            tuple(s for s, n in zip(strides, x.shape, strict=True) if n != 1),
        )
        self.define(out, self.place(member, as_space(x.shape)))
        self.note(equation, "native loop")

    def _only_converted(self, equation: Equation, view: View) -> None:
        """Reduce over axes of length 1."""
        x = Var(view.shape, equation.inputs[0].dtype)
        self.views[x] = view
        text = "{0} != 0" if equation.op.name in ("all", "any") else "{0}"
        converted = Equation(equation.op, (x,), {}, equation.out, equation.site)
        self._element(converted, Form(text, (x.dtype,)), note=False)
        self.note(equation, "native loop")

    def _line(self, equation: Equation) -> None:
        (x,), params = equation.inputs, equation.params
        if not isinstance(x, Var) or x.scalar or 0 in x.shape or x.ndim == 0:
            raise NoNativeForm("its operand is a number, or empty")
        view, axis = self.views[x], params.get("axis")
        if axis is None:
            flat = derived(view, lambda a: a.reshape(-1))
            view = flat or whole(self.copied(x, equation))._replace(shape=(x.size,), strides=(1,))
            axis = 0
        self.items.append(Line(equation, equation.out, view, int(axis) % len(view.shape)))
        self.define(equation.out, len(self.items) - 1)
        self.note(equation, "native loop")

    # Products

    def _product(self, equation: Equation) -> None:
        x, y = equation.inputs
        out = equation.out
        if not isinstance(x, Var) or not isinstance(y, Var) or out.dtype.kind != "f":
            raise NoNativeForm("a product of integers")
        a, b = self.views[x], self.views[y]
        if len(a.shape) == 1:
            a = View(a.root, a.offset, (1, *a.shape), (0, *a.strides))
        if len(b.shape) == 1:
            b = View(b.root, b.offset, (*b.shape, 1), (*b.strides, 0))
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = a.broadcast((*batch, *a.shape[-2:]))
        b = b.broadcast((*batch, *b.shape[-2:]))
        product = Product(equation, out, a, b, batch)
        if uses_blas(product):
            for name, value in ("x", x), ("y", y):
                view = getattr(product, name)
                if for_blas(view, out.dtype) is None:
                    setattr(product, name, self._for_blas(equation, value, view, out.dtype))
        self.items.append(product)
        self.define(out, len(self.items) - 1)
        self.note(equation, "BLAS" if uses_blas(product) else "native loop")

    def _for_blas(self, equation: Equation, value: Var, view: View, dtype: np.dtype[Any]) -> View:
        """Copy what BLAS cannot read as it lies, or of another dtype."""
        block = Var(value.shape, dtype)
        copy = Equation(ops.copy, (value,), {}, block, equation.site)
        self._element(copy, Form("{0}", (value.dtype,)), note=False)
        matrix = whole(block)
        if len(matrix.shape) == 1:
            matrix = View(
                block, 0, view.shape[-2:], (block.size, 1) if view.shape[-2] == 1 else (1, 1)
            )
        return matrix.broadcast(view.shape)

    def check(self, equation: Equation, index: View, length: int, least: int | None = None) -> None:
        """Make it an error if an index does not exist, unless it is known to exist.

        ``least`` is the least that does: by default that which NumPy counts from the end.
        """
        least = -length if least is None else least
        known = self.constants.get(index.root)
        if known is not None:
            return  # it was within bounds when the function was traced, and does not change
        for item in self.items:
            if (
                isinstance(item, Check)
                and item.index == index
                and ((item.length, item.least) == (length, least))
            ):
                return
        self.items.append(Check(equation, index, length, least))
