"""Tests of microtensor.tensor: what a Tensor is made of, its operators, and NumPy's protocols."""

import contextlib
import copy
import operator
import pickle
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor.errors import (
    DtypeError,
    GradientError,
    IndexingError,
    MicrotensorError,
    ShapeError,
    UnsupportedError,
)


def leaf(*values: float, name: str | None = None) -> mt.Tensor:
    return mt.tensor(list(values), requires_grad=True, name=name)


# Making one


def test_a_tensor_copies_its_data() -> None:
    array = np.ones(3)
    t = mt.tensor(array)
    array[0] = 7
    assert_array_equal(t.data, 1)


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, np.int64),
        (1.0, np.float64),
        (True, np.bool_),
        ([1, 2.5], np.float64),
        (np.float32(1), np.float32),
        (np.ones(2, np.float16), np.float16),
        (((1, 2), (3, 4)), np.int64),
        ([], np.float64),
        (range(3), np.int64),
    ],
)
def test_the_dtype_is_numpys_choice(data: Any, dtype: type) -> None:
    t = mt.tensor(data)
    assert t.dtype == dtype
    assert t.shape == np.shape(data)
    assert_array_equal(t.data, data)


def test_properties_are_those_of_the_array() -> None:
    t = mt.tensor(np.zeros((2, 3), np.float32), name="t")
    assert (t.shape, t.ndim, t.size, t.dtype, len(t)) == ((2, 3), 2, 6, np.float32, 2)
    assert (t.name, t.is_leaf, t.requires_grad, t.grad) == ("t", True, False, None)
    assert t.T.shape == (3, 2)
    assert mt.tensor(2.5).item() == 2.5
    assert mt.tensor([[1.0, 2.0]]).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("text", DtypeError, r"'text'.*strings"),
        (["a", "b"], DtypeError, r"\['a', 'b'\].*strings"),
        ([b"a"], DtypeError, "strings"),
        (1j, DtypeError, "complex"),
        (np.ones(2, complex), DtypeError, r"complex128, shape \(2,\)"),
        (None, DtypeError, "dtype object"),
        ([None, 1.0], DtypeError, "dtype object"),
        (object(), DtypeError, "dtype object"),
        ({"a": 1}, DtypeError, "dtype object"),
        (np.array([1.0, 2.0], object), DtypeError, r"np.array\(data, dtype=float\)"),
        (np.datetime64("2020"), DtypeError, "datetime64"),
        (np.zeros(2, [("a", float)]), DtypeError, "dtype"),
        (10**400, DtypeError, "dtype object"),
        ([[1.0], [2.0, 3.0]], ShapeError, r"\[\[1.0\], \[2.0, 3.0\]\] is ragged"),
    ],
)
def test_what_is_not_an_array_of_real_numbers_is_refused(
    data: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        mt.tensor(data)


@pytest.mark.parametrize("data", [1, [1, 2], True, np.arange(3), np.ones(2, np.uint8)])
def test_only_floating_point_tensors_can_require_a_gradient(data: Any) -> None:
    with pytest.raises(DtypeError, match=r"floating-point.*1\.0 for 1"):
        mt.tensor(data, requires_grad=True)
    t = mt.tensor(data)
    with pytest.raises(DtypeError, match="floating-point"):
        t.requires_grad = True
    assert not t.requires_grad


def test_a_dtype_makes_integers_differentiable() -> None:
    t = mt.tensor([1, 2], dtype=np.float32, requires_grad=True)
    (t * t).sum().backward()
    assert t.grad.dtype == np.float32


def test_requires_grad_is_set_on_leaves_only() -> None:
    t = mt.tensor([1.0], name="t")
    t.requires_grad = True
    y = t * 2
    with pytest.raises(GradientError, match="multiply"):
        y.requires_grad = False
    t.requires_grad = False
    assert not (t * 2).requires_grad
    assert t.name == "t"


def test_a_tensor_made_from_a_tensor_that_requires_grad_would_lose_its_history() -> None:
    x = leaf(1.0, 2.0)
    for data in (x, [x, x], [x[0], x[1]], [x[0], 3.0]):
        with pytest.raises(GradientError, match=r"t\.detach\(\)"):
            mt.tensor(data)
    assert_array_equal(mt.tensor(x.detach()).data, x.data)


# Leaving the graph


def test_detach_shares_the_memory_and_has_no_history() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    d = y.detach()
    assert np.shares_memory(d.data, y.data)
    assert d.is_leaf
    assert not d.requires_grad
    (y * d).sum().backward()
    assert_array_equal(x.grad.data, 2 * d.data)


def test_numpy_and_data_share_the_memory() -> None:
    x = leaf(1.0)
    assert np.shares_memory(x.numpy(), x.data)
    assert type(mt.tensor(1.0).sum().numpy()) is np.ndarray


@pytest.mark.parametrize(
    "lose",
    [
        np.asarray,
        np.array,
        lambda t: np.asarray(t, dtype=np.float32),
        lambda t: np.mean([t, t]),
        lambda t: np.mean([t[0], t[1]]),
        lambda t: np.sum((t[0], t[1])),
        lambda t: np.exp([t, t]),
        lambda t: np.array([t[0], 1.0]),
        lambda t: np.full(2, t[0]),
        lambda t: np.ones(2).dot(t),
        lambda t: np.concatenate([t, [t[0]]]),
        lambda t: np.ones(2).__setitem__(slice(None), t),
        lambda t: np.ones(2).__iadd__(t),
        lambda t: np.add(np.ones(2), t, out=np.ones(2)),
        lambda t: np.exp(t, out=np.ones(2)),
        lambda t: np.sum(np.ones(2), out=t),
        lambda t: np.add(np.ones(2), 1, out=t),
        lambda t: np.copyto(np.ones(2), t),
    ],
)
def test_numpy_does_not_swallow_a_gradient_while_recording(lose: Callable[[Any], Any]) -> None:
    with pytest.raises(MicrotensorError):
        lose(leaf(1.0, 2.0))


def test_numpy_may_read_constants_and_anything_under_no_grad() -> None:
    x = leaf(1.0, 2.0)
    assert np.mean([x.detach(), x.detach()]) == 1.5
    with mt.no_grad():
        assert_array_equal(np.asarray(x), [1, 2])
        assert np.mean([x, x]) == 1.5
        total = np.zeros(2)
        total += x
        assert_array_equal(total, [1, 2])


# Operators and NumPy's functions

OPERATORS = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
]


