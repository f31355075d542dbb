"""A file of a user's, and the command run beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from microtensor.cli import main

NET = '''
"""A network that learns exclusive or, its gradients derived by hand."""

import numpy as np

import microtensor as mt
from microtensor import nn

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0.0], [1.0], [1.0], [0.0]])
rng = np.random.default_rng(0)
W1 = mt.tensor(rng.normal(size=(2, 3)), requires_grad=True)
W2 = mt.tensor(rng.normal(size=(3, 1)), requires_grad=True)
model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


def hidden():
    z1 = X @ W1
    return mt.sigmoid(z1)


def loss():
    error = hidden() @ W2 - y
    return (error**2).sum()


def loss_fn(W, x, y):
    a = mt.sigmoid(x @ W)
    return ((a - y) ** 2).sum()


def by_hand(right=False):
    z1 = X @ W1
    a1 = mt.sigmoid(z1)
    p = a1 @ W2
    loss = ((p - y) ** 2).sum()
    dp = 2 * (p.data - y)
    dW2 = a1.data.T @ dp
    da1 = dp @ W2.data.T
    dz1 = da1 * a1.data * (1 - a1.data) if right else da1
    dW1 = X.T @ dz1
    return loss, {p: dp, "W2": dW2, "a1": da1, z1: dz1, W1: dW1}


def right():
    return by_hand(right=True)


total = loss()
'''


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, source: str) -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source), "utf-8")
        return path

    return write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return what runs the command in a folder that has net.py."""
    (tmp_path / "net.py").write_text(NET, "utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*argv: object) -> Done:
        status = main([str(each) for each in argv])
        return Done(status, *capfd.readouterr())

    return run
