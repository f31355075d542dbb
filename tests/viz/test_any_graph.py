"""Drawings of random graphs with random names, options and modules: Graphviz takes them all."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microtensor as mt
from microtensor import nn
from microtensor.graph import Graph
from microtensor.viz import draw
from microtensor.viz.drawing import _graphviz_pure, _laid_out_by

ENGINES = [Path("dot")] * (shutil.which("dot") is not None) + [_graphviz_pure()]

nasty = st.sampled_from(
    ["<b>", "</td>", "&amp;", '"', "\\", "\\N", "\n", "\\n", "]]>", "{", "|", "->", "%", "\0", "é"]
)
names = st.one_of(st.text(max_size=12), st.lists(nasty, min_size=1, max_size=4).map("".join))
parts = st.text(max_size=6).map(lambda text: text.replace(".", "")).filter(bool)
options = st.fixed_dictionaries(
    {
        "values": st.booleans(),
        "gradients": st.booleans(),
        "show_backward": st.booleans(),
        "health": st.booleans(),
        "depth": st.sampled_from([None, 0, 1, 2]),
        "repeats": st.booleans(),
        "limit": st.sampled_from([None, 150, 12, 3, 0]),
        "rankdir": st.sampled_from(["TB", "LR"]),
    }
)


class Part(nn.Module):
    """Some operations, some of them in modules within, some of them repeated."""

    def __init__(self, plan: list[Any], children: dict[str, Part], turns: int) -> None:
        self.weight = nn.Parameter(np.full((2, 2), 0.5))
        self.plan = tuple(plan)
        self.inner = nn.ModuleDict(children)
        self.turns = turns

    def forward(self, x: Any) -> Any:
        y = x
        for _ in range(self.turns):
            for step in self.plan:
                y = step(self, x, y)
            for child in self.inner.values():
                y = child(y) + y
        return y


STEPS = [
    lambda part, x, y: y @ part.weight,
    lambda part, x, y: mt.tanh(y),
    lambda part, x, y: y * y,
    lambda part, x, y: mt.relu(y) - x,
    lambda part, x, y: mt.where(y > 0, y, 0.1 * y),
    lambda part, x, y: y - y.mean(axis=0, keepdims=True),
    lambda part, x, y: np.concatenate([y, x])[1:3],
]
plans = st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)
turns = st.sampled_from([1, 1, 1, 4])
leaves = st.builds(Part, plans, st.just({}), turns)
models = st.builds(Part, plans, st.dictionaries(parts, leaves, max_size=2), turns)


@given(model=models, name=names, options=options)
@settings(max_examples=40, deadline=None)
def test_any_graph_is_laid_out(model: Part, name: str, options: dict[str, Any]) -> None:
    x = mt.tensor(np.full((2, 2), 0.3), requires_grad=True, name=name)
    output = (model(x) * 0.1).sum()
    drawing = draw(output, module=model, names={}, **options)
    for engine in ENGINES:
        assert engine is not None
        svg = ET.fromstring(_laid_out_by(engine, drawing, "svg", 60.0))
        assert svg.tag.endswith("svg")


@given(model=models, options=options)
@settings(max_examples=60, deadline=None)
def test_every_node_has_one_id_and_every_edge_two_ends(
    model: Part, options: dict[str, Any]
) -> None:
    output = model(mt.tensor(np.full((2, 2), 0.3), requires_grad=True)).sum()
    source = draw(output, module=model, names={}, **options).source
    ids = re.findall(r"^\s*([nf]\w+) \[label=", source, re.MULTILINE)
    assert len(ids) == len(set(ids))
    ends = re.findall(r"^\s*(\w+) -> (\w+)", source, re.MULTILINE)
    assert {end for edge in ends for end in edge} <= set(ids)
    if options["depth"] is None and options["limit"] is None and not options["repeats"]:
        operations = sum(node.op is not None for node in Graph(output, names=()).nodes)
        assert len(re.findall(r"class=operation|class=\"operation ", source)) == operations


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_hostile_names_of_modules(engine: Path) -> None:
    children = ["<b>&", 'say "hi"', "back\\slash \\N", "a\nb", "σ′ 日本", "{a|b}", "x" * 200, " "]
    model = nn.ModuleDict({name: nn.Linear(2, 2) for name in children})
    x: Any = mt.tensor(np.ones((1, 2)))
    for layer in model.values():
        x = layer(x)
    svg = ET.fromstring(_laid_out_by(engine, draw(x.sum(), names={"m": model}), "svg", 60.0))
    texts = "".join("".join(each.itertext()) for each in svg.iter(f"{svg.tag[:-3]}text"))
    for shown in ["<b>&", 'say "hi"', "back\\slash \\N", "a\\nb", "σ′ 日本", "{a|b}", "xxx…"]:
        assert shown in texts