@pytest.mark.parametrize("apply", OPERATORS)
@pytest.mark.parametrize(
    "other",
    [
        2,
        2.5,
        True,
        np.float64(2.5),
        np.float32(2.5),
        np.int64(2),
        np.array([2.0, 3.0]),
        np.array(2),
        [2.0, 3.0],
    ],
    ids=repr,
)
def test_an_operator_takes_numbers_arrays_and_lists_on_either_side(
    apply: Callable[[Any, Any], Any], other: Any
) -> None:
    for dtype in (np.float64, np.float32):
        array = np.array([1.5, 2.5], dtype)
        x = mt.tensor(array, requires_grad=True)
        for ours, theirs in (
            (apply(x, other), apply(array, other)),
            (apply(other, x), apply(other, array)),
        ):
            assert isinstance(ours, mt.Tensor)
            assert ours.dtype == theirs.dtype
            assert_array_equal(ours.data, theirs)
            assert ours.requires_grad == (theirs.dtype.kind == "f")


@pytest.mark.parametrize(
    "other", [None, "text", 1j, object(), np.array([1j, 2]), np.array(["a", "b"]), {}]
)
@pytest.mark.parametrize("apply", [operator.add, operator.mul, operator.matmul])
def test_an_operator_refuses_what_is_no_number(
    apply: Callable[[Any, Any], Any], other: Any
) -> None:
    x = leaf(1.0, 2.0)
    for left, right in ((x, other), (other, x)):
        with pytest.raises((TypeError, ShapeError)):
            apply(left, right)


