"""What to write for the names of PyTorch that have NumPy's here: hints in errors, nothing else.

Arrays have NumPy's names, so that whoever comes from PyTorch looks for some that are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

__all__ = ["PyTorchNames", "of_the_module"]

_NO_DEVICES = "there are no devices: leave it out"

_OF_A_TENSOR = {
    "bmm": "write t @ other",
    "bool": "write t.astype(bool)",
    "clamp": "write t.clip(min, max)",
    "clone": "write t.copy()",
    "cpu": _NO_DEVICES,
    "cuda": _NO_DEVICES,
    "device": _NO_DEVICES,
    "dim": "write t.ndim",
    "double": "write t.astype(np.float64)",
    "expand": "write np.broadcast_to(t, shape)",
    "float": "write t.astype(np.float32)",
    "gather": "write np.take_along_axis(t, index, axis)",
    "half": "write t.astype(np.float16)",
    "int": "write t.astype(int)",
    "log_softmax": "write F.log_softmax(t, dim)",
    "long": "write t.astype(int)",
    "masked_fill": "write np.where(mask, value, t)",
    "mm": "write t @ other",
    "norm": "write np.linalg.norm(t)",
    "numel": "write t.size, which is a number",
    "permute": "write t.transpose(axes)",
    "relu": "write mt.relu(t)",
    "requires_grad_": "write t.requires_grad = True",
    "sigmoid": "write mt.sigmoid(t)",
    "softmax": "write F.softmax(t, dim)",
    "t": "write t.T",
    "to": "write t.astype(dtype); there are no devices",
    "type": "write t.astype(dtype)",
    "unsqueeze": "write np.expand_dims(t, axis)",
    "view": "write t.reshape(shape)",
}

_OF_THE_MODULE = {
    "as_tensor": "write mt.tensor(data)",
    "bmm": "write a @ b",
    "cat": "write mt.concatenate(tensors, axis)",
    "clamp": "write mt.clip(t, min, max)",
    "cuda": _NO_DEVICES,
    "device": _NO_DEVICES,
    "from_numpy": "write mt.tensor(array)",
    "manual_seed": "there is no global seed: give generator=np.random.default_rng(seed) to what "
    "draws numbers",
    "mm": "write a @ b",
    "permute": "write t.transpose(axes)",
    "rand": "write mt.tensor(rng.random(shape)), with rng = np.random.default_rng(seed)",
    "randint": "write mt.tensor(rng.integers(low, high, shape)), with rng = "
    "np.random.default_rng(seed)",
    "randn": "write mt.tensor(rng.standard_normal(shape)), with rng = np.random.default_rng(seed)",
    "randperm": "write rng.permutation(n), with rng = np.random.default_rng(seed)",
    "unsqueeze": "write np.expand_dims(t, axis)",
}

_MADE_BY_NUMPY = ("arange", "empty", "eye", "full", "ones", "zeros")


class PyTorchNames:
    """A Tensor's answer to names that it does not have."""

    __slots__ = ()

    if not TYPE_CHECKING:  # or every attribute would be known to type checkers

        def __getattr__(self, name: str) -> Any:
            if name[:2] == "__":  # NumPy asks for some, in each conversion to an array
                raise AttributeError(name)
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(text + _hint(name), name=name, obj=self)


def _hint(name: str) -> str:
    if name.startswith("_"):
        return ""
    if name in _OF_A_TENSOR:
        return f": {_OF_A_TENSOR[name]}."
    if name.endswith("_"):
        return ": change it in place under mt.no_grad(), as t += x or t[...] = x."
    return f": write np.{name}(t)." if callable(getattr(np, name, None)) else ""


def of_the_module(name: str) -> str:
    """Return what to write for a function of PyTorch's, to go after an error; or nothing."""
    if name in _MADE_BY_NUMPY:
        return f": write mt.tensor(np.{name}(...))."
    if name in np.sctypeDict and hasattr(np, name):
        return f": write np.{name}."
    return f": {_OF_THE_MODULE[name]}." if name in _OF_THE_MODULE else ""
