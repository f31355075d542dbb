"""Native code against the interpreter: every operation, random programs, and the edges."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor import ops, optim
from microtensor.autograd import grad
from microtensor.compile.derive import trace
from microtensor.compile.program import Program
from microtensor.errors import IndexingError, MissingDependencyError, TracingError
from microtensor.op import REGISTRY
from microtensor.ops import fused
from tests.cases import CASES, Case

pytest.importorskip("numba")
from microtensor.compile.native import NativeKernel
from tests.compile.native import Bound

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

BY_NUMPY = frozenset(
    {"cholesky", "choose", "convolve", "cumprod", "diagflat", "diff", "eigh", "einsum", "inv",
     "logabsdet", "pad", "pinv", "prod", "qr", "repeat", "resize", "roll", "signdet", "solve",
     "svd", "tile", "tril", "triu", "unwrap", "det", "lstsq", "sort", "quantile", "rot90"}
)  # fmt: skip
"""Operations that NumPy is called for, or whose rules call it: they need few examples."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import numba

    folder = str(tmp_path_factory.mktemp("cache"))
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = folder
    old = os.environ.get("NUMBA_CACHE_DIR")
    os.environ["NUMBA_CACHE_DIR"] = folder
    yield folder
    numba.config.CACHE_DIR = before
    os.environ.pop("NUMBA_CACHE_DIR") if old is None else os.environ.update(NUMBA_CACHE_DIR=old)


def flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [x for part in value for x in flat(part)]
    return [np.asarray(value._array if isinstance(value, mt.Tensor) else value)]


def check(program: Program, *args: Any, rtol: float = 1e-13, atol: float = 1e-14) -> Bound:
    """Compare native outputs with the interpreter's."""
    expected = flat(program(*args))
    bound = Bound(program, *args)
    found = bound.outputs()
    for i, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        assert mine.dtype == theirs.dtype, i
        assert mine.shape == theirs.shape, i
        assert_allclose(mine, theirs, rtol=rtol, atol=atol, err_msg=str(i))
    return bound


# Every operation


def applied(case: Case, with_gradients: bool) -> Callable[[Any, Any], Any]:
    def function(xs: Any, seed: Any) -> list[Any]:
        out = case.on_tensors(*xs)
        if not with_gradients:
            return [out]
        sources = [xs[i] for i in case.differentiated]
        found = grad([out], sources, [seed], allow_unused=True)
        return [out, *(g for g in found if g is not None)]

    return function


def traceable(cases: list[Case], dtype: type, examples: int) -> tuple[list[Any], list[Any]]:
    """Return functions that apply the cases; the first examples of an operation, with gradients."""
    functions, args = [], []
    seen: Counter[str] = Counter()
    for case in cases:
        seen[case.op] += 1
        inputs = [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.inputs]
        xs = [mt.tensor(x, requires_grad=i in case.differentiated) for i, x in enumerate(inputs)]
        with mt.no_grad():
            out = case.on_tensors(*xs)
        seed = np.asarray(np.random.default_rng(1).standard_normal(out.shape), out.dtype)
        gradients = seen[case.op] <= examples and REGISTRY[case.op].differentiable
        function = applied(case, gradients and bool(case.differentiated))
        try:
            trace(function, xs, seed)
        except TracingError:
            continue
        functions.append(function)
        args.append((xs, seed))
    return functions, args


NATIVE = [case for case in CASES if case.op not in BY_NUMPY]


