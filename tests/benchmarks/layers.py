"""Single layers, forward and backward, beside PyTorch's: batch 64, float32."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn

from .tables import console, listing, quartiles
from .timing import Step, take_turns

ROWS, IMAGES, TOKENS = (64, 512), (64, 16, 28, 28), (64, 32, 128)
RNG = np.random.default_rng(0)
F32 = {"dtype": np.float32}
"""What the layers that have parameters take; PyTorch's begin with it."""

# The title, the layer's name, what it is made of, and the shape of its input.
LAYERS: tuple[tuple[str, str, tuple[Any, ...], dict[str, Any], tuple[int, ...]], ...] = (
    ("Linear, 512 to 512", "Linear", (512, 512), F32, ROWS),
    ("Conv2d, 16 to 16 channels, 3 × 3", "Conv2d", (16, 16, 3), F32, IMAGES),
    ("MaxPool2d, 2 × 2", "MaxPool2d", (2,), {}, IMAGES),
    ("BatchNorm2d", "BatchNorm2d", (16,), F32, IMAGES),
    ("GroupNorm, 4 groups", "GroupNorm", (4, 16), F32, IMAGES),
    ("LayerNorm", "LayerNorm", (128,), F32, TOKENS),
    ("GELU", "GELU", (), {}, TOKENS),
    ("Softmax", "Softmax", (-1,), {}, TOKENS),
)


def step(layer: Any, x: Any, upstream: Any) -> Step:
    """Return what computes the gradients of the input and of the parameters."""
    found = [x, *layer.parameters()]

    def run() -> None:
        for tensor in found:
            tensor.grad = None
        layer(x).backward(upstream)

    return run


def ours(name: str, arguments: Any, options: Any, x: Any, upstream: Any) -> Step:
    layer = getattr(nn, name)(*arguments, **options)
    return step(layer, mt.tensor(x, requires_grad=True), mt.tensor(upstream))


def pytorch(name: str, arguments: Any, x: Any, upstream: Any) -> Step:
    import torch

    layer = getattr(torch.nn, name)(*arguments)
    return step(layer, torch.tensor(x, requires_grad=True), torch.tensor(upstream))


def run(rounds: int) -> list[dict[str, Any]]:
    if importlib.util.find_spec("torch") is None:
        console.print("Layers are measured beside PyTorch, which is not installed.")
        return []
    rows = []
    for title, name, arguments, options, shape in LAYERS:
        x = RNG.standard_normal(shape).astype(np.float32)
        output = getattr(nn, name)(*arguments, **options)(mt.tensor(x))
        upstream = RNG.standard_normal(output.shape).astype(np.float32)
        contenders = {
            "microtensor": ours(name, arguments, options, x, upstream),
            "PyTorch": pytorch(name, arguments, x, upstream),
        }
        mine, theirs = take_turns(contenders, rounds=rounds).values()
        low, median, high = quartiles(mine, theirs)
        case = f"{title}; {' × '.join(map(str, shape))}"
        rows.append((case, min(mine) * 1e6, min(theirs) * 1e6, median, low, high))
    headings = ("layer; its input", "microtensor, µs", "PyTorch, µs", "to PyTorch", "1st quartile",
                "3rd quartile")  # fmt: skip
    return [listing("Single layers, forward and backward", headings, rows)]
