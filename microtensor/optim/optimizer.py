"""The `Optimizer`: parameters in groups, each with its settings, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from ..diagnosis import called
from ..errors import ArgumentError, ShapeError
from ..inplace import clock
from ..record import current_trace, wrap
from ..state import enable_grad
from ..tensor import Tensor
from .groups import check_parameter, ordered
from .pieces import NOTHING, Change, Update, change_all
from .state_dict import check_fits, loaded, matched, saved

__all__ = ["Optimizer"]


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
        groups = ordered(params)
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
            "params": [given] if isinstance(given, Tensor) else ordered(given),
        }
        self._check_settings(group)
        earlier = {id(tensor) for other in self.param_groups for tensor in other["params"]}
        for i, tensor in enumerate(group["params"]):
            check_parameter(i, tensor)
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
        updates: list[Update] = []
        states: dict[Tensor, dict[str, Any]] = {}
        for group in self.param_groups:
            self._prepare(group, updates, states)
        self.state |= states  # nothing raises from here on
        clock.mark_changed(*map(_array, updates))
        change_all(updates, trace is None)
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
        return saved(self.param_groups, self.state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state and settings of an optimizer with groups of the same sizes.

        Raises
        ------
        StateDictError
            If it is no optimizer's, or one's of another kind, or the number of groups or
            parameters, or a shape, differs. Nothing was loaded then.
        """
        groups, states = matched(self.param_groups, state_dict)
        known = self._remembered({**self.defaults, **_EVERYTHING})
        state = {}
        for number, tensor, kept in states:
            state[tensor] = kept = {
                name: self._loaded(name, value, tensor) for name, value in kept.items()
            }
            check_fits(kept, known, number, tensor, type(self).__name__)
        groups = [{**self.defaults, **self._settings(group)} for group in groups]
        for group in groups:
            self._check_settings(group)
        self.state = state
        for group, settings in zip(self.param_groups, groups, strict=True):
            group.update(settings)

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

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        """Return what changes a parameter in this step, in place.

        It is called with the array of the parameter, that of the gradient, which stays as it is,
        and those that are kept of it, by name; or with the same piece of each of them. It refers to
        numbers, all computed here, and must not raise. Where `_remembered` names no arrays, it
        changes all parameters of the group.

        Parameters
        ----------
        kept
            What is remembered, a copy for this step. Numbers in it, such as a count of the steps,
            are changed here; its arrays are not.
        """
        raise NotImplementedError

    def _prepare(
        self,
        group: dict[str, Any],
        updates: list[Update],
        states: dict[Tensor, dict[str, Any]],
    ) -> None:
        """Add what a step does to each parameter of a group that has a gradient.

        Raise if anything is wrong with one.

        Parameters
        ----------
        updates
            What changes, and how.
        states
            What is remembered of a parameter from then on.
        """
        remembered = self._remembered(group)
        alike = None if remembered else self._change(group, {})
        for parameter in group["params"]:
            gradient = parameter._grad
            if gradient is None:
                continue
            g, p = gradient._array, parameter._array
            if (p.__class__ is not np.ndarray or not p.flags.writeable) and current_trace() is None:
                p = parameter._writable()
            if g.shape != p.shape:
                raise ShapeError(
                    f"The gradient of {called(parameter)} has shape {g.shape}: it must have the "
                    "parameter's shape."
                )
            if alike is not None:
                updates.append((alike, p, g, NOTHING))
                continue
            states[parameter] = kept = dict(self.state.get(parameter, ()))
            change = self._change(group, kept)
            updates.append((change, p, g, self._arrays(parameter, p, kept, remembered)))

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

    def _loaded(self, name: str, value: Any, tensor: Tensor) -> Any:
        """Return a copy of something that was remembered of a parameter."""
        return loaded(name, value, tensor)

    def _check_settings(self, group: dict[str, Any]) -> None:
        """Raise if a setting of a group is impossible."""


_array = itemgetter(1)
"""Of an update: what it changes."""

_EVERYTHING = {"momentum": 1.0, "centered": True, "amsgrad": True}
"""Settings with which as much is remembered of a parameter as an optimizer ever does."""
