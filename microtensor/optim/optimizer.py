"""The `Optimizer`: parameters in groups, each with its settings, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .. import ops
from ..diagnosis import called
from ..errors import ArgumentError, DtypeError, StateDictError
from ..inplace import clock
from ..op import Recordable
from ..record import current_trace, wrap
from ..state import enable_grad
from ..tensor import Tensor

__all__ = ["Optimizer"]


class Optimizer:
    """The base of optimizers; a subclass says in ``_changes`` how parameters change.

    Parameters
    ----------
    params
        The Tensors to optimize, such as ``model.parameters()``; or dicts, one for each group, with
        the Tensors under ``"params"`` and settings that differ from the defaults.
    defaults
        The settings of groups that do not say otherwise.

    Attributes
    ----------
    param_groups
        A list of dicts: the Tensors under ``"params"``, and the settings. They can be changed.
    state
        What is remembered of each parameter, a dict of arrays.

    Raises
    ------
    TypeError
        If something is not a Tensor, or the parameters have no order.
    DtypeError
        If a Tensor is not floating-point.
    ArgumentError
        If there are none, one was computed by an operation or comes twice, or a setting is
        impossible or unknown.
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]
    ) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        groups = _ordered(params)
        if not groups:
            raise ArgumentError(
                "An optimizer needs parameters, and got none. model.parameters() finds parameters "
                "and modules that are attributes: put modules into a nn.ModuleList, not a list."
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters: a dict with Tensors under ``"params"``, and settings."""
        if not isinstance(param_group, Mapping):
            raise TypeError(f"A group is a dict, and this one is a {type(param_group).__name__}.")
        if "params" not in param_group:
            raise ArgumentError(f"The group {param_group} has no Tensors under 'params'.")
        unknown = [name for name in param_group if name not in {"params", *self.defaults}]
        if unknown:
            raise ArgumentError(
                f"{type(self).__name__} has no setting {unknown[0]!r}: its settings are "
                f"{', '.join(self.defaults)}."
            )
        given = param_group["params"]
        group = {
            **self.defaults,
            **param_group,
            "params": [given] if isinstance(given, Tensor) else _ordered(given),
        }
        self._check_settings(group)
        known = {id(tensor) for other in self.param_groups for tensor in other["params"]}
        for i, tensor in enumerate(group["params"]):
            _check_parameter(i, tensor)
            if id(tensor) in known:
                raise ArgumentError(
                    f"Parameter {i}, {called(tensor)}, is given twice: it would be updated twice "
                    "in a step."
                )
            known.add(id(tensor))
        self.param_groups.append(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, in place.

        Nothing has changed if this raises.

        Parameters
        ----------
        closure
            Computes the loss and its gradients first, and returns the loss.

        Returns
        -------
        What the closure returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        trace = current_trace()
        if trace is not None:
            trace.watch(self)
        for parameter, change in self._changes():
            if trace is not None:
                trace.change(ops.subtract, parameter, change)
                continue
            data = parameter._array
            if data.__class__ is not np.ndarray or not data.flags.writeable:
                data = parameter._writable()
            data -= change
            clock.mark_changed(data)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero, before the next `backward`."""
        trace = current_trace()
        for group in self.param_groups:
            for parameter in group["params"]:
                if trace is not None:
                    trace.set_gradient(parameter)
                if set_to_none:
                    parameter._grad = None
                elif parameter._grad is not None:
                    parameter._grad = wrap(np.zeros(parameter.shape, parameter.dtype))

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the state and the settings, with numbers for the parameters."""
        numbers = {
            id(tensor): i
            for i, tensor in enumerate(t for group in self.param_groups for t in group["params"])
        }
        return {
            "state": {numbers[id(tensor)]: _copied(kept) for tensor, kept in self.state.items()},
            "param_groups": [
                {**group, "params": [numbers[id(tensor)] for tensor in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state and settings of an optimizer with groups of the same sizes.

        Raises
        ------
        StateDictError
            If it is no optimizer's, or the number of groups or parameters, or a shape, differs.
            Nothing was loaded then.
        """
        try:
            groups, saved_state = state_dict["param_groups"], state_dict["state"]
            sizes = [len(group["params"]) for group in groups]
        except (KeyError, TypeError):
            raise StateDictError(
                "An optimizer loads what the state_dict() of one returned: a dict with 'state' and "
                "'param_groups', each group with 'params'."
            ) from None
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise StateDictError(
                f"This state_dict has groups of {sizes} parameters, and the optimizer has {own}: "
                "it belongs to another model, or to other groups."
            )
        numbers = [number for group in groups for number in group["params"]]
        tensors = [tensor for group in self.param_groups for tensor in group["params"]]
        state = {}
        for number, tensor in zip(numbers, tensors, strict=True):
            if number in saved_state:
                state[tensor] = kept = _copied(saved_state[number])
                for name, value in kept.items():
                    if isinstance(value, np.ndarray) and value.ndim and value.shape != tensor.shape:
                        raise StateDictError(
                            f"The {name} of parameter {number} has shape {value.shape}, and the "
                            f"parameter has {tensor.shape}: the state_dict belongs to another "
                            "model."
                        )
        for group in groups:
            self._check_settings({**self.defaults, **group})
        self.state = state
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update({name: value for name, value in saved.items() if name != "params"})

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            count = sum(tensor.size for tensor in group["params"])
            lines.append(f"  group {i}: {len(group['params'])} parameters, {count} numbers")
            lines += [f"    {name}: {value}" for name, value in group.items() if name != "params"]
        return "\n".join([*lines, ")"])

    def _changes(self) -> Iterable[tuple[Tensor, Any]]:
        """Return the parameters that have a gradient, each with what to subtract from it.

        All is computed before the first is changed, and then state is kept.
        """
        raise NotImplementedError

    @staticmethod
    def _number(value: Any) -> Any:
        """Return a setting as a Python number: a np.float64 would make float64 of float32."""
        return value if isinstance(value, Recordable) else float(value)

    def _check_settings(self, group: dict[str, Any]) -> None:
        """Raise if a setting of a group is impossible."""


def _ordered(params: Any) -> list[Any]:
    if isinstance(params, (set, frozenset)):
        raise TypeError("Parameters need an order, and a set has none: give a list.")
    if isinstance(params, (Tensor, Mapping)):
        advice = "put it into a list"
    elif hasattr(params, "parameters"):
        advice = "give its parameters()"
    elif isinstance(params, Iterable):
        return list(params)
    else:
        advice = "give model.parameters()"
    raise TypeError(
        "An optimizer takes an iterable of Tensors or of dicts, and got one "
        f"{type(params).__name__}: {advice}."
    )


def _check_parameter(i: int, tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        hint = ": give model.parameters()" if isinstance(tensor, (tuple, str)) else ""
        raise TypeError(
            f"An optimizer takes Tensors, and parameter {i} is a {type(tensor).__name__}{hint}."
        )
    if not tensor.is_leaf:
        raise ArgumentError(
            f"Parameter {i}, {called(tensor)}, was computed by {tensor._op_name()}, and only "
            "leaves can be optimized: give the tensor that it was computed from."
        )
    if tensor.dtype.kind != "f":
        raise DtypeError(
            f"Parameter {i}, {called(tensor)}, has dtype {tensor.dtype}, and only floating-point "
            "tensors have gradients."
        )


def _copied(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in kept.items()
    }
