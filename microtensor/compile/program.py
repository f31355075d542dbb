"""A program: the straight-line sequence of operations that a function ran, and what it reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from ..op import Op
from ..record import wrap
from .slots import Slot

if TYPE_CHECKING:
    import graphviz

__all__ = ["Atom", "Equation", "Literal", "Output", "Program", "Read", "Site", "Update", "Var"]

_MOST_DRAWN = 150
"""Of more operations a notebook shows no drawing."""


class Var:
    """A value in a program: an input, a constant, or the result of one equation.

    ``name`` is the user's, ``gradient_of`` the value whose gradient it is, where there is one;
    ``backward`` tells that it was computed in a backward pass, as every gradient is. A
    ``scalar`` is a Python number, which by NumPy's rules (NEP 50) has no dtype of its own.
    """

    __slots__ = ("backward", "dtype", "gradient_of", "name", "scalar", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], scalar: bool = False) -> None:
        self.shape = shape
        self.dtype = dtype
        self.scalar = scalar
        self.name: str | None = None
        self.gradient_of: Var | None = None
        self.backward = False

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=int))

    def __repr__(self) -> str:
        return f"<{self.name or 'var'} {self.dtype}{list(self.shape)}>"


class Literal(NamedTuple):
    """A number that stands in the program itself; ``None`` for an operand that was left out."""

    value: Any

    @property
    def name(self) -> None:
        """A number has none."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a number."""
        return ()

    @property
    def scalar(self) -> bool:
        """Whether it is a Python number, without a dtype."""
        return not isinstance(self.value, np.generic)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that NumPy gives it."""
        return np.asarray(self.value).dtype


Atom: TypeAlias = Var | Literal


class Site(NamedTuple):
    """Where in the user's code something was computed, and in the call of which module."""

    file: str
    line: int
    function: str
    module: Callable[[], Any] | None = None
    """Returns the innermost module, or ``None`` if that is gone."""


@dataclass(slots=True, eq=False)
class Equation:
    """``out = op(*inputs, **params)``. Parameters may hold values too: an array as an index."""

    op: Op
    inputs: tuple[Atom, ...]
    params: dict[str, Any]
    out: Var
    site: Site | None = None

    def uses(self) -> Iterator[Var]:
        """Yield every value that the equation reads, as often as it does."""
        for atom in self.inputs:
            if isinstance(atom, Var):
                yield atom
        for value in self.params.values():
            yield from variables_in(value)

    def replaced(self, substitute: Callable[[Atom], Atom]) -> Equation:
        """Return the equation with other operands."""
        inputs = tuple(substitute(atom) for atom in self.inputs)
        params = {
            name: replaced_in(value, substitute) if any(variables_in(value)) else value
            for name, value in self.params.items()
        }
        return Equation(self.op, inputs, params, self.out, self.site)


def variables_in(value: Any) -> Iterator[Var]:
    """Yield the values among a parameter's parts."""
    if isinstance(value, Var):
        yield value
    elif type(value) in (tuple, list):
        for part in value:
            yield from variables_in(part)
    elif isinstance(value, slice):
        yield from variables_in((value.start, value.stop, value.step))


def replaced_in(value: Any, substitute: Callable[[Atom], Any]) -> Any:
    """Return a parameter with other values among its parts."""
    if isinstance(value, Var):
        return substitute(value)
    if type(value) in (tuple, list):
        return type(value)(replaced_in(part, substitute) for part in value)
    if isinstance(value, slice):
        return slice(*(replaced_in(p, substitute) for p in (value.start, value.stop, value.step)))
    return value


class Read(NamedTuple):
    """A value that the program takes from somewhere: an argument, a parameter, a setting."""

    var: Var
    slot: Slot


class Update(NamedTuple):
    """A value that the program leaves somewhere: in a parameter, its gradient, an attribute."""

    slot: Slot
    atom: Atom


class Output(NamedTuple):
    """A leaf of what the function returned: ``kind`` is how the caller sees it."""

    kind: str
    """``"tensor"``, ``"array"`` or ``"number"``; ``"static"`` for anything else, as it is."""
    atom: Any
    requires_grad: bool = False