@pytest.mark.parametrize(
    "function",
    [
        np.exp,
        np.tanh,
        lambda x: np.dot(x, np.ones(2)),
        lambda x: np.dot(np.ones((3, 2)), x),
        lambda x: np.ones(2) * x,
        lambda x: np.ones((3, 2)) @ x,
        lambda x: np.float64(2) * x,
        lambda x: np.sum(x, axis=0),
        lambda x: np.sum(x, 0),
        lambda x: np.add.reduce(x),
        lambda x: np.where(x > 1, x, 0),
        lambda x: np.where(np.array([True, False]), 0, x),
        lambda x: np.concatenate([[3.0], x]),
        lambda x: np.stack((np.ones(2), x)),
        lambda x: np.einsum("i,i", [1.0, 2.0], x),
        lambda x: np.maximum(0, x),
        lambda x: np.clip([0.0, 1.0], 0.5, x),
        lambda x: np.matmul([[1.0, 2.0]], x),
        lambda x: np.outer([1.0, 2.0], x),
        lambda x: np.tensordot([1.0, 2.0], x, 1),
    ],
)
def test_numpys_functions_give_tensors_and_record(function: Callable[[Any], Any]) -> None:
    x = leaf(1.5, 0.5)
    out = function(x)
    assert isinstance(out, mt.Tensor)
    assert out.requires_grad
    assert_allclose(out.data, function(x.data), rtol=1e-15)
    out.sum().backward()
    assert np.isfinite(x.grad.data).all()


CONSTANT = {
    "all", "allclose", "any", "argmax", "argmin", "argsort", "array2string", "array_equal",
    "array_equiv", "array_repr", "array_str", "can_cast", "ceil", "count_nonzero", "equal",
    "floor", "full_like", "greater", "greater_equal", "iscomplexobj", "isclose", "isfinite",
    "isinf", "isnan", "isrealobj", "isscalar", "issubdtype", "iterable", "less",
    "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor",
    "may_share_memory", "min_scalar_type", "ndim", "nonzero", "not_equal", "ones_like",
    "promote_types", "real_if_close", "result_type", "rint", "searchsorted", "shape",
    "shares_memory", "sign", "signbit", "size", "tri", "trunc", "typename", "unique",
    "zeros_like", "angle", "empty_like", "imag", "intersect1d", "ix_", "setdiff1d", "setxor1d",
    "spacing", "union1d", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    # they hand on the arrays among their arguments, or what only depends on those
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "meshgrid", "linalg.lstsq",
}  # fmt: skip
"""NumPy functions whose results do not depend on the values, or are steps of them."""

SQUARE = np.array([[2.0, 0.5, 0.1], [0.5, 3.0, 0.2], [0.1, 0.2, 4.0]])
ARGUMENTS: list[Callable[[Any], tuple[Any, ...]]] = [
    lambda x: (x,),
    lambda x: (x, x),
    lambda x: (x, 1),
    lambda x: (2, x),
    lambda x: (x, 0, 1),
    lambda x: (x, x, x),
    lambda x: (x, [0, 1], x),
    lambda x: ([x, x],),
    lambda x: ([x, np.ones((3, 3))],),
    lambda x: (x[0],),
    lambda x: (x[0], x[1]),
    lambda x: (x[0], x[1], x[2]),
    lambda x: (np.ones((3, 3)), x),
    lambda x: (x > 1, x),
    lambda x: (x > 1, x, x),
    lambda x: (x[0, 0],),
    lambda x: (x[0, 0], 2.0, 5),
    lambda x: ("ij->j", x),
]
NOT_FUNCTIONS = {
    "asmatrix", "bmat", "fromfile", "genfromtxt", "info", "load", "loadtxt", "printoptions", "save",
    "savetxt", "savez", "savez_compressed", "set_printoptions", "setbufsize", "seterr",
    "seterrcall", "show_config", "show_runtime", "test",
}  # fmt: skip
"""What reads or writes files and settings."""


def public_functions() -> list[tuple[str, Callable[..., Any]]]:
    return [
        (f"{prefix}{name}", function)
        for prefix, module in (("", np), ("linalg.", np.linalg), ("fft.", np.fft))
        for name, function in sorted(vars(module).items())
        if not name.startswith("_")
        and callable(function)
        and not isinstance(function, (type, ModuleType))
        and name not in NOT_FUNCTIONS
    ]


def floating_parts(out: Any) -> list[Any]:
    """Return the arrays and tensors of floating-point numbers in a result."""
    if isinstance(out, (tuple, list)):
        return [part for item in out for part in floating_parts(item)]
    kind = getattr(getattr(out, "dtype", None), "kind", "")
    return [out] if isinstance(kind, str) and kind in "fcO" and kind else []


