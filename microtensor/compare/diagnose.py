"""From a judged comparison to the causes of what is wrong in it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..graph import Graph
from . import explain
from .causes import Finding, find
from .factors import Factors
from .flow import nearest, pushed
from .judge import Judge
from .mistakes import Known
from .names import Names
from .rounding import SINGLE
from .step import Step
from .tape import Tape, Value
from .unfolded import UNFOLDED
from .verdict import Cause, Status
from .written import forward_code, step_code

__all__ = ["Diagnosis"]


class Diagnosis:
    """Looks for the causes of wrong gradients, and writes the right steps.

    Hypotheses are tried out on the computation with its operations taken apart into those in which
    people derive their gradients: a cross entropy is a logarithm of exponentials.
    """

    def __init__(self, graph: Graph, judge: Judge, names: Names, seeds: dict[Value, Any]) -> None:
        self._graph, self._judge, self._names, self._seeds = graph, judge, names, seeds
        self._findings: dict[Value, Finding | None] = {}
        self._follow_shapes()

    def cause(self, value: Value) -> Cause | None:
        """Return what there is to say of a gradient."""
        judge, status = self._judge, self._judge.status[value]
        own = self._names.gradient(value)
        if value in judge.conventions:
            factor = judge.factors[value]
            told = Factors(self._plain_step(value)).told(factor)
            return explain.convention(own, factor, told, self._made_up_by(value))
        if value in judge.is_single and status is Status.CLOSE:
            apart = float(np.max(np.abs(judge.hand[value] - judge.right[value])))
            return explain.precision(own, apart)
        if status is not Status.WRONG:
            return None
        hand, right = judge.hand[value], judge.right[value]
        odd = ~np.isfinite(hand)
        if odd.any() and np.isfinite(right).all():
            index = tuple(int(i) for i in np.argwhere(odd)[0])
            return explain.nonfinite(own, hand, index)
        finding = self._finding(value)
        if finding is not None:
            return explain.explained(own, judge.plain(value), finding, self._names)
        if hand.shape != right.shape:
            return explain.misshapen(own, self._names.of(value), hand, right)
        before = nearest(value, judge.hand)
        is_alone = bool(before) and all(
            judge.status[v] in (Status.EXACT, Status.CLOSE) for v in before
        )
        return explain.unknown(
            own,
            judge.plain(value),
            judge.expected[value],
            is_kept=value.is_parameter and is_alone,
        )

    def _follow_shapes(self) -> None:
        """Find what is inherited from gradients of wrong shapes, step by step as people do it."""
        judge = self._judge
        if all(map(judge.fits, judge.order)):
            return
        for value in judge.order:
            if judge.status[value] is not Status.WRONG:
                continue
            if all(judge.fits(v) for v in nearest(value, judge.hand)):
                continue
            as_given = self._as_given(self._there(value))
            if as_given is None or as_given.expected.shape != judge.hand[value].shape:
                continue
            if np.allclose(judge.hand[value], as_given.expected, rtol=1e-9, atol=0):
                judge.status[value] = Status.INHERITED

    def step(self, value: Value) -> str:
        """Return the right step as code, for a wrong gradient."""
        if self._judge.status[value] is not Status.WRONG:
            return ""
        given = {v: s for v, s in self._seeds.items() if v not in self._judge.hand}
        return step_code(self._plain_step(value), self._names, given)

    def rule(self, value: Value) -> str:
        """Return the operations that the step of a wrong gradient differentiates."""
        if self._judge.status[value] is not Status.WRONG:
            return ""
        return forward_code(self._plain_step(value), self._names)

    def between(self, value: Value) -> tuple[str, ...]:
        """Return the names of the tensors inside the step of a wrong gradient."""
        if self._judge.status[value] is not Status.WRONG:
            return ()
        inner = sorted(self._plain_step(value).inner, key=lambda v: -v.index)
        return tuple(name for v in inner if (name := self._names.known(v)) is not None)

    def _plain_step(self, value: Value) -> Step:
        judge = self._judge
        return Step(value, judge.hand, judge.flow, judge.expected[value])

    def _made_up_by(self, value: Value) -> list[str]:
        judge = self._judge
        return [
            self._names.gradient(v)
            for v in judge.order
            if judge.status[v] in (Status.EXACT, Status.CLOSE)
            and v not in judge.conventions
            and value in nearest(v, judge.hand)
        ]

    def _finding(self, value: Value) -> Finding | None:
        if value not in self._findings:
            judge = self._judge
            target = self._unfolded.of[value.node] if value.node is not None else value
            found = None
            if np.isfinite(judge.hand[value]).all():
                found = self._found(value, target, judge.fine(value))
                if found is None and self._is_rough(value):
                    found = self._found(value, target, SINGLE)
            self._findings[value] = found
        return self._findings[value]

    def _is_rough(self, value: Value) -> bool:
        """Tell whether a gradient may have been computed in float32."""
        hand = self._judge.hand[value]
        is_short = np.array_equal(hand, hand.astype(np.float32), equal_nan=True)
        return is_short or bool(self._judge.is_single)

    def _found(self, value: Value, target: Value, eps: float) -> Finding | None:
        judge = self._judge
        rtol = judge.rtol(value, judge.expected[value], eps)
        steps = self._steps(target)
        return find(judge.plain(value), steps, self._known, rtol, self._shared(value))

    def _shared(self, value: Value) -> list[float]:
        """Return the factors that other steps are wrong by that begin at the same gradients."""
        judge = self._judge
        before = set(nearest(value, judge.hand))
        factors = []
        for other in judge.order:
            if other is value or set(nearest(other, judge.hand)) != before:
                continue
            if judge.status[other] is Status.WRONG and judge.fits(other):
                expected, hand = judge.expected[other], judge.hand[other]
                scale = float(np.sum(expected * expected))
                if scale > 0:
                    factors.append(float(np.sum(hand * expected)) / scale)
        return factors

    @cached_property
    def _unfolded(self) -> Tape:
        return Tape(self._graph, UNFOLDED)

    @cached_property
    def _flows(self) -> list[tuple[dict[Value, Any], dict[Value, Any]]]:
        """What flows with the user's gradients, with the wrong steps done right, and autograd's."""
        judge, tape = self._judge, self._unfolded
        seeds = {self._there(v): s for v, s in self._seeds.items()}
        hand = {self._there(v): h for v, h in judge.hand.items()}
        factors = {self._there(v): f for v, f in judge.factors.items()}
        wrong = {self._there(v) for v, s in judge.status.items() if s is Status.WRONG}
        return [
            pushed(tape, seeds, hand, factors),
            pushed(tape, seeds, hand, factors, wrong),
            pushed(tape, seeds, hand, factors, set(hand), toward=self._told),
        ]

    @cached_property
    def _told(self) -> list[Value]:
        """The values that somebody who derives gradients has in mind.

        They are named or given; if nothing has a name here, all that were computed.
        """
        values = [v for v in self._unfolded.values if v.node is not None and v.has_gradient]
        given = set(map(self._there, self._judge.hand))
        told = [v for v in values if v in given or self._names.known(v) is not None]
        return told if any(v.op is not None and v not in given for v in told) else values

    def _there(self, value: Value) -> Value:
        assert value.node is not None
        return self._unfolded.of[value.node]

    def _steps(self, target: Value) -> list[Step]:
        given = [self._there(v) for v in self._judge.hand]
        steps: list[Step] = []
        as_given = self._as_given(target)
        if as_given is not None:
            steps.append(as_given)
        for flow, expected in self._flows:
            if target not in expected:
                continue
            step = Step(target, given, flow, expected[target])
            if not any(
                all(np.array_equal(step.flow[s], other.flow[s]) for s in step.sources)
                for other in steps
            ):
                steps.append(step)
        return steps

    def _as_given(self, target: Value) -> Step | None:
        """Return a step from gradients of wrong shapes, as they are."""
        hand = {self._there(v): h for v, h in self._judge.hand.items()}
        step = Step(target, hand, {**self._flows[0][0], **hand}, None)
        if all(step.flow[v].shape == v.shape for v in step.sources):
            return None
        step.expected = step.as_numpy_does()
        return None if step.expected is None else step

    @cached_property
    def _known(self) -> Known:
        tape, judge = self._unfolded, self._judge
        named = [v for v in tape.values if self._names.known(v) is not None]
        others = [v for v in tape.values if self._names.known(v) is None and v.node is not None]
        _, right = self._flows[-1]
        return Known(
            [*named, *others],
            {self._there(v): h for v, h in judge.hand.items()},
            {v: right[v] for v in self._told if v in right},
            self._earlier,
            tape.fused,
        )

    def _earlier(self, value: Value) -> Any:
        if value.node is None or value.op is not None:
            return None
        tensor = value.node.tensor()
        kept = None if tensor is None else tensor.grad
        return None if kept is None else kept.data
