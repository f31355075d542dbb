"""Tests of microtensor.viz.explorer.arrays: what is written of large ones."""

from pathlib import Path

import numpy as np
import pytest

import microtensor as mt
from microtensor.viz import explore
from microtensor.viz.explorer.arrays import described


def test_a_large_array_is_summarised_by_means_over_blocks() -> None:
    values = np.random.default_rng(0).normal(size=(100, 300))
    facts = described(values, 1024)
    assert "values" not in facts
    blocks = facts["blocks"]
    assert (blocks["rows"], blocks["columns"], blocks["of"]) == (32, 32, [100, 300])
    means = np.reshape(blocks["values"], (32, 32))
    np.testing.assert_allclose(means[0, 0], values[:3, :9].mean(), rtol=1e-3)
    np.testing.assert_allclose(means[-1, -1], values[96:, 290:].mean(), rtol=1e-3)
    assert facts["statistics"]["mean"] == pytest.approx(values.mean(), rel=1e-5)
    assert facts["statistics"]["norm"] == pytest.approx(np.linalg.norm(values), rel=1e-5)
    assert sum(facts["histogram"]["counts"]) == values.size


@pytest.mark.parametrize("shape", [(5000,), (1, 5000), (5000, 1), (7, 3, 500), (3, 700)])
def test_summaries_of_any_shape_are_bounded(shape: tuple[int, ...]) -> None:
    values = np.arange(float(np.prod(shape))).reshape(shape)
    blocks = described(values, 256)["blocks"]
    assert blocks["rows"] * blocks["columns"] == len(blocks["values"]) <= 256
    assert np.prod(blocks["of"]) == values.size
    assert blocks["values"][0] < blocks["values"][-1]


def test_arrays_without_elements_or_spread_are_described() -> None:
    assert described(np.zeros((0, 3)), 64)["values"] == []
    assert described(np.full(100, 2.0), 64)["histogram"] is None
    assert described(np.full(100, np.nan), 64)["statistics"] == {"zeros": 0, "nan": 100, "inf": 0}


def test_the_size_of_a_page_is_bounded(tmp_path: Path) -> None:
    x = mt.tensor(np.random.default_rng(0).normal(size=(500, 800)), requires_grad=True)
    y = x
    for _ in range(20):
        y = np.tanh(y)
    path = explore(y.sum(), tmp_path / "page.html")
    assert path.stat().st_size < 1_500_000  # its arrays have 8 400 000 elements
