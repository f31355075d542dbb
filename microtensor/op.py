"""What an operation is (`Op`), and how a value was made (`Node`)."""

from __future__ import annotations

import functools
import inspect
import math
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import UnsupportedError
from .inplace import tick

__all__ = [
    "IMPLEMENTATIONS",
    "REGISTRY",
    "Node",
    "Op",
    "Recordable",
    "constant",
    "describe",
    "implements",
    "leaf",
    "unknown_argument",
]

Array = npt.NDArray[Any]
Rule = Callable[..., Any]

REGISTRY: dict[str, Op] = {}
"""Every built-in operation, by name."""

IMPLEMENTATIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What runs when a NumPy function (a ufunc or any other) is called with a Tensor."""


def implements(*functions: Callable[..., Any]) -> Callable[[Rule], Rule]:
    """Register the decorated function as what NumPy's ``functions`` do to Tensors."""

    def register(implementation: Rule) -> Rule:
        for function in functions:
            IMPLEMENTATIONS[function] = implementation
        return implementation

    return register


class Recordable:
    """A value that records the operations applied to it: what an `Op` knows of a Tensor."""

    __slots__ = ()
    _array: Array
    _node: Node | None
    _requires_grad: bool

    @staticmethod
    def _apply(op: Op, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        raise NotImplementedError


class Op:
    """An operation as data: a name, a NumPy kernel, and one derivative rule per input.

    Called with Tensors it records; called with arrays it is the kernel. Inputs are positional. What
    the kernel takes beyond them (``axis``, ``shape``) are parameters: given by position or keyword,
    completed by the kernel's defaults, and passed to the rules by keyword.

    Parameters
    ----------
    name
        What drawings, messages and the registry call it.
    kernel
        ``kernel(*inputs, **params) -> ndarray``, on plain arrays.
    vjps
        One rule per input, ``(g, out, *inputs, **params) -> gradient of that input``; ``g`` has the
        shape of ``out``. For an operation on any number of inputs, one function from the position
        of an input to its rule. ``None`` for an operation that is a constant to differentiation.
    saves
        Which of the rule's arguments the rules read the *values* of, by their names in the rule
        (``"out"``, ``"x y"``). Of the other inputs a rule sees shape and dtype only.
    broadcasts
        Whether inputs broadcast against each other; then, and only then, the engine sums a gradient
        back to its input's shape.
    numpy
        The NumPy functions that this operation is, so that ``np.exp(t)`` finds it.
    arity
        The number of inputs, where there are no rules to count.
    parameters
        The parameters and their defaults, where the kernel's signature does not tell.
    register
        Whether it is one of the library's own, whose rules are known to give arrays of their own.
    """

    def __init__(
        self,
        name: str,
        kernel: Callable[..., Any],
        vjps: tuple[Rule, ...] | Callable[[int], Rule] | None = None,
        *,
        saves: str = "",
        broadcasts: bool = False,
        numpy: Callable[..., Any] | tuple[Callable[..., Any], ...] = (),
        arity: int = 1,
        parameters: dict[str, Any] | None = None,
        register: bool = True,
    ) -> None:
        self.name = name
        self.kernel = kernel
        self.differentiable = vjps is not None
        self.rule_of = vjps if callable(vjps) else None
        self.vjps = vjps if isinstance(vjps, tuple) else ()
        self.arity = len(self.vjps) if self.vjps else arity
        self.broadcasts = broadcasts
        self.trusted = register
        self.parameters = _parameters(kernel, self.arity) if parameters is None else parameters
        self.completes = bool(parameters)  # what the kernel's own defaults would be, it is told
        first = self.vjps[0] if self.vjps else self.rule_of(0) if self.rule_of else None
        arguments = _argument_names(first)[1:] if first else ()
        saved = saves.split()
        assert set(saved) <= set(arguments), f"{name} saves {saves}, but its rules take {arguments}"
        arguments = arguments[: self.arity + 1]
        self.saves = tuple(argument in saved for argument in arguments) if saved else ()
        self.numpy = numpy if isinstance(numpy, tuple) else (numpy,)
        self.function: Callable[..., Any] | None = None
        for function in self.numpy:
            IMPLEMENTATIONS[function] = self
        if register:
            assert name not in REGISTRY, f"two operations are called {name}"
            REGISTRY[name] = self

    @property
    def signature(self) -> inspect.Signature:
        """How the operation is called: the inputs, then the parameters."""
        names = ["x"] if self.arity == 1 else ["x", "y", "z"][: self.arity]
        inputs = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature(
            inputs
            + [inspect.Parameter(name, kind, default=d) for name, d in self.parameters.items()]
        )

    def rules(self, count: int) -> tuple[Rule, ...]:
        """Return the rules of an application to ``count`` inputs."""
        return self.vjps if self.rule_of is None else tuple(map(self.rule_of, range(count)))

    @property
    def variadic(self) -> bool:
        """Whether the operation takes any number of inputs."""
        return self.rule_of is not None

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply to arrays, giving an array, or to Tensors, giving a Tensor that records it."""
        for x in inputs:
            if isinstance(x, Recordable):
                if self.parameters or params:
                    inputs, params = self.bind(inputs, params)
                return x._apply(self, inputs, params)
        if self.completes:
            inputs, params = self.bind(inputs, params)
        elif params and not params.keys() <= self.parameters.keys():  # as np.sum(array, out=tensor)
            self.bind(inputs, params)
        return self.kernel(*inputs, **params)

    def bind(
        self, inputs: tuple[Any, ...], params: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Tell inputs from parameters, and complete the parameters with their defaults.

        Raises
        ------
        UnsupportedError
            If a parameter is unknown to the operation.
        """
        bound = self.parameters | params
        if not self.variadic and len(inputs) > self.arity:
            given = inputs[self.arity :]
            if len(given) > len(self.parameters):
                raise TypeError(
                    f"{self.name}() takes at most {self.arity + len(self.parameters)} arguments, "
                    f"and got {len(inputs)}"
                )
            by_position = dict(zip(self.parameters, given, strict=False))  # the rest has defaults
            for name in by_position.keys() & params.keys():
                raise TypeError(f"{self.name}() got {name} by position and by keyword")
            bound |= by_position
            inputs = inputs[: self.arity]
        if len(bound) > len(self.parameters):
            unknown = next(iter(bound.keys() - self.parameters.keys()))
            raise UnsupportedError(unknown_argument(self.name, unknown, list(self.parameters)))
        for name, value in bound.items():
            if value is inspect.Parameter.empty:
                raise TypeError(f"{self.name}() misses the argument {name}")
        return inputs, bound

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def unknown_argument(function: str, argument: str, known: list[str]) -> str:
    """Say that ``function`` has no such argument for Tensors, and which it has."""
    numpy_name = {"dim": "axis", "keepdim": "keepdims"}.get(argument)
    advice = (
        f"write {numpy_name}= as in NumPy"
        if numpy_name
        else f"it takes {', '.join(known)}"
        if known
        else "it takes none"
    )
    return f"{function}() of a Tensor does not support the argument {argument}=: {advice}."


def _argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's arguments in order; much faster than `inspect`."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    count = code.co_argcount + code.co_kwonlyargcount
    if code.co_flags & inspect.CO_VARARGS:
        names += (code.co_varnames[count],)
    return names + code.co_varnames[code.co_argcount : count]


def _parameters(kernel: Callable[..., Any], arity: int) -> dict[str, Any]:
    """Return the kernel's parameters after its inputs, with their defaults."""
    if not hasattr(kernel, "__code__"):  # a ufunc, or a function of the operator module
        return {}
    positional = _argument_names(kernel)[: kernel.__code__.co_argcount]
    defaults = kernel.__defaults__ or ()
    known = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    known |= kernel.__kwdefaults__ or {}
    names = _argument_names(kernel)[arity:]
    return {name: known.get(name, inspect.Parameter.empty) for name in names}


class Node:
    """How a value was made: the operation, what went in, and the arrays that its rules read.

    One class for all, so that attribute access stays fast. ``op`` is ``None`` for what no recorded
    operation made: a `leaf`, which points weakly at its tensor, or a `constant`, a Python number.

    ``saved`` is aligned with a rule's arguments, ``(out, *inputs)``: a value where the rules read
    it, else ``None`` for ``out`` and the input's own node (shape and dtype) for an input; it is
    empty where they read none. A backward pass drops it (``saved is None``) and leaves the rest, so
    that the graph can still be read.
    ``order`` grows from parents to children.
    """

    __slots__ = (
        "__weakref__",
        "array",
        "call",
        "dtype",
        "hooks",
        "name",
        "op",
        "order",
        "params",
        "parents",
        "requires_grad",
        "saved",
        "shape",
        "tensor",
        "value",
    )
    op: Op | None
    parents: tuple[Node, ...]
    params: Mapping[str, Any] | None
    saved: tuple[Any, ...] | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    name: str | None
    order: int
    requires_grad: bool
    tensor: Callable[[], Any]
    """Of a leaf: returns its Tensor, or ``None`` if that is gone."""
    array: Callable[[], Any]
    """Of a leaf: returns its array, or ``None`` if that is gone."""
    value: Any
    """Of a constant: the number."""
    call: tuple[Callable[[], Any], int, Any]
    """Of what a module returned, and unset elsewhere: the module, weakly, the moment at which its
    call began, and the same of the call within it that returned this as well, or ``None``."""
    hooks: Any
    """Of what has hooks, and unset elsewhere: what a backward pass does with the gradient."""

    @property
    def is_constant(self) -> bool:
        """Whether this is a Python number, which has no dtype of its own (NEP 50)."""
        return self.dtype is None

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return f"<node {describe(self)}>"


def leaf(tensor: Any, data: Any, requires_grad: bool) -> Node:
    """Return the node of a tensor that no recorded operation made: a parameter, an input."""
    node = Node()
    node.op = node.params = node.name = None
    node.parents = node.saved = ()
    node.shape = data.shape
    node.dtype = data.dtype
    node.order = tick()
    node.requires_grad = requires_grad
    node.tensor = weakref.ref(tensor)
    node.array = weakref.ref(data) if type(data) is np.ndarray else _gone
    return node


def _gone() -> None:
    return None


def constant(value: Any) -> Node:
    """Return the node of a Python number among an operation's inputs: one for each number."""
    return (
        _constant(value) if value else _constant.__wrapped__(value)
    )  # 0.0 == -0.0, but they differ


@functools.lru_cache(maxsize=512, typed=True)
def _constant(value: Any) -> Node:
    node = Node()
    node.op = node.params = node.name = node.dtype = None
    node.parents = node.saved = node.shape = ()
    node.order = 0
    node.requires_grad = False
    node.value = value
    return node


def describe(node: Node) -> str:
    """Say what a node is, for a message: its name if it has one, its operation, its shape.

    >>> import microtensor as mt
    >>> describe((mt.tensor([1.0, 2.0], requires_grad=True, name="w") * 2)._node)
    'the result of multiply, shape (2,)'
    """
    if node.is_constant:
        return f"the number {node.value!r}"
    name = f" '{node.name}'" if node.name else ""
    if node.op is None:
        return f"the tensor{name}, shape {node.shape}"
    return f"the result{name} of {node.op.name}, shape {node.shape}"