@pytest.mark.parametrize("part", range(4))
def test_operations_and_their_gradients_agree_with_the_interpreter(part: int) -> None:
    size = -(-len(NATIVE) // 4)
    functions, args = traceable(NATIVE[part * size : (part + 1) * size], np.float64, 1)

    def everything(*args: Any) -> Any:
        return [f(*given) for f, given in zip(functions, args, strict=True)]

    check(trace(everything, *args), *args, rtol=1e-12, atol=1e-13)


def test_operations_of_numpy_are_called() -> None:
    functions, args = traceable([case for case in CASES if case.op in BY_NUMPY], np.float64, 0)

    def everything(*args: Any) -> Any:
        return [f(*given) for f, given in zip(functions, args, strict=True)]

    bound = check(trace(everything, *args), *args, rtol=1e-12, atol=1e-13)
    assert any("einsum" in line and "NumPy call" in line for line in bound.kernel.explain())


def test_operations_in_float32() -> None:
    first: dict[str, Case] = {}
    for case in NATIVE:
        first.setdefault(case.op, case)
    functions, args = traceable(list(first.values()), np.float32, 0)

    def everything(*args: Any) -> Any:
        return [f(*given) for f, given in zip(functions, args, strict=True)]

    check(trace(everything, *args), *args, rtol=1e-5, atol=1e-6)


# Values


def test_dtypes_are_numpys() -> None:
    def everything(b: Any, i1: Any, u1: Any, i8: Any, f4: Any, f8: Any) -> Any:
        numbers = [i1, u1, i8, f4, f8]
        out = [
            b + b,
            b * b,
            b & ~b,
            b | b,
            b ^ b,
            b.sum(),
            b.any(),
            b.all(),
            b.mean(),
            -i1,
            abs(i1),
        ]
        for x in numbers:
            out += [
                x + b,
                x * 3,
                x / 2,
                x // 3,
                x % 3,
                x > 1,
                x.sum(),
                x.mean(),
                x.max(),
                x.cumsum(),
            ]
            out += [np.where(b, x, 0), x**2, np.sqrt(x.astype(float)), np.sign(x), x.argmax()]
            for y in numbers:
                out += [x + y, x * y, np.maximum(x, y)]
                if {x.dtype, y.dtype} != {np.dtype("u1"), np.dtype("i1")}:
                    out += [x // y, x % y]
        return out

    rng = np.random.default_rng(0)
    args = (
        rng.random(7) > 0.5,
        np.array([-128, -7, -1, 0, 3, 100, 127], np.int8),
        np.array([0, 1, 2, 3, 100, 200, 255], np.uint8),
        np.array([-(2**63), -5, -1, 0, 2, 7, 2**63 - 1]),
        rng.standard_normal(7).astype(np.float32),
        rng.standard_normal(7),
    )
    check(trace(everything, *args), *args, rtol=1e-6)


def test_what_is_not_finite_stays_so() -> None:
    def everything(x: Any, y: Any) -> Any:
        both = [
            x + y,
            x * y,
            x / y,
            x % y,
            x // y,
            np.maximum(x, y),
            np.minimum(x, y),
            x > y,
            x == y,
        ]
        both += [np.fmax(x, y), np.fmin(x, y), np.logaddexp(x, y), np.hypot(x, y), x**y]
        each = [np.exp(x), np.log(x), np.sqrt(x), mt.sigmoid(x), mt.relu(x), mt.softplus(x)]
        each += [np.sign(x), np.tanh(x), np.isnan(x), np.isfinite(x), np.isinf(x), np.floor(x)]
        each += [x.max(), x.min(), x.sum(), x.argmax(), np.nan_to_num(x), np.clip(x, -1, 1)]
        return both + each + [mt.softmax(x[3:]), mt.logsumexp(x[3:]), 1 / x, -x]

    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.5, 1e308, -800.0, 800.0])
    x, y = (a.ravel() for a in np.meshgrid(special, special))
    check(trace(everything, x, y), x, y)


