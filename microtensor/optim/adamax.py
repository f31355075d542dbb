"""Adamax: Adam by the largest gradient of late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .ascent import ascent_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_fractions, check_not_negative, number

__all__ = ["Adamax"]


class Adamax(Optimizer):
    r"""Adam that divides by the largest of the last gradients, by the infinity norm.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.Adamax`::

        g = g + weight_decay * p
        exp_avg = beta1 * exp_avg + (1 - beta1) * g
        exp_inf = max(beta2 * exp_inf, abs(g) + eps)
        p = p - lr / (1 - beta1**t) * exp_avg / exp_inf

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, section 7.1.

    Parameters
    ----------
    params
        The Tensors to optimize, or dicts of groups; see `Optimizer`.
    lr
        The learning rate.
    betas
        What is kept of the averages in a step, from 0 to below 1.
    eps
        What is added to the gradients' absolute values.
    weight_decay
        The factor of an L2 penalty.
    maximize
        Climb instead of descend.

    Raises
    ------
    ArgumentError
        If lr, eps or weight_decay is no finite number or negative, or betas are not two numbers
        from 0 to below 1; and what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adamax([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9, 1.9], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "eps", "weight_decay")
        check_fractions(group, "betas")

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, eps = number(group["lr"]), number(group["eps"])
        beta1, beta2 = map(number, group["betas"])
        step = kept["step"] = kept.get("step", 0) + 1
        ascent = ascent_of(group)
        rest, size = 1.0 - beta1, lr / (1.0 - beta1**step)

        def change(p: Any, g: Any, exp_avg: Any, exp_inf: Any) -> None:
            g = ascent(p, g)
            exp_avg *= beta1
            exp_avg += rest * g
            exp_inf[...] = np.maximum(beta2 * exp_inf, np.abs(g) + eps)
            p -= size * exp_avg / exp_inf

        return change
