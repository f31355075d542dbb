"""NAdam: Adam with the momentum of Nesterov."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .ascent import ascent_and_decay_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_fractions, check_not_negative, number

__all__ = ["NAdam"]


class NAdam(Optimizer):
    r"""Adam that looks ahead along its momentum.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.NAdam`::

        g = g + weight_decay * p                p = p - lr * weight_decay * p  if decoupled
        mu(t) = beta1 * (1 - 0.96**(t * momentum_decay) / 2)
        mu_product = mu(1) * ... * mu(t)
        exp_avg = beta1 * exp_avg + (1 - beta1) * g
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * g**2
        m = mu(t + 1) * exp_avg / (1 - mu_product * mu(t + 1)) + (1 - mu(t)) * g / (1 - mu_product)
        p = p - lr * m / (sqrt(exp_avg_sq / (1 - beta2**t)) + eps)

    Dozat, "Incorporating Nesterov momentum into Adam", 2016.

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
    momentum_decay
        How fast the momentum rises to beta1.
    decoupled_weight_decay
        Let parameters decay by themselves, not through the gradient.
    maximize
        Climb instead of descend.

    Raises
    ------
    ArgumentError
        If lr, eps, weight_decay or momentum_decay is no finite number or negative, or betas are not
        two numbers from 0 to below 1; and what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.NAdam([w])
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9978871, 1.9978871], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "eps", "weight_decay", "momentum_decay")
        check_fractions(group, "betas")

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, eps = number(group["lr"]), number(group["eps"])
        beta1, beta2 = map(number, group["betas"])
        momentum_decay = number(group["momentum_decay"])
        step = kept["step"] = kept.get("step", 0) + 1
        ascent, decay = ascent_and_decay_of(group)
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * momentum_decay))
        next_mu = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
        product = kept["mu_product"] = kept.get("mu_product", 1.0) * mu
        of_gradient = lr * (1.0 - mu) / (1.0 - product)
        of_average = lr * next_mu / (1.0 - product * next_mu)
        rest1, rest2 = 1.0 - beta1, 1.0 - beta2
        unbiased = 1.0 / (1.0 - beta2**step)

        def change(p: Any, g: Any, exp_avg: Any, exp_avg_sq: Any) -> None:
            g = ascent(p, g)
            if decay is not None:
                p *= decay
            exp_avg *= beta1
            exp_avg += rest1 * g
            exp_avg_sq *= beta2
            exp_avg_sq += rest2 * g * g
            denominator = np.sqrt(exp_avg_sq * unbiased)
            denominator += eps
            p -= (of_gradient * g + of_average * exp_avg) / denominator

        return change
