"""Schedules by functions of the epoch."""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, for_groups

__all__ = ["LambdaLR", "MultiplicativeLR"]

Factor = Callable[[int], float]


class _ByFunctions(LRScheduler):
    """The factors of the groups are computed by functions of the epoch."""

    _unsaved = ("optimizer", "lr_lambdas")

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1
    ) -> None:
        check_optimizer(optimizer)
        self.lr_lambdas: list[Factor] = for_groups("lr_lambda", optimizer, lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(
                    f"lr_lambda is {function!r}, and must be a function of the epoch, or a list of "
                    "them."
                )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return the state; of functions ``None``, of other callables their attributes."""
        return super().state_dict() | {
            "lr_lambdas": [
                None
                if isinstance(function, (FunctionType, BuiltinFunctionType))
                else dict(getattr(function, "__dict__", {}))
                for function in self.lr_lambdas
            ]
        }

    def _load(self, state: dict[str, Any]) -> None:
        for function, attributes in zip(self.lr_lambdas, state.pop("lr_lambdas"), strict=True):
            if attributes:
                vars(function).update(attributes)
        super()._load(state)


class LambdaLR(_ByFunctions):
    """Multiply what each group began with by a function of the epoch.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    lr_lambda
        From the epoch to a factor; or a list of functions, one for each group. A ``state_dict``
        holds no functions; of other callables it holds the attributes.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> optimizer = optim.SGD([mt.tensor([1.0], requires_grad=True)], lr=0.8)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.4]
    """

    def get_lr(self) -> list[float]:
        """Multiply what each group began with."""
        return [
            base * float(function(self.last_epoch))
            for base, function in zip(self.base_lrs, self.lr_lambdas, strict=True)
        ]


class MultiplicativeLR(_ByFunctions):
    """Multiply the learning rate of the last epoch by a function of this one.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    lr_lambda
        From the epoch to a factor; or a list of functions, one for each group. A ``state_dict``
        holds no functions; of other callables it holds the attributes.
    """

    def get_lr(self) -> list[float]:
        """Multiply what each group has, in every epoch but the first."""
        if self._is_initial:
            return self._now()
        return [
            rate * float(function(self.last_epoch))
            for rate, function in zip(self._now(), self.lr_lambdas, strict=True)
        ]
