"""The state of an optimizer as a dict, with numbers in place of the parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import StateDictError
from ..tensor import Tensor

__all__ = ["check_fits", "loaded", "matched", "saved"]

Groups = list[dict[str, Any]]


def saved(groups: Groups, state: Mapping[Tensor, dict[str, Any]]) -> dict[str, Any]:
    """Return copies of the groups and of what is remembered of parameters."""
    numbers = {id(tensor): i for i, tensor in enumerate(_parameters(groups))}
    return {
        "state": {
            numbers[id(tensor)]: {
                name: value.copy() if isinstance(value, np.ndarray) else value
                for name, value in kept.items()
            }
            for tensor, kept in state.items()
        },
        "param_groups": [
            {**group, "params": [numbers[id(tensor)] for tensor in group["params"]]}
            for group in groups
        ],
    }


def matched(
    groups: Groups, state_dict: Any
) -> tuple[Groups, list[tuple[Any, Tensor, dict[str, Any]]]]:
    """Return the groups that were saved; and of each parameter with a state, number and state.

    Raises
    ------
    StateDictError
        If it is no optimizer's, or the number of groups or of their parameters differs.
    """
    try:
        its_groups, its_state = state_dict["param_groups"], state_dict["state"]
        sizes = [len(group["params"]) for group in its_groups]
    except (KeyError, TypeError):
        raise StateDictError(
            "An optimizer loads what the state_dict() of one returned: a dict with 'state' and "
            "'param_groups', each group with 'params'."
        ) from None
    own = [len(group["params"]) for group in groups]
    if sizes != own:
        raise StateDictError(
            f"This state_dict has groups of {sizes} parameters, and the optimizer has {own}: "
            "it belongs to another model, or to other groups."
        )
    states = []
    for number, tensor in zip(_parameters(its_groups), _parameters(groups), strict=True):
        kept = its_state.get(number, its_state.get(str(number)))  # JSON has strings for numbers
        if kept is not None:
            states.append((number, tensor, kept))
    return its_groups, states


def loaded(name: str, value: Any, tensor: Tensor) -> Any:
    """Return a copy of what was remembered: arrays of the parameter's dtype, and numbers."""
    if not hasattr(value, "__array__"):
        return value
    array = np.asarray(value)
    if not array.ndim and (tensor.ndim or name == "step"):  # as PyTorch keeps numbers
        number = array.item()
        return int(number) if name == "step" else number
    return array.astype(tensor.dtype)


def check_fits(
    kept: Mapping[str, Any], known: Iterable[str], number: Any, tensor: Tensor, owner: str
) -> None:
    """Raise if arrays among what is loaded of a parameter are unknown, or have another shape.

    Parameters
    ----------
    kept
        What was remembered of the parameter.
    known
        The names of all arrays that the optimizer may remember; none if it does not tell.
    number, tensor
        The parameter.
    owner
        What the optimizer is called.
    """
    for name, value in kept.items():
        if not isinstance(value, np.ndarray):
            continue
        if known and name not in known:
            raise StateDictError(
                f"{owner} remembers {', '.join(known)} of a parameter, and this state_dict has "
                f"{', '.join(kept)} of parameter {number}: it belongs to another kind of optimizer."
            )
        if value.ndim and value.shape != tensor.shape:
            raise StateDictError(
                f"The {name} of parameter {number} has shape {value.shape}, and the parameter has "
                f"{tensor.shape}: the state_dict belongs to another model."
            )


def _parameters(groups: Groups) -> Iterator[Any]:
    return (parameter for group in groups for parameter in group["params"])
