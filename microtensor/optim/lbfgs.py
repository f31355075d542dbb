"""L-BFGS: steps by the curvature that the last steps have shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, TracingError
from ..inplace import clock
from ..record import current_trace
from ..state import enable_grad
from ..tensor import Tensor
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer
from .settings import check_count, check_not_negative

__all__ = ["LBFGS"]

Array = npt.NDArray[Any]


class LBFGS(Optimizer):
    r"""Newton's method with a Hessian estimated from the last steps; for full batches.

    One `step` is up to ``max_iter`` iterations, and computes the loss up to ``max_eval`` times. The
    direction of each comes from the last ``history_size`` steps and changes of the gradient, by the
    two-loop recursion: Nocedal, "Updating quasi-Newton matrices with limited storage", 1980.

    Parameters
    ----------
    params
        The Tensors to optimize; there can be only one group.
    lr
        The length of a step, as a part of the direction, or where the line search begins.
    max_iter
        How many iterations there are in a step.
    max_eval
        How often the loss is computed in a step; ``None`` for 1.25 times ``max_iter``.
    tolerance_grad
        End if no element of the gradient is larger.
    tolerance_change
        End if neither the loss nor a parameter changes more.
    history_size
        How many steps are remembered.
    line_search_fn
        ``"strong_wolfe"`` for steps that meet the strong Wolfe conditions, or ``None``.

    Raises
    ------
    ArgumentError
        If a setting is impossible, or there is more than one group; and what `Optimizer` raises.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> w = mt.tensor([-1.2, 1.0], requires_grad=True)
    >>> optimizer = optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = 100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> w.data.round(6).tolist()
    [1.0, 1.0]
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_count("max_iter", max_iter)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Raise for a second group: all parameters make one step together."""
        if self.param_groups:
            raise ArgumentError(
                "LBFGS takes one group of parameters, which make a step together, and got another: "
                "give all in one list."
            )
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Do up to ``max_iter`` iterations.

        Parameters
        ----------
        closure
            Sets the gradients to zero, computes the loss and its gradients, and returns the loss.

        Returns
        -------
        What the closure returned at first.

        Raises
        ------
        ArgumentError
            Without a closure.
        TracingError
            In a function that is traced: how many steps it takes depends on values.

        If the closure raises, the parameters and the state are what they were.
        """
        if closure is None:
            raise ArgumentError(
                "LBFGS computes the loss several times in a step: give step() a closure, which "
                "calls zero_grad() and backward() and returns the loss."
            )
        if current_trace() is not None:
            raise TracingError(
                "LBFGS.step() was called in a function that is traced: how often it computes the "
                "loss depends on the values, which differ from call to call. Compile the closure "
                "instead."
            )
        self._has_stepped = True
        params = self.param_groups[0]["params"]
        before = [parameter.data.copy() for parameter in params]
        try:
            with enable_grad():
                search = _Search(self.param_groups[0], self.state.get(params[0], {}), closure)
                first = search.run()
        except BaseException:
            _assign(params, before)
            raise
        self.state[params[0]] = search.kept
        return first

    def _check_settings(self, group: dict[str, Any]) -> None:
        check_not_negative(group, "lr", "tolerance_grad", "tolerance_change")
        for name in ("max_iter", "max_eval", "history_size"):
            check_count(name, group[name])
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ArgumentError(
                f"line_search_fn is {group['line_search_fn']!r}, and must be 'strong_wolfe' or "
                "None."
            )

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the state and the settings, with numbers for the parameters."""
        state = super().state_dict()
        for kept in state["state"].values():
            for name in _HISTORIES:
                kept[name] = [value.copy() for value in kept[name]]
        return state

    def _loaded(self, name: str, value: Any, tensor: Tensor) -> Any:
        if name in _HISTORIES:
            return [np.array(part, tensor.dtype) for part in value]
        if name in _ARRAYS:
            return None if value is None else np.array(value, tensor.dtype)
        if isinstance(value, list):  # "ro", and the "al" of PyTorch, which is scratch
            return [None if part is None else float(part) for part in value]
        return value.item() if hasattr(value, "item") else value


_HISTORIES = "old_dirs", "old_stps"
_ARRAYS = "d", "prev_flat_grad"


class _Search:
    """The iterations of one step, and what is remembered of them, under PyTorch's names."""

    def __init__(
        self, group: dict[str, Any], kept: dict[str, Any], closure: Callable[[], Any]
    ) -> None:
        self.group, self.closure = group, closure
        self.params: list[Tensor] = group["params"]
        self.kept: dict[str, Any] = {
            "func_evals": 0, "n_iter": 0, "d": None, "t": None, "old_dirs": [], "old_stps": [],
            "ro": [], "H_diag": 1.0, "prev_flat_grad": None, "prev_loss": None,
        } | kept  # fmt: skip
        for name in (*_HISTORIES, "ro"):
            self.kept[name] = list(self.kept[name])

    def run(self) -> Any:
        """Iterate, and return what the closure returned at first."""
        group, kept = self.group, self.kept
        lr, tolerance = float(group["lr"]), float(group["tolerance_change"])
        first = self._evaluated()
        loss, g = self._loss(first), self._gradient()
        done, evaluations = 0, 1
        while not _largest(g) <= group["tolerance_grad"] and done < group["max_iter"]:
            done += 1
            kept["n_iter"] += 1
            d = self._direction(g)
            kept["prev_flat_grad"], kept["prev_loss"] = g, loss
            t = min(1.0, 1.0 / float(np.abs(g).sum())) * lr if kept["n_iter"] == 1 else lr
            kept["d"], kept["t"] = d, t
            slope = float(g @ d)
            if slope > -tolerance:
                break
            before = loss
            if group["line_search_fn"]:
                most = group["max_eval"] - evaluations
                loss, g, t, count = self._searched(Point(0.0, loss, g, slope), d, t, most)
                kept["t"] = t
            else:
                self._move(t, d)
                count = 0
                if done != group["max_iter"]:
                    loss, g, count = self._loss(self._evaluated()), self._gradient(), 1
            evaluations += count
            if (
                evaluations >= group["max_eval"]
                or _largest(d * t) <= tolerance
                or abs(loss - before) < tolerance
            ):
                break
        return first

    def _direction(self, g: Array) -> Array:
        """Return the direction: minus the estimated inverse of the Hessian times the gradient."""
        kept = self.kept
        changes, steps, weights = kept["old_dirs"], kept["old_stps"], kept["ro"]
        if kept["prev_flat_grad"] is None:
            return -g
        change, step = g - kept["prev_flat_grad"], kept["d"] * kept["t"]
        product = float(change @ step)
        if product > 1e-10:
            if len(changes) >= self.group["history_size"]:
                del changes[0], steps[0], weights[0]
            changes.append(change)
            steps.append(step)
            weights.append(1.0 / product)
            kept["H_diag"] = product / float(change @ change)
        d = -g
        factors = []
        for change, step, weight in zip(changes[::-1], steps[::-1], weights[::-1], strict=True):
            factors.append(float(step @ d) * weight)
            d -= factors[-1] * change
        d *= kept["H_diag"]
        for change, step, weight in zip(changes, steps, weights, strict=True):
            d += (factors.pop() - float(change @ d) * weight) * step
        return d

    def _searched(
        self, start: Point, d: Array, t: float, most: int
    ) -> tuple[float, Array, float, int]:
        """Go to where the line search ends; return loss, gradient, distance, and the count."""
        origin = [parameter.data.copy() for parameter in self.params]

        def at(t: float) -> Point:
            self._move(t, d)
            value, g = self._loss(self._evaluated()), self._gradient()
            _assign(self.params, origin)
            return Point(t, value, g, float(g @ d))

        found, count = strong_wolfe(at, start, t, _largest(d), most=most)
        self._move(found.t, d)
        return found.value, found.gradient, found.t, count

    def _evaluated(self) -> Any:
        self.kept["func_evals"] += 1
        return self.closure()

    @staticmethod
    def _loss(value: Any) -> float:
        try:
            return float(value.item() if hasattr(value, "item") else value)
        except TypeError:
            raise ArgumentError(
                f"The closure of LBFGS returned {value!r}, and must return the loss, a number."
            ) from None

    def _gradient(self) -> Array:
        """Return the gradients of all parameters as one vector; 0 where there is none."""
        return np.concatenate(
            [
                np.zeros(p.size, p.dtype) if p._grad is None else p._grad.data.ravel()
                for p in self.params
            ]
        )

    def _move(self, t: float, d: Array) -> None:
        start = 0
        for parameter in self.params:
            data = parameter._writable()
            data += t * d[start : start + data.size].reshape(data.shape)
            clock.mark_changed(data)
            start += data.size


def _assign(params: Iterable[Tensor], values: Iterable[Array]) -> None:
    for parameter, value in zip(params, values, strict=True):
        data = parameter._writable()
        data[...] = value
        clock.mark_changed(data)


def _largest(x: Array) -> float:
    return float(np.abs(x).max(initial=0.0))