@dataclass(eq=False)
class Program:
    """The straight-line program that a function ran: what `trace` and `derive` return.

    It is called as the function was, with arguments of the same shapes and dtypes, and computes the
    same. It can be printed (`source`, `latex`), drawn (`draw`), and read: ``equations`` are in the
    order of execution.

    Attributes
    ----------
    name
        The name of the function.
    reads
        What it takes from elsewhere, the arguments first: each a value and where it comes from.
    equations
        Each an operation, what it is applied to, and its result.
    outputs
        The leaves of ``returned``, what the function returned.
    updates
        What it leaves elsewhere: new values of parameters, their gradients.
    constants
        Arrays that stand in the program itself.
    static
        Arguments that decided what the function did: by position, their names and values.
    """

    name: str
    reads: list[Read]
    equations: list[Equation]
    outputs: list[Output]
    returned: Any
    updates: list[Update] = field(default_factory=list)
    constants: dict[Var, Any] = field(default_factory=dict)
    arguments: Any = ()
    signature: inspect.Signature | None = None
    static: dict[int, tuple[str, Any]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The program as a Python function that needs nothing but NumPy.

        It takes the arguments, each leaf of a nested one by itself, then what the traced function
        found elsewhere: parameters, settings. It returns what that returned, then the new value of
        each of ``updates``, in their order; nothing is changed in place. Forward comes first, then
        the gradients, ``d_W`` for that of ``W``. An array too large to be written down, and a
        random generator, are parameters as well, and a comment says so.

        Raises
        ------
        UnsupportedError
            If it has an operation that is neither NumPy's nor one whose source can be found, or
            returns something that has no literal.

        Examples
        --------
        >>> import microtensor as mt
        >>> w, x = mt.tensor([1.0, 2.0], requires_grad=True), mt.tensor([3.0, 4.0])
        >>> def loss_fn(w, x):
        ...     error = w * x - 1.0
        ...     loss = (error**2).sum()
        ...     return loss
        >>> print(mt.derive(loss_fn, w, x).source)
        import numpy as np
        <BLANKLINE>
        <BLANKLINE>
        def loss_fn(w, x):
            error = w * x - 1
            loss = np.sum(error ** 2)
        <BLANKLINE>
            d_error = 2 * error  # the gradient of error
            d_w = d_error * x  # the gradient of w
            return loss, d_w
        """
        from .printing import source

        return source(self)

    @property
    def latex(self) -> str:
        """The program as display mathematics, one line for each value and each gradient."""
        from .latex import latex

        return latex(self)

    def draw(self) -> graphviz.Digraph:
        """Draw the program: what it reads, its operations, and what it gives."""
        from .drawing import draw

        return draw(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute what the function computed, with NumPy, of other arguments.

        Raises
        ------
        ArgumentError
            If the arguments are not nested like those it was traced with, differ in shape or
            dtype, or are other ones where the function did what it did because of them.
        """
        from .interpreter import run

        return run(self, args, kwargs)

    def _repr_markdown_(self) -> str:
        from ..errors import UnsupportedError

        try:
            source = self.source
        except UnsupportedError:
            return self.latex
        fence = "```"
        while fence in source:
            fence += "`"
        return f"{fence}python\n{source.rstrip()}\n{fence}\n\n{self.latex}"

    def _repr_svg_(self) -> str | None:
        from ..viz.notebook import svg

        return svg(self.draw()) if len(self.equations) <= _MOST_DRAWN else None

    def _repr_latex_(self) -> str:
        return self.latex

    def __repr__(self) -> str:
        return (
            f"<Program {self.name}: {len(self.equations)} operations, {len(self.reads)} values "
            f"read, {len(self.updates)} changed>"
        )

    def with_equations(self, equations: Iterable[Equation]) -> Program:
        """Return the program with other equations for the same values."""
        return self.replaced(equations, {})

    def replaced(self, equations: Iterable[Equation], substitutes: Mapping[Var, Atom]) -> Program:
        """Return the program with other equations, which give other values for some."""

        def substitute(atom: Any) -> Any:
            return substitutes.get(atom, atom) if isinstance(atom, Var) else atom

        return Program(
            self.name,
            self.reads,
            list(equations),
            [output._replace(atom=substitute(output.atom)) for output in self.outputs],
            self.returned,
            [update._replace(atom=substitute(update.atom)) for update in self.updates],
            self.constants,
            self.arguments,
            self.signature,
            self.static,
        )

    def results(self) -> Iterator[Var]:
        """Yield the values that the program hands out or leaves somewhere."""
        for output in self.outputs:
            if isinstance(output.atom, Var):
                yield output.atom
        for update in self.updates:
            if isinstance(update.atom, Var):
                yield update.atom


def as_output(kind: str, value: Any) -> Any:
    """Return a computed value as the caller is to see it."""
    return wrap(value) if kind == "tensor" else value