@pytest.mark.parametrize(
    ("name", "function"),
    public_functions(),
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_no_numpy_function_loses_a_gradient_in_silence(
    name: str, function: Callable[..., Any]
) -> None:
    for arguments in ARGUMENTS:
        x = mt.tensor(SQUARE, requires_grad=True)
        given = arguments(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = function(*arguments(SQUARE.copy()))
            except Exception:
                continue  # nothing that NumPy would do
            out: Any = None
            with contextlib.suppress(UnsupportedError, GradientError, TypeError, AttributeError):
                out = function(*given)
        assert_array_equal(x.data, SQUARE)
        if out is None or name in CONSTANT:
            continue
        for ours, theirs in zip(floating_parts(out), floating_parts(expected), strict=True):
            assert isinstance(ours, mt.Tensor), f"np.{name} of {given} gave {ours!r}"
            assert ours.requires_grad, f"np.{name} of {given}"
            assert_allclose(ours.data, theirs, rtol=1e-13)


@pytest.mark.parametrize(
    "name", ["fft.fft", "histogram", "i0", "linalg.eig", "nextafter", "polyfit", "put"]
)
def test_an_unsupported_function_is_named(name: str) -> None:
    function = operator.attrgetter(name)(np)
    x = leaf(1.0, 2.0)
    with pytest.raises(UnsupportedError, match=rf"np\.{name}\(\) does not support Tensors"):
        function(*((x, x, 1)[: {"nextafter": 2, "polyfit": 3, "put": 3}.get(name, 1)]))


@pytest.mark.parametrize("method", ["reduceat", "at"])
def test_an_unsupported_method_of_a_ufunc_is_named(method: str) -> None:
    arguments = {
        "reduceat": (leaf(1.0), [0]),
        "at": (np.ones(2), [0], leaf(1.0)),
    }
    with pytest.raises(UnsupportedError, match=rf"np\.add\.{method}"):
        getattr(np.add, method)(*arguments[method])


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda x: x.sum(dim=0), "dim=: write axis="),
        (lambda x: x.mean(keepdim=True), "keepdim=: write keepdims="),
        (lambda x: x.sum(dtype=np.float32), "dtype="),
        (lambda x: np.sum(x, dtype=np.float32), "dtype="),
        (lambda x: np.sum(x, where=[True, False]), "where="),
        (lambda x: np.sum(x, initial=1.0), "initial="),
        (lambda x: np.max(x, initial=1.0), "initial="),
        (lambda x: np.std(x, correction=1), "correction="),
        (lambda x: np.exp(x, where=[True, False]), "where="),
        (lambda x: np.exp(x, dtype=np.float32), "dtype="),
        (lambda x: np.reshape(x, (2, 1), copy=False), "copy="),
        (lambda x: np.zeros_like(x, shape=(3,)), "shape="),
        (lambda x: np.add.reduce(x, initial=5.0), "initial="),
    ],
)
def test_an_unsupported_argument_is_named(call: Callable[[Any], Any], argument: str) -> None:
    with pytest.raises(TypeError, match=argument):
        call(leaf(1.0, 2.0))


# Indexing, iteration, truth


@pytest.mark.parametrize("index", [5, -4, "a", 1.5, (0, 0), [0, 9], np.array([0.5])], ids=repr)
def test_an_index_that_does_not_exist_is_an_indexing_error(index: Any) -> None:
    weights = leaf(1.0, 2.0, 3.0)
    with pytest.raises(IndexingError, match=r"'weights' float64 \(3,\)"):
        weights[index]
    with pytest.raises(IndexError):
        weights.detach()[index] = 1.0


def test_iteration_gives_the_parts_and_records() -> None:
    x = mt.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    assert_array_equal(x.grad.data, [[3, 4], [1, 2]])
    for refuse in (iter, len, list):
        with pytest.raises(TypeError, match="without axes"):
            refuse(mt.tensor(1.0))


def test_an_index_is_remembered_as_it_was() -> None:
    x, index = leaf(1.0, 2.0, 3.0), np.array([0, 0])
    y = x[index]
    index[...] = 2
    y.sum().backward()
    assert_array_equal(x.grad.data, [2, 0, 0])


def test_the_truth_of_one_element_is_its_own_and_of_several_an_error() -> None:
    assert mt.tensor(1.0)
    assert not mt.tensor([[0.0]])
    for t in (mt.tensor([1.0, 2.0]), mt.tensor([])):
        with pytest.raises(ShapeError, match=r"\.any\(\) or \.all\(\)"):
            bool(t)
    with pytest.raises(ShapeError, match="one element"):
        float(mt.tensor([1.0, 2.0]))


