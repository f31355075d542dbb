"""Training is reproducible: the same seed gives the same run, and a checkpoint goes on with it.

An optimizer is a line of `OPTIMIZERS`, and a scheduler one of `SCHEDULERS`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.data import DataLoader, TensorDataset, random_split

pytest.importorskip("safetensors")

ROOT = Path(__file__).parents[1]

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda params: optim.SGD(params, lr=0.1),
    "SGD with momentum": lambda params: optim.SGD(params, lr=0.05, momentum=0.9),
    "SGD with all": lambda params: optim.SGD(
        params, lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True
    ),
    "Adam": optim.Adam,
    "AdamW with amsgrad": lambda params: optim.AdamW(params, amsgrad=True),
    "NAdam": optim.NAdam,
    "RAdam": optim.RAdam,
    "RMSprop": lambda params: optim.RMSprop(params, momentum=0.9, centered=True),
    "Adagrad": optim.Adagrad,
    "Adadelta": optim.Adadelta,
}


class Halving:
    """The least that a scheduler can be: it halves the learning rate after every second epoch."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.epochs = 0

    def step(self) -> None:
        self.epochs += 1
        for group in self.optimizer.param_groups:
            group["lr"] *= 0.5 if self.epochs % 2 == 0 else 1.0

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = state_dict["epochs"]


SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "Halving": Halving,
    "cosine": lambda optimizer: optim.lr_scheduler.CosineAnnealingLR(optimizer, 5),
    "warm-up": lambda optimizer: optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            optim.lr_scheduler.LinearLR(optimizer, total_iters=2),
            optim.lr_scheduler.MultiStepLR(optimizer, [1, 3]),
        ],
        [2],
    ),
}
"""What is made of an optimizer, and has ``step()``, called once per epoch, and a state_dict."""

COMPILERS: dict[str, Callable[[Any], Any]] = {
    "eager": lambda step: step,
    "numpy": mt.compile,
    "numba": mt.compile(backend="numba"),
}


class Training:
    """A small network with dropout, its data, split and shuffled: all drawn from one generator."""

    def __init__(
        self,
        seed: int,
        optimizer: str = "SGD with momentum",
        scheduler: str | None = None,
        compiler: str = "eager",
        dtype: Any = np.float64,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        data = np.random.default_rng(0)
        X = data.standard_normal((50, 4)).astype(dtype)
        y = (X.sum(axis=1) > 0).astype(np.int64)
        train, _ = random_split(TensorDataset(X, y), [0.9, 0.1], np.random.default_rng(1))
        self.loader = DataLoader(train, 8, shuffle=True, generator=self.rng)
        self.model = nn.Sequential(
            nn.Linear(4, 8, generator=self.rng, dtype=dtype),
            nn.Tanh(),
            nn.Dropout(0.3, generator=self.rng),
            nn.Linear(8, 2, generator=self.rng, dtype=dtype),
        )
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.scheduler = SCHEDULERS[scheduler](self.optimizer) if scheduler else None
        self.epoch = 0
        self.losses: list[bytes] = []

        def step(x: Any, y: Any) -> Any:
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            return loss

        self.step = COMPILERS[compiler](step)

    def run(self, epochs: int) -> Training:
        for _ in range(epochs):
            for x, y in self.loader:
                self.losses.append(self.step(x, y).data.tobytes())
            if self.scheduler is not None:
                self.scheduler.step()
            self.epoch += 1
        return self

    def save(self, path: Path) -> None:
        checkpoint = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.rng.bit_generator.state,
            "epoch": self.epoch,
        }
        if self.scheduler is not None:
            checkpoint["scheduler"] = self.scheduler.state_dict()
        mt.save(path, checkpoint)

    def load(self, path: Path) -> Training:
        checkpoint = mt.load(path)
        self.model.load_state_dict(checkpoint["model"])
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.rng.bit_generator.state = checkpoint["generator"]
        self.epoch = checkpoint["epoch"]
        if self.scheduler is not None:
            self.scheduler.load_state_dict(checkpoint["scheduler"])
        return self

    def parameters(self) -> list[bytes]:
        return [value.tobytes() for value in self.model.state_dict().values()]


def check_resumes(path: Path, trained_before: int = 0, **settings: Any) -> None:
    """Check that a training of 5 epochs is the same as one that is saved and loaded after 2."""
    whole = Training(7, **settings).run(5)
    first = Training(7, **settings).run(2)
    first.save(path)
    second = Training(8, **settings).run(trained_before)
    second.losses.clear()
    second.load(path).run(3)
    assert first.losses + second.losses == whole.losses
    assert second.parameters() == whole.parameters()
    assert second.epoch == whole.epoch
    assert len(set(whole.losses)) == 5 * len(whole.loader)


@pytest.mark.parametrize("compiler", ["eager", "numpy"])
def test_the_same_seed_gives_the_same_run(compiler: str) -> None:
    a, b, other = (Training(seed, compiler=compiler).run(3) for seed in (3, 3, 4))
    assert a.losses == b.losses != other.losses
    assert a.parameters() == b.parameters() != other.parameters()


@pytest.mark.parametrize("compiler", ["eager", "numpy"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_checkpoint_goes_on_bit_for_bit(tmp_path: Path, optimizer: str, compiler: str) -> None:
    check_resumes(tmp_path / "a", optimizer=optimizer, compiler=compiler)


@pytest.mark.parametrize("compiler", ["eager", "numpy"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_checkpoint_of_a_scheduler_goes_on_bit_for_bit(
    tmp_path: Path, scheduler: str, compiler: str
) -> None:
    check_resumes(tmp_path / "a", scheduler=scheduler, compiler=compiler)


def test_a_native_step_goes_on_bit_for_bit(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    check_resumes(tmp_path / "a", compiler="numba")


def test_float32_goes_on_bit_for_bit(tmp_path: Path) -> None:
    check_resumes(tmp_path / "a", dtype=np.float32)


@pytest.mark.parametrize("compiler", ["eager", "numpy"])
def test_a_training_under_way_can_load_another(tmp_path: Path, compiler: str) -> None:
    check_resumes(tmp_path / "a", trained_before=2, compiler=compiler)


@pytest.mark.parametrize("left_out", ["model", "optimizer", "generator"])
def test_every_part_of_the_checkpoint_is_needed(tmp_path: Path, left_out: str) -> None:
    path = tmp_path / "a"
    Training(7).run(2).save(path)
    checkpoint = mt.load(path)
    fresh = Training(8)
    fresh.save(path)
    mt.save(path, checkpoint | {left_out: mt.load(path)[left_out]})
    with pytest.raises(AssertionError):
        assert fresh.load(path).run(3).parameters() == Training(7).run(5).parameters()


def test_another_process_goes_on_bit_for_bit(tmp_path: Path) -> None:
    Training(7).run(2).save(tmp_path / "before")
    script = (
        "import sys; from pathlib import Path; from tests.test_resume import Training;"
        "before, after = map(Path, sys.argv[1:]); Training(8).load(before).run(3).save(after)"
    )
    arguments = [str(tmp_path / name) for name in ("before", "after")]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, cwd=ROOT)
    loaded = mt.load(tmp_path / "after")["model"]
    assert [loaded[name].tobytes() for name in loaded] == Training(7).run(5).parameters()
