"""What explore() writes, read back; and a network to write."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

import microtensor as mt


def read(path: Path) -> dict[str, Any]:
    """Return the data of a page."""
    html = path.read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    return dict(json.loads(data))


def array(data: dict[str, Any], index: int) -> np.ndarray:
    """Return an array of a page."""
    facts = data["arrays"][index]
    return np.array(facts["values"], dtype=float).reshape(facts["shape"])


def node(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(node for node in data["nodes"] if node["name"] == name)


def network() -> tuple[mt.Tensor, dict[str, mt.Tensor]]:
    """Return a loss, and the tensors on the way: a bias that is broadcast, weights used twice."""
    rng = np.random.default_rng(1)
    X = mt.tensor(rng.normal(size=(4, 3)), name="X")
    W1 = mt.tensor(rng.normal(size=(3, 2)), requires_grad=True, name="W1")
    b1 = mt.tensor(rng.normal(size=2), requires_grad=True, name="b1")
    z1 = X @ W1 + b1
    a1 = mt.sigmoid(z1)
    loss = np.square(a1).mean() + 0.1 * np.square(W1).sum()
    return loss, {"X": X, "W1": W1, "b1": b1, "z1": z1, "a1": a1, "loss": loss}