def test_numbers_come_out_of_one_element() -> None:
    x = mt.tensor([2.75], requires_grad=True)
    assert (float(x), int(x), x.item(), f"{x:.1f}") == (2.75, 2, 2.75, "2.8")
    assert [10, 20, 30][mt.tensor(1)] == 20
    with pytest.raises(TypeError):
        [10, 20, 30][mt.tensor(1.0)]


def test_tensors_are_hashed_by_identity_and_compared_by_element() -> None:
    x, y = leaf(1.0, 2.0), leaf(1.0, 3.0)
    assert len({x, y, x}) == 2
    assert_array_equal((x == y).data, [True, False])
    assert_array_equal((x != [1.0, 2.0]).data, [False, False])
    assert 2.0 in x
    assert 5.0 not in x


# Names, text


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (mt.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (mt.tensor(1.5, requires_grad=True), "tensor(1.5, requires_grad=True)"),
        (mt.tensor([1], name="n"), "tensor([1], name='n')"),
        (mt.tensor([1.0], dtype=np.float32), "tensor([1.], dtype=float32)"),
        (leaf(1.0) * 2, "tensor([2.], op=multiply)"),
        (mt.tensor(np.zeros((0, 2))), "tensor([], dtype=float64)"),
    ],
    ids=str,
)
def test_a_tensor_shows_what_it_is(t: mt.Tensor, text: str) -> None:
    shown = repr(t)
    assert shown.replace(", shape=(0, 2)", "") == text


def test_a_name_survives_requires_grad_and_reaches_the_graph() -> None:
    x = mt.tensor([1.0], name="x")
    x.requires_grad = True
    y = x * 2
    y.name = "y"
    assert (x.name, y.name) == ("x", "y")
    assert y._node.parents[0].name == "x"


# Copies


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_leaves_can_be_copied_and_pickled(duplicate: Callable[[Any], Any]) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True, name="x", dtype=np.float32)
    y = duplicate(x)
    assert_array_equal(y.data, x.data)
    assert (y.name, y.requires_grad, y.dtype) == ("x", True, np.float32)
    assert not np.shares_memory(x.data, y.data)
    (y * 2).sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickle.dumps])
def test_results_are_not_copied_or_pickled_with_their_history(
    duplicate: Callable[[Any], Any],
) -> None:
    with pytest.raises(GradientError, match=r"multiply.*t\.detach\(\)"):
        duplicate(leaf(1.0) * 2)


def test_copy_is_recorded() -> None:
    x = leaf(1.0, 2.0)
    (x.copy() * copy.copy(x)).sum().backward()
    assert_array_equal(x.grad.data, [2, 4])


def test_deepcopy_keeps_what_is_shared_shared() -> None:
    x = leaf(1.0)
    first, second = copy.deepcopy([x, x])
    assert first is second


# .grad and .data


def test_grad_takes_arrays_of_its_shape_and_dtype_only() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True, dtype=np.float32)
    x.grad = [3, 4]
    assert x.grad.dtype == np.float32
    with pytest.raises(ShapeError, match=r"\(2,\), not \(3,\)"):
        x.grad = np.ones(3)
    x.grad = None
    assert x.grad is None


def test_grad_of_an_intermediate_result_says_how_to_get_it() -> None:
    y = leaf(1.0) * 2
    y.sum().backward()
    with pytest.warns(UserWarning, match=r"mt\.autograd\.grad"):
        assert y.grad is None


def test_data_can_be_assigned_on_leaves_only_and_in_shape() -> None:
    x = leaf(1.0, 2.0)
    x.data = [3, 4]
    assert_array_equal(x.data, [3, 4])
    assert x.dtype == np.float64
    with pytest.raises(ShapeError):
        x.data = np.ones(3)
    with pytest.raises(MicrotensorError, match="multiply"):
        (x * 2).data = [1.0, 2.0]


# Conventions at kinks and extremes


