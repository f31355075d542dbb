"""Draw what a computation recorded, into the folder given, or into a temporary one."""

import sys
import tempfile
from pathlib import Path

import numpy as np

import microtensor as mt
from microtensor import nn
from microtensor.viz import draw, render


def main() -> None:
    """Draw a formula, and a module after its backward pass."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="microtensor-"))
    folder.mkdir(parents=True, exist_ok=True)

    # The names in the drawing are those of the variables.
    x = mt.tensor(np.linspace(-1, 1, 5))
    slope = mt.tensor(2.0, requires_grad=True)
    shift = mt.tensor(0.5, requires_grad=True)
    prediction = 1 / (1 + np.exp(-(slope * x - shift)))
    loss = (prediction**2).sum()
    print(render(draw(loss, rankdir="LR"), folder / "logistic.svg"))

    # Parameters of a module are called by their paths; a drawing can be taken after backward() too.
    model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))
    scores = model(mt.tensor(np.ones((4, 5)), name="batch"))
    error = nn.CrossEntropyLoss()(scores, mt.tensor([0, 1, 1, 0]))
    error.backward()
    drawing = draw(error)
    print(render(drawing, folder / "model.svg"))
    print(f"{drawing.source.count(' -> ')} edges; its DOT can be changed before it is rendered.")


if __name__ == "__main__":
    main()
