"""One layer, here and in PyTorch, with the same parameters and inputs: all must be the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

import microtensor as mt

__all__ = ["arguments", "same_function", "same_layer", "same_signature"]

TOLERANCES = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 3e-5}


def same_layer(ours: Any, theirs: Any, *inputs: Any, steps: int = 1, **kwargs: Any) -> None:
    """Check that a module gives PyTorch's outputs, gradients, and ``state_dict`` before and after.

    Parameters
    ----------
    ours, theirs
        The modules; ``theirs`` gets the parameters and buffers of ``ours``, by their names.
    inputs
        Arrays; those of floating-point numbers require gradients.
    steps
        How often the modules are called, so that running statistics are seen to run.
    """
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict()), "the keys of state_dict"
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    for _ in range(steps):
        same_function(ours, theirs, *inputs, **kwargs)
    for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        _same(f"the gradient of {name}", None if p.grad is None else p.grad.data, q.grad)
    for name, value in ours.state_dict().items():
        _same(f"{name} afterwards", value, theirs.state_dict()[name])
    theirs_state = {name: value.numpy() for name, value in theirs.state_dict().items()}
    ours.load_state_dict(theirs_state)


def same_function(
    ours: Callable[..., Any], theirs: Callable[..., Any], *inputs: Any, **kwargs: Any
) -> None:
    """Check outputs, and the gradients of inputs for an output gradient drawn at random."""
    xs = [_tensor(x) for x in inputs]
    ys = [_torch(x) for x in inputs]
    out, expected = _flat(ours(*xs, **kwargs)), _flat(theirs(*ys, **kwargs))
    assert len(out) == len(expected), "the number of outputs"
    rng = np.random.default_rng(0)
    total, expected_total = 0.0, 0.0
    for i, (a, b) in enumerate(zip(out, expected, strict=True)):
        _same(f"output {i}", a.data, b)
        if a.dtype.kind == "f" and a.requires_grad:
            weights = rng.standard_normal(a.shape).astype(a.dtype)
            total = total + (a * weights).sum()
            expected_total = expected_total + (b * torch.tensor(weights)).sum()
    if isinstance(total, mt.Tensor):
        total.backward()
        expected_total.backward()
        for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
            if isinstance(x, mt.Tensor) and x.requires_grad:
                _same(f"the gradient of input {i}", None if x.grad is None else x.grad.data, y.grad)


def same_signature(ours: Any, theirs: Any, leaving: Iterable[str] = ()) -> None:
    """Check that ours takes PyTorch's arguments, in its order and with its defaults.

    Ours may take more, by keyword; ``leaving`` names arguments of PyTorch's that ours has not.
    """
    own, wanted = arguments(ours), arguments(theirs)
    for name in (*leaving, "device", "inplace", "size_average", "reduce", "_stacklevel"):
        wanted.pop(name, None)
    assert {name: own[name] for name in own if name in wanted} == wanted
    assert [name for name in own if name in wanted] == list(wanted), "the order"


def arguments(function: Any) -> dict[str, Any]:
    """Return the arguments of a function or class, with their defaults."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def _tensor(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return tuple(map(_tensor, x))
    if not isinstance(x, np.ndarray):
        return x
    return mt.tensor(x, requires_grad=x.dtype.kind == "f")


def _torch(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return tuple(map(_torch, x))
    if not isinstance(x, np.ndarray):
        return x
    return torch.tensor(x, requires_grad=x.dtype.kind == "f")


def _flat(out: Any) -> list[Any]:
    if isinstance(out, (tuple, list)):
        return [part for each in out for part in _flat(each)]
    return [] if out is None else [out]


def _same(what: str, ours: Any, theirs: Any) -> None:
    if ours is None or theirs is None:
        assert ours is None, f"{what}: PyTorch has none"
        assert theirs is None, f"{what}: only PyTorch has one"
        return
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape, what
    assert ours.dtype.kind == theirs.dtype.kind, what
    tolerance = TOLERANCES.get(ours.dtype, 0.0)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=what)
