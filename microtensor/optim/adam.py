"""Adam, and AdamW, which keeps weight decay out of the averages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .ascent import ascent_and_decay_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_fractions, check_not_negative, number

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    r"""Steps of about ``lr`` in each element, by averages of the gradient and of its square.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.Adam`::

        g = g + weight_decay * p                            p = p - lr * weight_decay * p  (AdamW)
        exp_avg = beta1 * exp_avg + (1 - beta1) * g
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * g**2
        v = max(exp_avg_sq of all steps) if amsgrad else exp_avg_sq
        p = p - lr * (exp_avg / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015; Reddi, Kale and Kumar, "On
    the convergence of Adam and beyond", 2018, for ``amsgrad``.

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
    amsgrad
        Divide by the largest average of squares so far.
    maximize
        Climb instead of descend.
    decoupled_weight_decay
        Let parameters decay by themselves, as `AdamW`, not through the gradient.

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
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9, 1.9], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "eps", "weight_decay")
        check_fractions(group, "betas")

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        averages = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        return averages | {"max_exp_avg_sq": 0.0} if group["amsgrad"] else averages

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, eps = number(group["lr"]), number(group["eps"])
        beta1, beta2 = map(number, group["betas"])
        step = kept["step"] = kept.get("step", 0) + 1
        ascent, decay = ascent_and_decay_of(group)
        amsgrad = group["amsgrad"]
        rest1, rest2 = 1.0 - beta1, 1.0 - beta2
        correction = (1.0 - beta2**step) ** 0.5
        size, least = lr * correction / (1.0 - beta1**step), eps * correction

        def change(
            p: Any, g: Any, exp_avg: Any, exp_avg_sq: Any, max_exp_avg_sq: Any = None
        ) -> None:
            g = ascent(p, g)
            if decay is not None:
                p *= decay
            exp_avg *= beta1
            exp_avg += rest1 * g
            exp_avg_sq *= beta2
            square = rest2 * g
            square *= g
            exp_avg_sq += square
            if amsgrad:
                max_exp_avg_sq[...] = np.maximum(max_exp_avg_sq, exp_avg_sq)
            denominator = np.sqrt(max_exp_avg_sq if amsgrad else exp_avg_sq)
            denominator += least
            update = exp_avg / denominator
            update *= size
            p -= update

        return change


class AdamW(Adam):
    r"""`Adam` whose parameters decay by themselves: ``p = p - lr * weight_decay * p`` in each step.

    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. Settings, errors and
    formulas are those of `Adam`, with ``decoupled_weight_decay=True``.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.85, 1.8 ], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
        )
