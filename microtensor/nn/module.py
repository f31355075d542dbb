"""The `Module`: parameters and other modules as attributes, and a function of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, DtypeError
from ..notebook import Shown
from ..record import as_tensor
from ..state import structure
from ..tensor import Tensor
from .calling import Called
from .parameter import Parameter
from .state_dict import Saved

__all__ = ["Module"]


class Module(Called, Saved, Shown):
    """A layer, a loss, a whole network: a function that has parameters.

    A subclass assigns its `Parameter` and its modules to attributes, at any depth, and computes
    in ``forward``. Attributes are where everything is kept, so there is no ``super().__init__()``
    to forget. Modules in a plain list are not found: use `ModuleList`.

    Examples
    --------
    >>> from microtensor import nn
    >>> class Network(nn.Module):
    ...     def __init__(self):
    ...         self.hidden = nn.Linear(3, 4)
    ...         self.output = nn.Linear(4, 1, bias=False)
    ...
    ...     def forward(self, x):
    ...         return self.output(nn.functional.tanh(self.hidden(x)))
    >>> network = Network()
    >>> network
    Network(
      (hidden): Linear(in_features=3, out_features=4, bias=True)
      (output): Linear(in_features=4, out_features=1, bias=False)
    )
    >>> [(name, p.shape) for name, p in network.named_parameters()]
    [('hidden.weight', (4, 3)), ('hidden.bias', (4,)), ('output.weight', (1, 4))]
    >>> network([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]).shape
    (2, 1)
    """

    training: bool = True
    """Whether `train` or `eval` was called last."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result; every subclass says how."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward(): define `def forward(self, input)` in it."
        )

    def extra_repr(self) -> str:
        """Return what `repr` shows in the parentheses, such as the sizes of a layer."""
        return ""

    def __repr__(self) -> str:
        name, extra = type(self).__name__, self.extra_repr()
        lines = [f"({child}): {module!r}" for child, module in self._children()]
        if not lines:
            return f"{name}({extra})"
        body = "\n".join([extra, *lines] if extra else lines)
        return f"{name}(\n  " + body.replace("\n", "\n  ") + "\n)"

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        present = self.__dict__.get(name)
        if present is not None and value is not None:
            for kind, called in ((Parameter, "parameter"), (Module, "child module")):
                if isinstance(present, kind) and not isinstance(value, (Parameter, Module)):
                    raise TypeError(
                        f"The {called} {name!r} of {type(self).__name__} cannot become a "
                        f"{type(value).__name__}: it would be no {called} any more. Assign a "
                        f"{kind.__name__} or None, or change the values in place, under no_grad()."
                    )
            if name in self._buffers and not isinstance(value, Tensor):
                raise TypeError(
                    f"The buffer {name!r} of {type(self).__name__} cannot become a "
                    f"{type(value).__name__}: assign a Tensor or None."
                )
        if isinstance(value, Module):
            self._refuse_cycle(name, value)
        elif isinstance(value, (list, tuple, dict)) and not name.startswith("_"):
            self._warn_if_hidden(name, value)
        structure.version += 1
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        structure.version += 1
        if name in self._buffers:
            self._buffers = {k: v for k, v in self._buffers.items() if k != name}
        object.__delattr__(self, name)

    def _refuse_cycle(self, name: str, value: Module) -> None:
        """Raise if ``value`` contains this module: paths would have no end."""
        for path, module in value.named_modules(name):
            if module is self:
                raise ArgumentError(
                    f"{type(self).__name__}.{name} cannot be a module that contains this "
                    f"{type(self).__name__}: {path} would be the module itself. Pass what is "
                    "needed to forward(), or keep a weakref.ref to the outer module."
                )

    def _warn_if_hidden(self, name: str, value: Any) -> None:
        items: Iterable[Any] = value.values() if isinstance(value, dict) else value
        if any(isinstance(item, (Module, Parameter)) for item in items):
            warnings.warn(
                f"{type(self).__name__}.{name} is a plain {type(value).__name__}, and parameters() "
                "does not find what is in it: make modules a nn.ModuleList or nn.ModuleDict.",
                stacklevel=3,
            )

    def add_module(self, name: str, module: Module | None) -> None:
        """Make ``module`` a child called ``name``, as assigning it to an attribute does.

        Raises
        ------
        TypeError
            If it is not a module.
        KeyError
            If the name is empty, has a dot in it, or is that of an attribute which is no child.
        """
        if module is not None and not isinstance(module, Module):
            hint = f": write {module.__name__}()" if isinstance(module, type) else ""
            raise TypeError(f"A module is needed for {name!r}, and {module!r} is none{hint}.")
        self._check_name(name)
        setattr(self, name, module)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make ``param`` a parameter called ``name``, as assigning it to an attribute does."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"A nn.Parameter is needed for {name!r}, and got a {type(param).__name__}."
            )
        self._check_name(name)
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Keep a tensor that is not trained, but belongs to the module's state, as an attribute.

        Parameters
        ----------
        tensor
            A Tensor, or an array of which one is made; ``None`` for a buffer that is not used.
        persistent
            Whether `state_dict` holds it.
        """
        self._check_name(name)
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, None if tensor is None else as_tensor(tensor))

    def _check_name(self, name: str) -> None:
        if not name or "." in name:
            raise KeyError(
                f"{name!r} cannot name a part of a module: it must not be empty or have a dot in "
                "it."
            )
        if hasattr(type(self), name):
            raise KeyError(
                f"{type(self).__name__} has an attribute {name!r} already: choose another name."
            )

    # What it is set to

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` with every module below this one, then with this one; return this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set ``training``, here and below; layers like dropout look at it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set ``training`` to false, here and below."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether gradients are computed for the parameters: ``False`` freezes them."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def to(self, dtype: npt.DTypeLike) -> Self:
        """Convert the floating-point parameters, buffers and gradients to ``dtype``, in place.

        An optimizer keeps its parameters; what it remembers of them stays as it is. There are no
        devices here: a name of one raises a `DtypeError`.

        >>> import numpy as np
        >>> from microtensor import nn
        >>> nn.Linear(2, 1).to(np.float32).weight.dtype
        dtype('float32')
        """
        try:
            wanted = np.dtype(dtype)
        except TypeError:
            raise DtypeError(
                f"to() converts to a dtype, and {dtype!r} is none: give one such as np.float32."
            ) from None
        if wanted.kind != "f":
            raise DtypeError(f"to() converts to a floating-point dtype, and got {wanted}.")
        for tensor in (*self.parameters(), *self.buffers()):
            tensor._convert(wanted)
        return self

    def float(self) -> Self:
        """Convert to float32; see `to`."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64; see `to`."""
        return self.to(np.float64)

    def half(self) -> Self:
        """Convert to float16; see `to`."""
        return self.to(np.float16)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the parameters, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = Tensor(np.zeros_like(parameter.data))
