"""RMSprop: gradients divided by the root of the average of their squares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .ascent import ascent_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_not_negative, is_set, number

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    r"""Gradients divided by the root of a moving average of their squares.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.RMSprop`::

        g = g + weight_decay * p
        square_avg = alpha * square_avg + (1 - alpha) * g**2
        grad_avg = alpha * grad_avg + (1 - alpha) * g                   if centered
        v = square_avg - grad_avg**2 if centered else square_avg
        momentum_buffer = momentum * momentum_buffer + g / (sqrt(v) + eps)
        p = p - lr * momentum_buffer

    Tieleman and Hinton, "Lecture 6.5 - rmsprop", 2012; Graves, "Generating sequences with recurrent
    neural networks", 2013, for ``centered``.

    Parameters
    ----------
    params
        The Tensors to optimize, or dicts of groups; see `Optimizer`.
    lr
        The learning rate.
    alpha
        What is kept of the averages in a step.
    eps
        What is added to the denominator.
    weight_decay
        The factor of an L2 penalty.
    momentum
        How much of the last step goes into the next.
    centered
        Divide by an estimate of the variance.
    maximize
        Climb instead of descend.

    Raises
    ------
    ArgumentError
        If lr, alpha, eps, weight_decay or momentum is no finite number or negative; and
        what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.RMSprop([w])
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9, 1.9], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "alpha", "eps", "weight_decay", "momentum")

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        names = ["square_avg"]
        if is_set(group["momentum"]):
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        return dict.fromkeys(names, 0.0)

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, eps = number(group["lr"]), number(group["eps"])
        alpha, momentum = number(group["alpha"]), number(group["momentum"])
        kept["step"] = kept.get("step", 0) + 1
        ascent, centered = ascent_of(group), group["centered"]
        has_momentum = is_set(momentum)
        rest = 1.0 - alpha

        def change(
            p: Any, g: Any, square_avg: Any, momentum_buffer: Any = None, grad_avg: Any = None
        ) -> None:
            g = ascent(p, g)
            square_avg *= alpha
            square_avg += rest * g * g
            if centered:
                grad_avg *= alpha
                grad_avg += rest * g
            divisor = np.sqrt(square_avg - grad_avg * grad_avg if centered else square_avg)
            divisor += eps
            if has_momentum:
                momentum_buffer *= momentum
                momentum_buffer += g / divisor
                p -= lr * momentum_buffer
            else:
                p -= lr * g / divisor

        return change
