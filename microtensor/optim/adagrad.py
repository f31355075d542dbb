"""Adagrad: gradients divided by the root of the sum of their squares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .ascent import ascent_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_not_negative, number

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    r"""Gradients divided by the root of the sum of their squares so far.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.Adagrad`::

        g = g + weight_decay * p
        sum = sum + g**2                                     initial_accumulator_value at first
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(sum) + eps)

    Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.

    Parameters
    ----------
    params
        The Tensors to optimize, or dicts of groups; see `Optimizer`.
    lr
        The learning rate.
    lr_decay
        How much the learning rate falls in each step.
    weight_decay
        The factor of an L2 penalty.
    initial_accumulator_value
        What the sum begins with.
    eps
        What is added to the denominator.
    maximize
        Climb instead of descend.

    Raises
    ------
    ArgumentError
        If lr, lr_decay, weight_decay, initial_accumulator_value or eps is no finite number or
        negative; and what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adagrad([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9, 1.9], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        names = "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"
        check_not_negative(group, *names)

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        return {"sum": number(group["initial_accumulator_value"])}

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, eps = number(group["lr"]), number(group["eps"])
        before = kept.get("step", 0)
        kept["step"] = before + 1
        size = lr / (1.0 + before * number(group["lr_decay"]))
        ascent = ascent_of(group)

        def change(p: Any, g: Any, sum: Any) -> None:
            g = ascent(p, g)
            sum += g * g
            root = np.sqrt(sum)
            root += eps
            p -= size * g / root

        return change
