"""What a user's function may return: outputs to draw, a loss to explore, gradients to compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..graph import Graph
from ..tensor import Tensor
from .failure import CommandError
from .target import Target

__all__ = ["by_hand", "got", "loss", "outputs"]


def outputs(target: Target, value: Any) -> Tensor | list[Tensor]:
    """Return what there is to draw: a Tensor, or several; of a loss with gradients, the loss."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (tuple, list)) and value:
        if all(isinstance(each, Tensor) for each in value):
            return list(value)
        if len(value) == 2 and isinstance(value[1], Mapping):
            return loss(target, value)
    raise _no_loss(target, value)


def loss(target: Target, value: Any) -> Tensor:
    """Return the Tensor that is one, or that comes with gradients."""
    with_gradients = by_hand(target, value)
    found: Tensor = value if with_gradients is None else value[0]
    return found


def by_hand(target: Target, value: Any) -> dict[Tensor, Any] | None:
    """Return the hand-derived gradients that come with a loss, if there are some.

    They may be given by tensor or by name: ``loss, {"W1": dW1}``.
    """
    if isinstance(value, Tensor):
        return None
    if (
        not isinstance(value, tuple)
        or len(value) != 2
        or not isinstance(value[0], Tensor)
        or not isinstance(value[1], Mapping)
    ):
        raise _no_loss(target, value)
    names = target.names
    return {_tensor(target, key, value[0], names): gradient for key, gradient in value[1].items()}


def _no_loss(target: Target, value: Any) -> CommandError:
    advice = "return the loss, a Tensor" if target.is_function else "name the loss, a Tensor"
    return CommandError(
        f"{target.label} {got(target, value)}: {advice}, or the loss and the gradients by hand, "
        "(loss, {W1: dW1})"
    )


def _tensor(target: Target, key: Any, loss: Tensor, names: Mapping[str, Any]) -> Tensor:
    if isinstance(key, Tensor):
        return key
    if not isinstance(key, str):
        raise CommandError(
            f"{target.label} gives a gradient of {key!r}: it is given by tensor, or by its name"
        )
    if isinstance(names.get(key), Tensor):
        tensor: Tensor = names[key]
        return tensor
    graph = Graph(loss, names=names.items())
    for node, name in graph.names.items():
        found = node.tensor() if node.op is None and name == key else None
        if found is not None:
            own: Tensor = found
            return own
    known = ", ".join(dict.fromkeys(graph.names.values()))
    raise CommandError(
        f"{target.label} gives a gradient of {key!r}, and has no tensor of that name: the loss is "
        f"computed from {known}"
    )


def got(target: Target, value: Any) -> str:
    """Say what a function returned, or what a variable is."""
    verb = "returned" if target.is_function else "is"
    if value is None:
        return f"{verb} nothing"
    if isinstance(value, (tuple, list)):
        return f"{verb} a {type(value).__name__} of {', '.join(map(_kind, value)) or 'nothing'}"
    return f"{verb} {_kind(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a Tensor of shape {value.shape}"
    if hasattr(value, "shape"):
        return f"an array of shape {value.shape}"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
