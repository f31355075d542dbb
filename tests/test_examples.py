"""Tests of the examples that compare: what they print is what they say they found."""

from types import ModuleType

import pytest

from tests.examples import of


@of("compare_first_tutorial")
def test_every_mistake_in_the_first_tutorial_is_named(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert example.main() == (21, 21)
    assert capsys.readouterr().out.endswith("21 of 21 planted mistakes named\n")


@of("compare_first_tutorial")
def test_the_first_tutorials_gradients_are_right_where_nothing_is_planted(
    example: ModuleType,
) -> None:
    nothing = example.Mistake("nothing", {}, {})
    assert example.compare(nothing, *example.truth_table()).ok
    assert example.compare_batches(nothing, *example.truth_table(), visits=[0, 1]).ok


@of("backprop_ninja")
def test_every_gradient_of_the_ninja_exercise_is_right(example: ModuleType) -> None:
    comparison = example.compare(example.backward)
    assert comparison.ok
    assert len(comparison.rows) == 26
    assert example.compare(example.backward_in_one_step_each).ok


@of("backprop_ninja")
def test_every_mistake_in_the_ninja_exercise_is_named(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert example.main() == (12, 12, 0)
    assert capsys.readouterr().out.endswith(
        "12 of 12 planted mistakes named one by one, 12 at once; 0 right steps called wrong\n"
    )


@of("compare_second_tutorial")
def test_the_second_tutorials_gradients_are_wrong_as_its_mistakes_say(example: ModuleType) -> None:
    d_weights, step, d_weights_calculus, step_calculus, deep, rows, certain = (
        {row.name: row.cause.kind for row in comparison.roots}
        for comparison in example.main().values()
    )
    assert d_weights == {"weights2": "sign", "weights1": "sign"}  # docs: signs and steps
    assert step == {}
    of_what = {"weights2": "derivative_at_output", "weights1": "derivative_at_output"}
    assert d_weights_calculus == step_calculus == of_what  # docs: the derivative of what
    assert deep == {}  # docs: gradients by two conventions
    assert {"W2", "b2", "A1"} <= rows.keys()  # docs: Y.reshape
    assert set(certain.values()) == {"nonfinite"}  # docs: a prediction of exactly 0 or 1
