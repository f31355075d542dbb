"""The suite over the registry: what must hold for every operation, on each line of cases.py."""

import warnings
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import autograd
import autograd.numpy
import numpy as np
import pytest
from numpy.testing import assert_allclose

import microtensor as mt
from microtensor.autograd import grad
from microtensor.gradcheck import gradcheck, gradgradcheck
from microtensor.op import REGISTRY, Node
from tests.cases import CASES, Array, Case

DIFFERENTIABLE = [case for case in CASES if REGISTRY[case.op].differentiable]
WITH_ORACLE = [case for case in DIFFERENTIABLE if case.hips]
DTYPES = [np.float64, np.float32, np.float16]


def leaves(case: Case, *arrays: Array) -> list[mt.Tensor]:
    """Return the inputs as Tensors, of which those with a gradient require it."""
    inputs = arrays or tuple(x.copy() for x in case.inputs)
    return [mt.tensor(x, requires_grad=i in case.differentiated) for i, x in enumerate(inputs)]


def seed_for(out: Any) -> Array:
    rng = np.random.default_rng(1)
    return np.asarray(rng.standard_normal(out.shape), out.dtype)


def gradients(case: Case, *arrays: Array) -> list[Array]:
    """Return the gradients of the inputs that have one, for a random gradient of the output."""
    xs = leaves(case, *arrays)
    out = case.on_tensors(*xs)
    out.backward(seed_for(out))
    return [xs[i].grad.data for i in case.differentiated]


def nodes(out: mt.Tensor) -> Iterator[Node]:
    """Yield the nodes of the operations that made ``out``."""
    seen = set()
    pending = [] if out.is_leaf else [out._node]
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            yield node
            pending.extend(parent for parent in node.parents if parent.op is not None)


def saved_arrays(out: mt.Tensor) -> list[Array]:
    return [x for node in nodes(out) for x in node.saved if isinstance(x, np.ndarray)]


each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_differentiable = pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)


# The cases themselves


def test_every_registered_operation_has_a_case() -> None:
    assert {case.op for case in CASES} == set(REGISTRY) - {"random"}


@each_differentiable
def test_a_case_records_the_operation_it_is_for(case: Case) -> None:
    out = case.on_tensors(*leaves(case))
    assert case.op in {node.op.name for node in nodes(out)}


# Values