def test_long_sums_lose_no_more_than_numpys() -> None:
    x = np.random.default_rng(0).random((3, 100_000)).astype(np.float32)
    program = trace(lambda x: [x.sum(), x.sum(axis=1), np.exp(x).sum(), x.mean(axis=0)], x)
    total, rows, exponentials, columns = Bound(program, x).outputs()
    exact = x.astype(float)
    assert_allclose(total, exact.sum(), rtol=1e-6)
    assert_allclose(rows, exact.sum(axis=1), rtol=1e-6)
    assert_allclose(exponentials, np.exp(exact).sum(), rtol=1e-6)
    assert_allclose(columns, exact.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_of_all_kinds(dtype: type) -> None:
    rng = np.random.default_rng(0)

    def of(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    args = of(40, 30), of(30, 50), of(40, 50), of(3, 40, 30), of(30), of(1, 200), of(200, 30)

    def everything(a: Any, b: Any, c: Any, d: Any, v: Any, r: Any, m: Any) -> Any:
        out = [a @ b, a.T @ c, c @ b.T, b.T @ a.T, a[::2] @ b, a[:, ::-1] @ b, d @ b, d[:, 1:3] @ b]
        return [*out, a @ v, v @ b, v @ v, r @ m, d.swapaxes(1, 2) @ c, (a + 1.0) @ b, r.T @ r]

    check(
        trace(everything, *args),
        *args,
        rtol=100 * np.finfo(dtype).eps,
        atol=1e-5 if dtype is np.float32 else 1e-12,
    )


def random_program(seed: int) -> Callable[..., list[Any]]:
    def function(*values: Any) -> list[Any]:
        rng = np.random.default_rng(seed)
        known = list(values)
        for _ in range(14):
            x, y = (known[i] for i in rng.integers(len(known), size=2))
            kind = rng.integers(9)
            if kind < 3:
                try:
                    np.broadcast_shapes(x.shape, y.shape)
                except ValueError:
                    continue
                known.append([x + y, x * y, np.maximum(x, y)][kind])
            elif kind == 3:
                known.append(mt.sigmoid(x) if rng.random() < 0.5 else np.tanh(x))
            elif kind == 4 and x.ndim:
                axis = int(rng.integers(x.ndim))
                name = ["sum", "mean", "max"][rng.integers(3)]
                known.append(getattr(x, name)(axis=axis, keepdims=bool(rng.integers(2))))
            elif kind == 5 and x.ndim == 2:
                known.append(x.T)
            elif kind == 6 and x.ndim:
                known.append(x[::-1] if rng.random() < 0.5 else x[..., :2])
            elif kind == 7:
                known.append(x.reshape(-1))
            elif kind == 8 and x.ndim == 2:
                known.append(x.T @ x)
        return known[len(values) :]

    return function


def test_random_programs() -> None:
    rng = np.random.default_rng(5)
    values = [rng.standard_normal(shape) for shape in ((4, 3), (3,), (4, 1), (2, 4, 3), ())]
    functions = [random_program(seed) for seed in range(24)]
    program = trace(lambda *values: [f(*values) for f in functions], *values)
    check(program, *values, rtol=1e-11, atol=1e-11)


# What is changed in place


def parameters() -> tuple[mt.Tensor, mt.Tensor]:
    return (
        mt.tensor(np.arange(6.0).reshape(3, 2), requires_grad=True),
        mt.tensor(np.ones((3, 2)), requires_grad=True),
    )


def assert_steps_agree(step: Callable[..., Any], tensors: list[mt.Tensor], *args: Any) -> None:
    """Compare three native steps, and then two more repeated, with eager ones."""
    program = trace(step, *args)
    start = [t.data.copy() for t in tensors]
    for _ in range(5):
        step(*args)
    expected = [t.data.copy() for t in tensors]
    for t, x in zip(tensors, start, strict=True):
        t._array[...] = x
    bound = Bound(program, *args)
    for _ in range(3):
        bound.kernel.run()
    bound.kernel.repeat(2, [None] * len(bound.places))
    for t, x in zip(tensors, expected, strict=True):
        assert_allclose(t.data, x, rtol=1e-12, atol=1e-13)


def test_two_parameters_change_places() -> None:
    a, b = parameters()

    def step() -> None:
        with mt.no_grad():
            old = a * 1.0
            a[...] = b
            b[...] = old

    assert_steps_agree(step, [a, b])


def test_a_parameter_becomes_its_transpose_and_its_product() -> None:
    w = mt.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    v = mt.tensor([[0.1, 0.2], [0.3, -0.4]], requires_grad=True)

    def step() -> None:
        with mt.no_grad():
            new = w.T @ v
            v[...] = v.T + w
            w[...] = new

    assert_steps_agree(step, [w, v])


def test_an_update_that_the_rest_of_the_step_must_not_see() -> None:
    a, b = parameters()

    def step() -> Any:
        with mt.no_grad():
            before = a * 2.0
            a.__isub__(0.1)
            b.__iadd__(before.sum() + a[0, 0])
        return b

    assert_steps_agree(step, [a, b])


def test_the_old_value_of_a_parameter_is_handed_out() -> None:
    w = mt.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)

    def step() -> Any:
        with mt.no_grad():
            old = w.T * 1.0, w.detach().copy().T
            w.__isub__(1.0)
        return old

    program = trace(step)
    bound = Bound(program)
    before = w.data.copy()
    for mine in bound.outputs():
        assert_array_equal(mine, before.T)
    assert_array_equal(w.data, before - 1.0)


def test_training_with_momentum_repeats_as_it_steps() -> None:
    w = mt.tensor(np.linspace(-1, 1, 12).reshape(4, 3), requires_grad=True)
    optimizer = optim.SGD([w], lr=0.05)
    x, y = np.random.default_rng(0).standard_normal((2, 5, 3))

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = ((np.tanh(mt.tensor(x) @ w.T)[:, :3] - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    program = trace(step, x, y)
    start = w.data.copy()
    expected = [program(x, y).item() for _ in range(20)]
    w._array[...] = start
    bound = Bound(program, x, y)
    losses = np.zeros(20)
    stacked: list[Any] = [None] * len(bound.places)
    stacked[bound.kernel.results.index(program.outputs[0].atom)] = losses
    bound.kernel.repeat(20, stacked)
    assert_allclose(losses, expected, rtol=1e-12)


def test_results_in_memory_that_other_reads_share_are_staged() -> None:
    program = trace(lambda x, y: [x + y, (x * y).sum(), x.T @ y], *np.ones((2, 3, 3)))
    kernel = NativeKernel(program)
    x, y = np.arange(9.0).reshape(3, 3), np.ones((3, 3)) * 2
    expected = x + y, (x * y).sum(), x.T @ y
    total = np.zeros(())
    for i, array in enumerate((x, y)):
        kernel.set_read(i, array)
    for j, array in enumerate((x, total, y)):
        kernel.set_result(j, array)
    kernel.run()
    for mine, theirs in zip((x, total, y), expected, strict=True):
        assert_allclose(mine, theirs)


def test_scalars_are_read_anew_and_can_be_written() -> None:
    program = trace(lambda x, rate: [x * rate, rate + 1], np.ones(3), 0.5)
    kernel = NativeKernel(program)
    out, rate = np.zeros(3), kernel.cell(1)
    kernel.set_read(0, np.ones(3))
    kernel.set_result(0, out)
    kernel.set_scalar(1, 0.25)
    kernel.run()
    assert_array_equal(out, 0.25)
    kernel.set_scalar(1, 2.0)
    kernel.run()
    assert_array_equal(out, 2.0)
    assert rate == 2.0


# Indices


def gathered(x: Any, i: Any) -> Any:
    x = mt.tensor(x)
    return [x[i], (2.0 * x)[i].sum()]


def test_indices_that_are_arrays() -> None:
    x, i, j = np.arange(12.0).reshape(4, 3), np.array([0, -1, 3, -4]), np.array([2, 0, -3, 1])
    v = np.arange(4.0)

    def everything(x: Any, i: Any, j: Any, v: Any) -> Any:
        out = [x[i], x[i, j], x[:, j[:2]], x[i.reshape(2, 2)], x[i[:, None], j[None, :]]]
        scattered = ops.index.scatter_add(v, (i, j), (4, 3))
        return [*out, scattered, ops.index.scatter_add(x, i, (5, 3))]

    check(trace(everything, x, i, j, v), x, i, j, v)


@pytest.mark.parametrize("index", [4, -5, 2**40])
def test_an_index_out_of_bounds_names_the_line_and_changes_nothing(index: int) -> None:
    w = mt.tensor(np.arange(4.0), requires_grad=True)

    def step(i: Any) -> Any:
        with mt.no_grad():
            w.__isub__(1.0)
            return w[i]

    program = trace(step, np.array([0, 1]))
    i = np.array([0, 1])
    bound = Bound(program, i)
    before = w.data.copy()
    i[1] = index
    for run in bound.kernel.run, lambda: bound.kernel.repeat(3, [None] * len(bound.places)):
        with pytest.raises(IndexingError, match=rf"{index}.*length 4.*test_native.py:\d+, in step"):
            run()
        assert_array_equal(w.data, before)
    i[1] = -4
    bound.kernel.run()
    assert_array_equal(w.data, before - 1)


def test_class_indices() -> None:
    x, classes = np.random.default_rng(0).standard_normal((6, 4)), np.array([0, 3, 1, 2, 3, 0])

    def losses(x: Any, classes: Any) -> Any:
        x, classes = mt.tensor(x), mt.tensor(classes)
        mean = fused.mean_cross_entropy(x, classes)
        return [fused.cross_entropy(x, classes), mean, fused.softmax_error(x, classes)]

    bound = check(trace(losses, x, classes), x, classes)
    assert not any("NumPy call" in line for line in bound.kernel.explain())
    wrong = classes.copy()
    bound.kernel.set_read(1, wrong)
    wrong[2] = 4
    with pytest.raises(IndexingError, match=r"index 4.*length 4"):
        bound.kernel.run()


# Calls of NumPy


def test_what_has_no_native_form_is_called_and_said_to_be() -> None:
    x = np.random.default_rng(0).standard_normal((3, 3))

    def function(x: Any) -> Any:
        y = np.sin(x) + 1.0
        return np.linalg.inv(y) * 2.0

    bound = check(trace(function, x), x)
    lines = bound.kernel.explain()
    assert any(line.startswith("inv") and "NumPy call" in line for line in lines)
    assert any(line.startswith("sin") and "native loop" in line for line in lines)
    stacked = np.zeros((4, 3, 3))
    bound.kernel.repeat(4, [stacked])
    assert_allclose(stacked, np.broadcast_to(bound.places[0], (4, 3, 3)))
    x[...] = 0.0
    with pytest.raises(np.linalg.LinAlgError) as caught:
        bound.kernel.run()
    assert "test_native.py" in caught.value.__notes__[0]


def test_dtypes_that_numba_lacks_are_left_to_numpy() -> None:
    x = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float16)
    check(trace(lambda x: [x, x * 2, x.T, x.astype(np.float32) + 1, x.sum()], x), x)


# The disk, and what is not there

SCRIPT = """
    import time
    import numpy as np
    import microtensor as mt
    from microtensor.compile.derive import trace
    from microtensor.compile.native import NativeKernel

    kernel = NativeKernel(trace(lambda x: (mt.sigmoid(x) * x).sum(), np.ones((3, 4))))
    out = np.zeros(())
    kernel.set_read(0, np.ones((3, 4)))
    kernel.set_result(0, out)
    kernel.run()
    print(kernel.from_cache, kernel.compile_seconds, out)
"""


def run_script(**environment: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


def test_another_process_finds_the_code_on_disk(tmp_path: Path) -> None:
    first = run_script(NUMBA_CACHE_DIR=str(tmp_path))
    later = [run_script(NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(3)]
    second = min(later, key=lambda words: float(words[1]))
    assert first[0] == "False"
    assert second[0] == "True"
    assert float(second[1]) < 0.7 * float(first[1])
    assert first[2] == second[2]
    assert float(first[2]) == pytest.approx(12 / (1 + np.exp(-1.0)))


def test_a_folder_that_cannot_be_written_to_means_no_cache(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for _ in range(2):
        assert run_script(NUMBA_CACHE_DIR=str(file / "cache"))[0] == "False"


def test_without_numba_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'microtensor\[jit\]'"):
        NativeKernel(trace(lambda x: x + 1.0, np.ones(2)))
