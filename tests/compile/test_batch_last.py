"""Compiled, images have the batch last in memory: the results are those of the eager function."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import microtensor as mt
import microtensor.nn.functional as F
from microtensor.compile.batch_last import OF_IMAGES, batch_last
from microtensor.compile.lower import lowered
from microtensor.compile.simplify import simplified

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 2, 6, 6))
W = rng.standard_normal((2, 2, 3, 3))


def rows_of(function, *args):
    """Return the names of the operations of a program that has the batch last."""
    program = mt.trace(function, *args)
    return [e.op.name for e in simplified(batch_last(lowered(program, OF_IMAGES))).equations]


def test_images_are_turned_only_where_they_come_and_go():
    def blocks(x, w):
        for _ in range(2):
            x = F.max_pool2d(mt.relu(F.conv2d(x, w, padding=1)), 2, 1)
            x = np.exp(0.1 * x) + x
        return x

    names = rows_of(blocks, X, W)
    assert names.count("convolution_no_bias") == 2
    assert names.count("transpose") == 2
    assert names[0] == names[-1] == "transpose"


def test_a_program_without_images_stays_as_it_is():
    program = mt.trace(lambda x: np.exp(x).T, X)
    assert batch_last(program) is program


FUNCTIONS = {
    "a bias that is added, and broadcasts": lambda x, w: F.conv2d(x, w) + w[0, :, :1, :1],
    "an image of another kind beside it": lambda x, w: F.conv2d(x, w, padding=1) * x,
    "a choice": lambda x, w: np.where(x > 0, F.conv2d(x, w, padding=1), 0.5),
    "another shape": lambda x, w: F.conv2d(x, w).reshape(3, -1) @ np.ones((32, 2)),
    "a part, and a sum": lambda x, w: F.conv2d(x, w)[:, 1:, ::2].sum(axis=(0, 3)),
    "sums that keep the order, and one that does not": lambda x, w: (
        y := F.conv2d(x, w),
        y.sum(axis=(0, 2, 3)),
        y.sum(axis=(2, 3)),
        y.sum(-1),
    ),
    "two results of one": lambda x, w: (y := F.conv2d(x, w), mt.relu(y), y.mean(axis=1)),
    "lines": lambda x, w: mt.relu(F.conv1d(x[:, 0], w[:, 0].swapaxes(1, 2)[:, :1].repeat(6, 1))),
    "a transposed one": lambda x, w: F.avg_pool2d(np.tanh(F.conv_transpose2d(x, w, stride=2)), 2),
}


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_the_eager_ones(name, backend):
    function = FUNCTIONS[name]
    compiled = mt.compile(lambda x, w: function(x, w), backend=backend)
    for factor in (1.0, -2.0, 0.5):
        found, expected = compiled(factor * X, W), function(mt.tensor(factor * X), mt.tensor(W))
        if not isinstance(found, tuple):
            found, expected = (found,), (expected,)
        for ours, theirs in zip(found, expected, strict=True):
            assert_allclose(np.asarray(ours), theirs.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_an_average_of_images_is_kept_up_in_place(backend):
    """Large enough to be written piece by piece."""
    x = rng.standard_normal((8, 4, 20, 20))
    w = rng.standard_normal((4, 4, 3, 3))

    def step_of(average):
        def step(x):
            with mt.no_grad():
                average.data[...] = 0.9 * average.data + 0.1 * F.conv2d(x, w, padding=1).data
                return average.sum()

        return step

    ours, theirs = mt.tensor(np.zeros_like(x)), mt.tensor(np.zeros_like(x))
    compiled, eager = mt.compile(step_of(ours), backend=backend), step_of(theirs)
    for _ in range(3):
        assert_allclose(compiled(x).numpy(), eager(mt.tensor(x)).numpy(), rtol=1e-10)
    assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-11, atol=1e-12)
