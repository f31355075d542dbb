"""Tests of microtensor.viz.explorer.layout."""

from pathlib import Path

import numpy as np
import pytest

import microtensor as mt
from microtensor.viz import explore
from tests.viz.explorer.written import network, node, read


def test_nodes_do_not_overlap_and_operands_are_above(tmp_path: Path) -> None:
    data = read(explore(network()[0], tmp_path / "page.html"))
    nodes = data["nodes"]
    for i, a in enumerate(nodes):
        for b in nodes[:i]:
            apart_x = abs(a["x"] - b["x"]) >= (a["width"] + b["width"]) / 2
            apart_y = abs(a["y"] - b["y"]) >= (a["height"] + b["height"]) / 2
            assert apart_x or apart_y, (a["name"], b["name"])
    for edge in data["edges"]:
        assert nodes[edge["source"]]["y"] < nodes[edge["target"]]["y"]


def test_without_a_system_dot_the_layout_is_that_of_graphviz_pure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, _ = network()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        alone = read(explore(loss, tmp_path / "page.html"))
    assert len(alone["nodes"]) == len(read(explore(loss, tmp_path / "page.html"))["nodes"]) == 12
    assert all(edge["points"] for edge in alone["edges"])


def test_weights_that_a_long_loop_shares_are_laid_out_with_edges_left_out(tmp_path: Path) -> None:
    W = mt.tensor(np.eye(2) * 0.5, requires_grad=True)
    h = mt.tensor(np.ones((1, 2)))
    for _ in range(200):
        h = np.tanh(h @ W)
    data = read(explore(h.sum(), tmp_path / "page.html"))
    W_index = data["nodes"].index(node(data, "W"))
    from_W = [edge for edge in data["edges"] if edge["source"] == W_index]
    assert len(from_W) == 200
    assert 0 < sum(edge["points"] is None for edge in from_W) < 200
