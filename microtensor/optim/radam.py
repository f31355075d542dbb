"""RAdam: Adam that begins without dividing, until its averages can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .ascent import ascent_and_decay_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_fractions, check_not_negative, number

__all__ = ["RAdam"]


class RAdam(Optimizer):
    r"""Adam whose steps grow with how much is known of the variance of the gradients.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.RAdam`::

        g = g + weight_decay * p                p = p - lr * weight_decay * p  if decoupled
        exp_avg = beta1 * exp_avg + (1 - beta1) * g
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * g**2
        m = exp_avg / (1 - beta1**t)
        r_inf = 2 / (1 - beta2) - 1
        r = r_inf - 2 * t * beta2**t / (1 - beta2**t)
        p = p - lr * m                                                      if r <= 5, else
        p = p - lr * m * sqrt(1 - beta2**t) / (sqrt(exp_avg_sq) + eps)
                * sqrt((r - 4) * (r - 2) * r_inf / ((r_inf - 4) * (r_inf - 2) * r))

    Liu et al., "On the variance of the adaptive learning rate and beyond", 2020.

    Parameters
    ----------
    params
        The Tensors to optimize, or dicts of groups; see `Optimizer`.
    lr
        The learning rate.
    betas
        What is kept of the averages in a step, from 0 to below 1.
    eps
        What is added to the denominator.
    weight_decay
        The factor of an L2 penalty.
    decoupled_weight_decay
        Let parameters decay by themselves, not through the gradient.
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
    >>> optimizer = optim.RAdam([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8, 1.6], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "eps", "weight_decay")
        check_fractions(group, "betas")

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, eps = number(group["lr"]), number(group["eps"])
        beta1, beta2 = map(number, group["betas"])
        step = kept["step"] = kept.get("step", 0) + 1
        ascent, decay = ascent_and_decay_of(group)
        rest1, rest2 = 1.0 - beta1, 1.0 - beta2
        size, unbiased = lr / (1.0 - beta1**step), 1.0 - beta2**step
        most = 2.0 / rest2 - 1.0
        length = most - 2.0 * step * beta2**step / unbiased
        divides = (length > 5.0) * 1.0  # 0 or 1, so that a program need not choose
        ratio = (length - 4.0) * (length - 2.0) * most
        least_ratio = divides * ((most - 4.0) * (most - 2.0) * length) + (1.0 - divides)
        rectified = size * (divides * ratio * unbiased / least_ratio) ** 0.5
        plain, least = size * (1.0 - divides), eps + (1.0 - divides)

        def change(p: Any, g: Any, exp_avg: Any, exp_avg_sq: Any) -> None:
            g = ascent(p, g)
            if decay is not None:
                p *= decay
            exp_avg *= beta1
            exp_avg += rest1 * g
            exp_avg_sq *= beta2
            exp_avg_sq += rest2 * g * g
            factor = np.sqrt(exp_avg_sq)
            factor += least
            p -= exp_avg * (rectified / factor + plain)

        return change
