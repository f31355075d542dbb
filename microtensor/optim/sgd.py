"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import ArgumentError
from ..tensor import Tensor
from .ascent import ascent_of, same
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_finite, check_not_negative, is_set, number

__all__ = ["SGD"]


class SGD(Optimizer):
    r"""Gradient descent: ``p -= lr * p.grad``, with momentum and weight decay where asked for.

    With g the gradient, its negative if ``maximize``, a step is, as in `torch.optim.SGD`::

        g = g + weight_decay * p
        b = momentum * b + (1 - dampening) * g      b = g in the first step
        g = g + momentum * b if nesterov else b     if momentum is not 0
        p = p - lr * g

    Parameters
    ----------
    params
        The Tensors to optimize, or dicts of groups; see `Optimizer`.
    lr
        The learning rate.
    momentum
        How much of the last step goes into the next.
    dampening
        How much less of the gradient goes into the momentum.
    weight_decay
        The factor of an L2 penalty.
    nesterov
        Look ahead along the momentum.
    maximize
        Climb instead of descend.

    Raises
    ------
    ArgumentError
        If a setting is not a finite number, lr, momentum or weight_decay is negative, or
        ``nesterov`` comes without momentum or with dampening; and what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8, 1.6], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "momentum", "weight_decay")
        check_finite(group, "dampening")
        if group["nesterov"] and not (group["momentum"] > 0 and group["dampening"] == 0):
            raise ArgumentError(
                f"nesterov needs a momentum and no dampening, and they are {group['momentum']} and "
                f"{group['dampening']}."
            )

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, ascent = number(group["lr"]), ascent_of(group)
        if not is_set(group["momentum"]):

            def plain(p: Any, g: Any) -> None:
                p -= lr * (g if ascent is same else ascent(p, g))

            return plain
        momentum = number(group["momentum"])
        undamped = 1.0 - number(group["dampening"])
        nesterov = group["nesterov"]
        is_first = "momentum_buffer" not in kept

        def change(p: Any, g: Any, momentum_buffer: Any) -> None:
            g = ascent(p, g)
            if is_first:
                momentum_buffer += g
            else:
                momentum_buffer *= momentum
                momentum_buffer += undamped * g
            p -= lr * (g + momentum * momentum_buffer if nesterov else momentum_buffer)

        return change

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if is_set(group["momentum"]) else {}
