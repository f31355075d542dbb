"""The table of names in docs/from-pytorch.md: both sides of each line compute the same."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import microtensor as mt

PAGE = Path(__file__).parents[2] / "docs" / "from-pytorch.md"
ROWS = re.findall(r"(?m)^\| `(.+)` \| `(.+)` \|$", PAGE.read_text("utf-8"))

VALUES = np.array([[0.3, -1.2, 2.0], [1.5, 0.4, -0.7]])
INDICES = np.array([[2, 0, 1], [0, 0, 2]])


def test_the_table_is_found() -> None:
    assert ("t.view(3, 2)", "t.reshape(3, 2)") in ROWS
    assert len(ROWS) == PAGE.read_text("utf-8").count("\n| `")


@pytest.mark.parametrize(("theirs", "ours"), ROWS, ids=[theirs for theirs, _ in ROWS])
def test_both_names_compute_the_same(theirs: str, ours: str) -> None:
    t = torch.tensor(VALUES, requires_grad=True)
    expected = eval(theirs, {"torch": torch, "t": t, "i": torch.tensor(INDICES)})
    x = mt.tensor(VALUES, requires_grad=True)
    found = eval(ours, {"mt": mt, "np": np, "t": x, "i": INDICES})
    assert np.shape(values(found)) == np.shape(values(expected))
    np.testing.assert_allclose(values(found), values(expected), rtol=1e-12)
    if isinstance(expected, torch.Tensor) and expected.requires_grad:
        expected.sum().backward()
        found.sum().backward()
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-12, atol=1e-15)


def values(result: Any) -> Any:
    if isinstance(result, torch.Tensor):
        return result.detach().numpy()
    return result.data if isinstance(result, mt.Tensor) else result