@each_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_value_is_numpys_in_shape_dtype_and_number(case: Case, dtype: type) -> None:
    if dtype is np.float16 and not case.half:
        return
    inputs = [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.inputs]
    out = case.on_tensors(*leaves(case, *inputs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.asarray(case.on_arrays(*inputs))
    assert isinstance(out, mt.Tensor)
    assert out.shape == expected.shape
    assert out.dtype == expected.dtype
    tolerance = 100 * np.finfo(dtype).eps
    assert_allclose(out.data, expected, rtol=tolerance, atol=tolerance)


@each_case
def test_given_arrays_an_operation_gives_an_array(case: Case) -> None:
    out = case.on_tensors(*case.inputs)
    assert not isinstance(out, mt.Tensor)
    assert_allclose(out, case.on_arrays(*case.inputs), rtol=1e-13, atol=1e-14)


@each_case
def test_nothing_is_recorded_under_no_grad_or_for_a_constant(case: Case) -> None:
    with mt.no_grad():
        out = case.on_tensors(*leaves(case))
    assert out.is_leaf
    assert not out.requires_grad
    if not REGISTRY[case.op].differentiable:
        assert not case.on_tensors(*leaves(case)).requires_grad


# Gradients


@each_differentiable
def test_gradients_agree_with_finite_differences(case: Case) -> None:
    assert gradcheck(case.on_tensors, leaves(case))


@each_differentiable
def test_gradients_of_gradients_agree_with_finite_differences(case: Case) -> None:
    assert gradgradcheck(case.on_tensors, leaves(case))


@pytest.mark.parametrize("case", WITH_ORACLE, ids=str)
def test_gradients_agree_with_hips_autograd(case: Case) -> None:
    def function(inputs: tuple[Array, ...]) -> Array:
        given = list(case.inputs)
        for i, x in zip(case.differentiated, inputs, strict=True):
            given[i] = x
        return case.on_arrays(*given, numpy=autograd.numpy)

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # it says so where the gradient is constantly 0
        pullback, out = autograd.make_vjp(function)(
            tuple(case.inputs[i] for i in case.differentiated)
        )
    expected = pullback(seed_for(np.asarray(out)))
    for ours, theirs in zip(gradients(case), expected, strict=True):
        assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@each_differentiable
@pytest.mark.parametrize(
    "dtypes",
    [(np.float32,) * 4, (np.float16,) * 4, (np.float32, np.float64, np.float16, np.float32)],
    ids=["float32", "float16", "mixed"],
)
def test_a_gradient_has_its_inputs_shape_and_dtype(case: Case, dtypes: tuple[type, ...]) -> None:
    if not case.half:
        dtypes = tuple(np.float32 if dtype is np.float16 else dtype for dtype in dtypes)
    inputs = [
        x.astype(dtype) if x.dtype.kind == "f" else x
        for x, dtype in zip(case.inputs, dtypes, strict=False)
    ]
    tolerance = 50 * max(np.finfo(dtype).eps for dtype in dtypes)
    exact = gradients(case, *(x.astype(float) if x.dtype.kind == "f" else x for x in inputs))
    for i, g, g64 in zip(case.differentiated, gradients(case, *inputs), exact, strict=True):
        assert g.shape == inputs[i].shape
        assert g.dtype == inputs[i].dtype
        assert_allclose(g, g64, rtol=tolerance, atol=tolerance)


def reversed_view(x: Array) -> Array:
    """Return ``x`` as a view with negative strides, into an array that is twice as long."""
    return np.repeat(x[::-1], 2, axis=0)[::-2]


@each_differentiable
@pytest.mark.parametrize("layout", [np.asfortranarray, reversed_view])
def test_memory_layout_changes_nothing(case: Case, layout: Any) -> None:
    inputs = [layout(x) if x.ndim else x for x in case.inputs]
    xs = []
    for i, x in enumerate(inputs):  # mt.tensor() copies; these tensors keep the layout
        leaf = mt.tensor(x).detach()
        leaf._array = x
        leaf.requires_grad = i in case.differentiated
        xs.append(leaf)
    out = case.on_tensors(*xs)
    out.backward(layout(seed_for(out)) if out.ndim else seed_for(out))
    plain = leaves(case)
    expected = case.on_tensors(*plain)
    expected.backward(seed_for(expected))
    assert_allclose(out.data, expected.data, rtol=1e-12, atol=1e-12)
    for i in case.differentiated:
        assert_allclose(xs[i].grad.data, plain[i].grad.data, rtol=1e-12, atol=1e-12)


# What is saved, and who owns the gradient


@each_differentiable
def test_the_rules_read_only_what_was_saved(case: Case) -> None:
    expected = gradients(case)
    xs = leaves(case)
    out = case.on_tensors(*xs)
    seed = seed_for(out)
    saved = saved_arrays(out)
    for array in (out.data, *(x.data for x in xs)):
        if array.flags.writeable and not any(np.shares_memory(array, other) for other in saved):
            array[...] = np.nan if array.dtype.kind == "f" else 1
    out.backward(seed)
    for i, g in zip(case.differentiated, expected, strict=True):
        np.testing.assert_array_equal(xs[i].grad.data, g)


def spoiled(x: Array) -> Array:
    """Return other values than ``x``."""
    return x * np.nan if x.dtype.kind == "f" else ~x if x.dtype.kind == "b" else np.zeros_like(x)


def test_all_that_is_saved_is_read_by_a_rule() -> None:
    saved: dict[str, set[int]] = defaultdict(set)
    read: dict[str, set[int]] = defaultdict(set)
    for case in DIFFERENTIABLE:
        expected = gradients(case)
        count = len(next(nodes(case.on_tensors(*leaves(case)))).saved)
        for position in range(count):
            xs = leaves(case)
            out = case.on_tensors(*xs)
            node = out._node
            value = node.saved[position]
            if not isinstance(value, (np.ndarray, np.generic)):
                continue
            what = 1 if REGISTRY[node.op.name].variadic and position else position
            saved[node.op.name].add(what)
            node.saved = (
                *node.saved[:position],
                spoiled(np.asarray(value)),
                *node.saved[position + 1 :],
            )
            with np.errstate(all="ignore"):
                try:
                    out.backward(seed_for(out))
                except np.linalg.LinAlgError:
                    read[node.op.name].add(what)
                    continue
            if any(
                not np.array_equal(xs[i].grad.data, g)
                for i, g in zip(case.differentiated, expected, strict=True)
            ):
                read[node.op.name].add(what)
    assert dict(saved) == dict(read)


@each_differentiable
def test_a_gradient_shares_memory_with_nothing(case: Case) -> None:
    xs = leaves(case)
    out = case.on_tensors(*xs)
    seed = seed_for(out)
    out.backward(seed, retain_graph=True)
    others = [seed, out.data, *(x.data for x in xs), *saved_arrays(out)]
    for i in case.differentiated:
        g = xs[i].grad.data
        assert g.flags.writeable
        assert not any(np.shares_memory(g, other) for other in others)
        others.append(g)


@each_differentiable
def test_grad_of_any_tensor_is_a_copy(case: Case) -> None:
    xs = leaves(case)
    out = case.on_tensors(*xs)
    seed = seed_for(out)
    (g,) = grad([out], [out], [seed], retain_graph=True)
    assert not np.shares_memory(g.data, seed)
    np.testing.assert_array_equal(g.data, seed)
