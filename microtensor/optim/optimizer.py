"""The `Optimizer`: parameters in groups, each with its settings, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..diagnosis import called
from ..errors import ArgumentError, DtypeError, ShapeError, StateDictError
from ..inplace import clock
from ..op import Recordable
from ..record import current_trace, wrap
from ..state import enable_grad
from ..tensor import Tensor
from .pieces import Change, in_pieces

__all__ = ["Optimizer"]


_Ready = tuple[Tensor, Any, dict[str, Any], Change, dict[str, Any]]
"""A parameter, its gradient, what is kept of it, what changes it, and the arrays kept."""


class Optimizer:
    """The base of optimizers; a subclass says in ``_change`` how a parameter changes.

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

    _has_stepped = False
    """Whether `step` was called: a scheduler is to be stepped after it."""

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
        known = {"params", "initial_lr", *self.defaults}
        unknown = [name for name in param_group if name not in known]
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
        earlier = {id(tensor) for other in self.param_groups for tensor in other["params"]}
        for i, tensor in enumerate(group["params"]):
            _check_parameter(i, tensor)
            if id(tensor) in earlier:
                raise ArgumentError(
                    f"Parameter {i}, {called(tensor)}, is given twice: it would be updated twice "
                    "in a step."
                )
            earlier.add(id(tensor))
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
        self._has_stepped = True
        trace = current_trace()
        if trace is not None:
            trace.watch(self)
        ready = [
            each for group in self.param_groups for each in self._ready_in(group, trace is not None)
        ]
        with np.errstate(all="ignore"):  # nothing raises from here on
            for parameter, g, kept, change, arrays in ready:
                if kept:
                    self.state[parameter] = kept
                p = parameter._array
                if trace is not None:
                    change(p, g, **arrays)
                else:
                    in_pieces(change, p, g, arrays)
                clock.mark_changed(p)
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
            If it is no optimizer's, or one's of another kind, or the number of groups or
            parameters, or a shape, differs. Nothing was loaded then.
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
        known = self._remembered({**self.defaults, **_EVERYTHING})
        state = {}
        for number, tensor in zip(numbers, tensors, strict=True):
            kept = saved_state.get(number, saved_state.get(str(number)))
            if kept is not None:
                state[tensor] = kept = {
                    name: self._loaded(name, value, tensor) for name, value in kept.items()
                }
                for name, value in kept.items():
                    if not isinstance(value, np.ndarray):
                        continue
                    if known and name not in known:
                        raise StateDictError(
                            f"{type(self).__name__} remembers {', '.join(known)} of a parameter, "
                            f"and this state_dict has {', '.join(kept)} of parameter {number}: it "
                            "belongs to another kind of optimizer."
                        )
                    if value.ndim and value.shape != tensor.shape:
                        raise StateDictError(
                            f"The {name} of parameter {number} has shape {value.shape}, and the "
                            f"parameter has {tensor.shape}: the state_dict belongs to another "
                            "model."
                        )
        groups = [{**self.defaults, **self._settings(group)} for group in groups]
        for group in groups:
            self._check_settings(group)
        self.state = state
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update(saved)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            count = sum(tensor.size for tensor in group["params"])
            lines.append(f"  group {i}: {len(group['params'])} parameters, {count} numbers")
            lines += [f"    {name}: {value}" for name, value in group.items() if name != "params"]
        return "\n".join([*lines, ")"])

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        """Return the arrays that are kept of a parameter, by name, and what fills them at first."""
        return {}

    def _change(self, group: dict[str, Any], kept: dict[str, Any], g: Any) -> Change:
        """Return what changes a parameter with gradient ``g`` in this step, in place.

        It is called with the array of the parameter, that of the gradient, which stays as it is,
        and those that are kept of it, by name; or with the same piece of each of them. It refers to
        numbers, all computed here, and must not raise.

        Parameters
        ----------
        kept
            What is remembered, a copy for this step. Numbers in it, such as a count of the steps,
            are changed here; its arrays are not.
        """
        raise NotImplementedError

    def _ascent(self, group: dict[str, Any]) -> Callable[[Any, Any], Any]:
        """Return what makes of a parameter and its gradient the direction of steepest ascent.

        That is the gradient, or its negative for ``maximize``, with the L2 penalty's.
        """
        weight_decay = self._number(group.get("weight_decay", 0.0))
        maximize, decays = group.get("maximize", False), self._is_set(weight_decay)
        if not decays:
            return _negative if maximize else _same

        def penalised(p: Any, g: Any) -> Any:
            penalty = weight_decay * p
            return penalty - g if maximize else penalty + g

        return penalised

    def _ascent_and_decay(self, group: dict[str, Any]) -> tuple[Callable[[Any, Any], Any], Any]:
        """Return `_ascent`, and what a parameter is multiplied with; ``None`` for nothing.

        Only one of them has the weight decay: the factor if it is decoupled from the gradient.
        """
        if not group["decoupled_weight_decay"]:
            return self._ascent(group), None
        weight_decay = self._number(group["weight_decay"])
        decays = self._is_set(weight_decay)
        ascent = self._ascent({"maximize": group["maximize"]})
        return ascent, 1.0 - self._number(group["lr"]) * weight_decay if decays else None

    def _ready_in(self, group: dict[str, Any], traced: bool) -> list[_Ready]:
        """Return what a step needs of each parameter of a group that has a gradient.

        Raise if anything is wrong with one.
        """
        ready: list[_Ready] = []
        remembered = self._remembered(group)
        alike: Change | None = None  # changes all of which nothing is kept
        for parameter in group["params"]:
            if parameter._grad is None:
                continue
            g, data = parameter._grad._array, parameter._array
            if not traced and (data.__class__ is not np.ndarray or not data.flags.writeable):
                data = parameter._writable()
            if g.shape != data.shape:
                raise ShapeError(
                    f"The gradient of {called(parameter)} has shape {g.shape}: it must have the "
                    "parameter's shape."
                )
            kept = self.state.get(parameter) if self.state else None
            if alike is not None and not kept:
                ready.append((parameter, g, {}, alike, {}))
                continue
            kept = dict(kept or ())
            change = self._change(group, kept, g)
            if remembered or kept:
                arrays = self._arrays(parameter, data, kept, remembered)
                ready.append((parameter, g, kept, change, arrays))
            else:
                alike = change
                ready.append((parameter, g, {}, change, {}))
        return ready

    def _arrays(
        self, parameter: Tensor, data: Any, kept: dict[str, Any], remembered: dict[str, float]
    ) -> dict[str, Any]:
        """Return the arrays among what is kept of a parameter, the first time those it begins with.

        Raise if one does not fit.
        """
        for name, first in remembered.items():
            if name not in kept:
                kept[name] = np.zeros_like(data) if first == 0 else np.full_like(data, first)
        arrays = {}
        for name, value in kept.items():
            if isinstance(value, np.ndarray):
                if value.shape != data.shape or value.dtype.kind != "f":
                    raise ShapeError(
                        f"The {name} of {called(parameter)} has shape {value.shape} and dtype "
                        f"{value.dtype}: it must be floating-point and have the parameter's shape."
                    )
                if not value.flags.writeable:
                    value = kept[name] = value.copy()
                arrays[name] = value
        return arrays

    def _settings(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a saved group; files have lists in place of tuples."""
        return {
            name: tuple(value) if isinstance(self.defaults.get(name), tuple) else value
            for name, value in group.items()
            if name != "params"
        }

    @staticmethod
    def _loaded(name: str, value: Any, tensor: Tensor) -> Any:
        """Return a copy of what was remembered: arrays of the parameter's dtype, and numbers."""
        if not hasattr(value, "__array__"):
            return value
        array = np.asarray(value)
        if not array.ndim and (tensor.ndim or name == "step"):  # as PyTorch keeps numbers
            number = array.item()
            return int(number) if name == "step" else number
        return array.astype(tensor.dtype)

    @staticmethod
    def _number(value: Any) -> Any:
        """Return a setting as a Python number: a np.float64 would make float64 of float32."""
        if value.__class__ is float:
            return value
        return value if isinstance(value, Recordable) else float(value)

    @staticmethod
    def _is_set(value: Any) -> bool:
        """Tell whether a setting is not 0; a program holds while that stays so."""
        if isinstance(value, Recordable):
            trace = current_trace()
            if trace is not None:
                is_nonzero: bool = trace.is_nonzero(value)
                return is_nonzero
        return bool(value)

    def _check_settings(self, group: dict[str, Any]) -> None:
        """Raise if a setting of a group is impossible."""


_EVERYTHING = {"momentum": 1.0, "centered": True, "amsgrad": True}
"""Settings with which as much is remembered of a parameter as an optimizer ever does."""


def _same(p: Any, g: Any) -> Any:
    return g


def _negative(p: Any, g: Any) -> Any:
    return -g


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