@pytest.mark.parametrize(
    ("expression", "x", "gradient"),
    [
        ("mt.relu(x)", [0.0, -0.0, 1.0], [0, 0, 1]),
        ("abs(x)", [0.0, -2.0, 3.0], [0, -1, 1]),
        ("np.maximum(x, 1.0)", [1.0, 0.0, 2.0], [0.5, 0, 1]),
        ("np.maximum(x, x)", [1.0], [1]),
        ("np.minimum(x, [1.0, 1.0])", [1.0, 0.0], [0.5, 1]),
        ("np.max(x)", [2.0, 1.0, 2.0, 2.0], [1 / 3, 0, 1 / 3, 1 / 3]),
        ("np.min(x, axis=1)", [[2.0, 2.0], [1.0, 3.0]], [[0.5, 0.5], [1, 0]]),
        ("np.clip(x, 0, 1)", [-1.0, 0.0, 0.5, 1.0, 2.0], [0, 1, 1, 1, 0]),
        ("np.std(x)", [3.0, 3.0], [0, 0]),
        ("np.std(x, axis=1)", [[3.0, 3.0], [0.0, 2.0]], [[0, 0], [-0.5, 0.5]]),
        ("np.prod(x)", [2.0, 0.0, 3.0], [0, 6, 0]),
        ("np.prod(x)", [0.0, 0.0, 3.0], [0, 0, 0]),
        ("x ** 2", [0.0, -3.0], [0, -6]),
        ("x ** 0", [0.0, 2.0], [0, 0]),
        ("x ** 1", [0.0, 2.0], [1, 1]),
        ("x ** y", [0.0, 2.0], [0, 12]),
        ("0.0 ** x", [1.0, 2.0], [0, 0]),
        ("mt.sigmoid(x)", [1000.0, -1000.0, 0.0], [0, 0, 0.25]),
        ("mt.softplus(x)", [1000.0, -1000.0, 0.0], [1, 0, 0.5]),
        ("mt.logsumexp(x)", [1000.0, 1000.0], [0.5, 0.5]),
        ("mt.logsumexp(x)", [-1000.0, -1000.0], [0.5, 0.5]),
        ("mt.log_softmax(x)[0]", [1000.0, -1000.0], [0, 0]),
        ("mt.log_softmax(x)[1]", [1000.0, -1000.0], [-1, 1]),
        ("mt.softmax(x)[0]", [1000.0, 1000.0], [0.25, -0.25]),
        ("np.tanh(x)", [1000.0, -1000.0], [0, 0]),
    ],
)
def test_gradients_at_kinks_and_extremes_follow_the_conventions(
    expression: str, x: Any, gradient: Any
) -> None:
    t = mt.tensor(x, requires_grad=True)
    eval(expression, {"np": np, "mt": mt, "x": t, "y": mt.tensor([2.0, 3.0])}).sum().backward()
    assert_allclose(t.grad.data, gradient, rtol=1e-12, atol=1e-300)


def test_a_python_number_keeps_float32_and_an_array_of_float64_does_not() -> None:
    x = mt.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    assert (x * 2.5 + 1).dtype == np.float32
    assert (x * np.float64(2.5)).dtype == np.float64
    loss = ((x * np.ones(2) - 3) ** 2).mean()
    loss.backward()
    assert loss.dtype == np.float64
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "build",
    [
        lambda t: t * 10**400,
        lambda t: mt.tensor([10**400], dtype=float),
        lambda t: t * np.ma.array([1.0, 2.0], mask=[False, True]),
        lambda t: mt.tensor(np.ma.array([1.0], mask=[True])),
        lambda t: mt.exp("a"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(build: Callable[[Any], Any]) -> None:
    with pytest.raises(DtypeError):
        build(leaf(1.0, 2.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda t: mt.concatenate([]),
        lambda t: mt.stack([]),
        lambda t: mt.split(t, 3),
        lambda t: np.einsum("...i->i", np.outer(t, t)),
        lambda t: f"{t:.2f}",
    ],
)
def test_what_does_not_fit_in_shape_is_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(ShapeError):
        call(leaf(1.0, 2.0))


def test_flatten_is_a_copy_and_ravel_a_view() -> None:
    t = mt.tensor([[1.0, 2.0]])
    t.flatten()[0] = 5.0
    assert t.tolist() == [[1.0, 2.0]]
    t.ravel()[0] = 5.0
    assert t.tolist() == [[5.0, 2.0]]


def test_an_assignment_keeps_the_name() -> None:
    buffer = mt.tensor([0.0, 0.0], name="buffer")
    buffer[0] = leaf(1.0)[0]
    assert buffer.name == "buffer"


@pytest.mark.parametrize(
    "call",
    [
        lambda t: mt.sum(t, 0, True, 5),
        lambda t: mt.sum(t, 0, axis=0),
        lambda t: mt.swapaxes(t, axis1=0),
    ],
)
def test_arguments_too_many_twice_or_missing_are_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"sum|swapaxes"):
        call(leaf(1.0, 2.0))
