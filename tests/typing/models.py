"""Modules, losses, optimizers, data: a model is trained."""

from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import Tensor, nn, optim
from microtensor.data import DataLoader, Dataset, TensorDataset


class Block(nn.Module):
    """A layer and what follows, with a shortcut."""

    def __init__(self, features: int, dropout: float = 0.1) -> None:
        self.linear = nn.Linear(features, features)
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(dropout)
        self.scale = nn.Parameter(np.ones(features))

    def forward(self, x: Tensor, *, shortcut: bool = True) -> Tensor:
        """Return what has the shape of x."""
        out = self.dropout(F.gelu(self.linear(self.norm(x)))) * self.scale
        assert_type(out, Tensor)
        return x + out if shortcut else out


class Classifier(nn.Module):
    """Blocks, and the logits of ten classes."""

    def __init__(self, features: int) -> None:
        self.blocks = nn.ModuleList([Block(features) for _ in range(2)])
        self.head = nn.Sequential(nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Recurrent(nn.Module):
    """Two results."""

    def __init__(self) -> None:
        self.lstm = nn.LSTM(8, 16, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs and the last state."""
        out, (h, c) = self.lstm(x)
        assert_type(c, Tensor)
        return out, h


class Squares(Dataset):
    """A data set of one's own."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: Any) -> tuple[float, float]:
        return float(index), float(index**2)


X: npt.NDArray[np.float64] = np.zeros((20, 8))
y: npt.NDArray[np.int64] = np.zeros(20, int)
model = Classifier(8)
x = mt.tensor(X)

assert_type(model(x), Tensor)
assert_type(Block(8)(x, shortcut=False), Tensor)
assert_type(Recurrent()(x), tuple[Tensor, Tensor])
assert_type(nn.Linear(8, 2)(X), Tensor)
assert_type(nn.Linear(8, 2).weight, nn.Parameter)
assert_type(nn.Linear(8, 2).bias, nn.Parameter | None)
assert_type(nn.CrossEntropyLoss()(model(x), y), Tensor)
assert_type(F.cross_entropy(model(x), y), Tensor)
assert_type(F.mse_loss(x, x), Tensor)
assert_type(F.conv2d(x, x), Tensor)
assert_type(F.relu(x), Tensor)
assert_type(model.parameters(), Iterator[nn.Parameter])
assert_type(model.train(), Classifier)
assert_type(nn.utils.clip_grad_norm_(model.parameters(), 1.0), Tensor)

assert_type(DataLoader(X, batch_size=5), DataLoader[Tensor])
assert_type(DataLoader((X, y), 5, shuffle=True), DataLoader[tuple[Tensor, ...]])
assert_type(DataLoader(TensorDataset(X, y)), DataLoader[tuple[Tensor, ...]])
assert_type(DataLoader(Squares()), DataLoader[Any])


def mean_of(samples: list[tuple[float, float]]) -> float:
    """Make a batch of samples."""
    return sum(a for a, _ in samples) / len(samples)


assert_type(next(iter(DataLoader(Squares(), collate_fn=mean_of))), float)


def train(model: Classifier, epochs: int = 3) -> list[float]:
    """Return the loss of each epoch."""
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    losses: list[float] = []
    for _ in range(epochs):
        total = 0.0
        for batch, labels in DataLoader((X, y), 5, shuffle=True):
            optimizer.zero_grad()
            loss = criterion(model(batch), labels)
            assert_type(loss, Tensor)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        losses.append(total)
    return losses
