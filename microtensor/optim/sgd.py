"""Stochastic gradient descent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

from ..errors import ArgumentError
from ..op import Recordable
from ..tensor import Tensor
from .optimizer import Optimizer

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
        for name in ("lr", "momentum", "dampening", "weight_decay"):
            value = group[name]
            if not (isinstance(value, Real) and math.isfinite(value)):
                raise ArgumentError(f"{name} is {value!r}, and must be a finite number.")
            if value < 0 and name != "dampening":
                raise ArgumentError(f"{name} is {value}, and must be 0 or more.")
        if group["nesterov"] and not (group["momentum"] > 0 and group["dampening"] == 0):
            raise ArgumentError(
                f"nesterov needs a momentum and no dampening, and they are {group['momentum']} and "
                f"{group['dampening']}."
            )

    def _changes(self) -> Iterable[tuple[Tensor, Any]]:
        changes = []
        buffers = {}
        for group in self.param_groups:
            # A np.float64 would make float64 of float32 gradients.
            lr = group["lr"]
            lr = lr if isinstance(lr, Recordable) else float(lr)
            momentum = float(group["momentum"])
            weight_decay = float(group["weight_decay"])
            dampening = float(group["dampening"])
            maximize = group["maximize"]
            for parameter in group["params"]:
                if parameter._grad is None:
                    continue
                g = parameter._grad._array
                if maximize:
                    g = -g
                if weight_decay:
                    g = g + weight_decay * parameter._array
                if momentum:
                    kept = self.state.get(parameter)
                    if kept is None:
                        buffer = g.copy()
                    else:
                        buffer = momentum * kept["momentum_buffer"] + (1 - dampening) * g
                    buffers[parameter] = {"momentum_buffer": buffer}
                    g = g + momentum * buffer if group["nesterov"] else buffer
                changes.append((parameter, lr * g))
        self.state.update(buffers)
        return changes
