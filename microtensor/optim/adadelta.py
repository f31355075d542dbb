"""Adadelta: steps as large as the last ones, by the gradient over the last gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..tensor import Tensor
from .ascent import ascent_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_not_negative, number

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    r"""Steps in the units of the parameters: the last steps, by the gradient over the last ones.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.Adadelta`::

        g = g + weight_decay * p
        square_avg = rho * square_avg + (1 - rho) * g**2
        d = sqrt(acc_delta + eps) / sqrt(square_avg + eps) * g
        acc_delta = rho * acc_delta + (1 - rho) * d**2
        p = p - lr * d

    Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    Parameters
    ----------
    params
        The Tensors to optimize, or dicts of groups; see `Optimizer`.
    lr
        The factor of each step.
    rho
        What is kept of the averages in a step, from 0 to 1.
    eps
        What is added below the roots.
    weight_decay
        The factor of an L2 penalty.
    maximize
        Climb instead of descend.

    Raises
    ------
    ArgumentError
        If lr, rho, eps or weight_decay is no finite number or negative, or rho is more than 1; and
        what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Adadelta([w])
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.99683773, 1.99683773], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "rho", "eps", "weight_decay")
        if group["rho"] > 1:
            raise ArgumentError(f"rho is {group['rho']}, and must be from 0 to 1.")

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        lr, eps, rho = (number(group[name]) for name in ("lr", "eps", "rho"))
        kept["step"] = kept.get("step", 0) + 1
        ascent = ascent_of(group)
        rest = 1.0 - rho

        def change(p: Any, g: Any, square_avg: Any, acc_delta: Any) -> None:
            g = ascent(p, g)
            square_avg *= rho
            square_avg += rest * g * g
            delta = np.sqrt(acc_delta + eps)
            delta /= np.sqrt(square_avg + eps)
            delta *= g
            acc_delta *= rho
            acc_delta += rest * delta * delta
            p -= lr * delta

        return change
