"""Rprop: steps by the signs of the gradients alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..tensor import Tensor
from .ascent import ascent_of
from .optimizer import Optimizer
from .pieces import Change
from .settings import check_not_negative, check_pair, number

__all__ = ["Rprop"]


class Rprop(Optimizer):
    r"""Steps by the sign of the gradient: longer while it stays, shorter when it turns.

    With g the gradient, its negative if ``maximize``, step t is, as in `torch.optim.Rprop`::

        step_size = step_size * etas[1] if g * prev > 0, * etas[0] if g * prev < 0       lr at first
        step_size = clip(step_size, *step_sizes)
        prev = 0 if g * prev < 0 else g
        p = p - step_size * sign(prev)

    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning", 1993.

    Parameters
    ----------
    params
        The Tensors to optimize, or dicts of groups; see `Optimizer`.
    lr
        The size of the first step.
    etas
        The factors of a step size where the sign turned, and where it stayed.
    step_sizes
        The least and the largest step size.
    maximize
        Climb instead of descend.

    Raises
    ------
    ArgumentError
        If lr is no finite number or negative, etas are not two numbers with 0 < etas[0] < 1 <
        etas[1], or step_sizes are not two numbers; and what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.Rprop([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9, 1.9], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr")
        check_pair(group, "etas")
        check_pair(group, "step_sizes")
        if not 0.0 < group["etas"][0] < 1.0 < group["etas"][1]:
            raise ArgumentError(
                f"etas is {group['etas']}, and must be a number between 0 and 1, and one above 1."
            )

    def _remembered(self, group: dict[str, Any]) -> dict[str, float]:
        return {"prev": 0.0, "step_size": number(group["lr"])}

    def _change(self, group: dict[str, Any], kept: dict[str, Any]) -> Change:
        shorter, longer = map(number, group["etas"])
        least, most = map(number, group["step_sizes"])
        kept["step"] = kept.get("step", 0) + 1
        ascent = ascent_of(group)

        def change(p: Any, g: Any, prev: Any, step_size: Any) -> None:
            g = ascent(p, g)
            turned = g * prev
            step_size *= np.where(turned > 0, longer, np.where(turned < 0, shorter, 1.0))
            step_size[...] = np.minimum(np.maximum(step_size, least), most)
            prev[...] = np.where(turned < 0, 0.0, g)
            p -= step_size * np.sign(prev)

        return change
