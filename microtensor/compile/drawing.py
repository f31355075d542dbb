"""A program as a drawing: what it reads, its operations, and what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..viz.labels import escaped, label, parameters_text
from ..viz.operands import COMMUTATIVE
from ..viz.styles import EDGE, GRAPH, KINDS, NODE, OUTPUT
from .program import Equation, Literal, Program, Var
from .slots import ArgumentSlot

if TYPE_CHECKING:
    import graphviz

__all__ = ["draw"]


def draw(program: Program) -> graphviz.Digraph:
    """Draw a program.

    Arguments are blue ellipses, parameters and other values that it reads orange rectangles,
    constants grey hexagons, results white, gradients violet; what is returned, or left somewhere,
    has a double green line.

    >>> import microtensor as mt
    >>> def loss_fn(w):
    ...     loss = (w * w).sum()
    ...     return loss
    >>> print(draw(mt.derive(loss_fn, mt.tensor([1.0, 2.0]))).source)
    digraph loss_fn {...d_w...}
    """
    from ..viz.drawing import Drawing

    drawing: graphviz.Digraph = Drawing(
        program.name.strip("<>"), graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE
    )
    ids: dict[Var, str] = {}
    results = set(program.results())

    def add(var: Var, kind: str, text: str) -> str:
        ids[var] = id = f"n{len(ids)}"
        attributes = KINDS[kind] | {"class": kind}
        if var in results:
            attributes |= OUTPUT | {"class": f"{kind} output"}
        drawing.node(id, label(text, _detail(var)), tooltip=_detail(var), **attributes)
        return id

    for var, slot in program.reads:
        kind = "input" if isinstance(slot, ArgumentSlot) else "parameter"
        add(var, kind, f"<b>{escaped(var.name or slot.name or kind)}</b>")
    for var in program.constants:
        add(var, "constant", f"<i>{escaped(var.name or 'constant')}</i>")
    for eq in program.equations:
        kind = "operation" if eq.out.gradient_of is None else "gradient"
        id = add(eq.out, kind, _equation_text(eq))
        several = len(eq.inputs) > 1 and eq.op.name not in COMMUTATIVE
        for i, atom in enumerate(eq.inputs):
            source = ids.get(atom) if isinstance(atom, Var) else None
            if isinstance(atom, Literal):
                source = f"{id}c{i}"
                drawing.node(source, label(escaped(str(atom.value))), **KINDS["constant"])
            if source is not None:
                drawing.edge(source, id, **({"label": f" {i + 1} "} if several else {}))
        drawn = {atom for atom in eq.inputs if isinstance(atom, Var)}
        for var in dict.fromkeys(eq.uses()):
            if var not in drawn and var in ids:
                drawing.edge(ids[var], id, style="dashed")
    return drawing


def _equation_text(eq: Equation) -> str:
    operation = escaped(eq.op.name + parameters_text(eq.op, _shown(eq.params)))
    name = _name(eq.out)
    return operation if name is None else f"<b>{escaped(name)} = {operation}</b>"


def _name(var: Var) -> str | None:
    """Return the name of a value; of a gradient, that of what it is the gradient of."""
    chain = [var]
    while chain[-1].name is None:
        target = chain[-1].gradient_of
        if target is None or target in chain:
            return None
        chain.append(target)
    return "d_" * (len(chain) - 1) + str(chain[-1].name)


def _shown(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in ("generator",)}


def _detail(var: Var) -> str:
    return "number" if var.scalar else f"{var.shape} {var.dtype}"
