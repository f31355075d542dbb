"""Tests of the package without any extra: what works then, and what the rest says.

They are run where no extra is installed, with `--noconftest`, since the others' packages are not
there either; with REQUIRE_NO_EXTRAS they fail, rather than skip, where there is one.
"""

import importlib
import importlib.util
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.errors import MissingDependencyError

EXTRAS = {
    "plot": ["matplotlib"],
    "jit": ["numba", "scipy"],
    "io": ["safetensors"],
    "onnx": ["onnx"],
    "completion": ["argcomplete"],
    "examples": ["sklearn"],
}
INSTALLED = [m for modules in EXTRAS.values() for m in modules if importlib.util.find_spec(m)]
EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
WITHOUT_EXTRAS = {
    "backprop_ninja", "compare_first_tutorial", "compare_second_tutorial", "derive_and_compile",
    "draw_the_graph", "explore_backprop", "second_derivatives", "two_layer_network",
}  # fmt: skip

if INSTALLED and not os.environ.get("REQUIRE_NO_EXTRAS"):
    pytest.skip(f"extras are installed: {', '.join(INSTALLED)}", allow_module_level=True)

X = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])


@pytest.fixture
def model() -> nn.Sequential:
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Linear(3, 8, generator=rng), nn.Tanh(), nn.Linear(8, 1, generator=rng), nn.Sigmoid()
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is empty; no `dot` is on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    return tmp_path


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_no_extra_is_installed() -> None:
    assert INSTALLED == []


def test_every_module_that_is_not_an_extras_own_can_be_imported() -> None:
    failed = {}
    for module in pkgutil.walk_packages(mt.__path__, "microtensor."):
        if module.name != "microtensor.__main__":
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                failed[module.name] = error.name
    assert failed == {
        "microtensor.compile.native.intrinsics": "llvmlite",
        "microtensor.compile.native.scalars": "numba",
        "microtensor.viz.notebook_figure": "matplotlib",
    }


def test_every_public_name_is_there() -> None:
    assert [name for name in mt.__all__ if not hasattr(mt, name)] == []
    assert mt.__version__ == importlib.metadata.version("microtensor")


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_network_is_trained(model: nn.Sequential, compiled: bool) -> None:
    optimizer = optim.Adam(model.parameters(), lr=0.05)

    def step(x: mt.Tensor, y: mt.Tensor) -> mt.Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if compiled:
        step = mt.compile(step)
    losses = [step(mt.tensor(X), mt.tensor(Y)).item() for _ in range(200)]
    assert losses[-1] < 0.05 < 0.5 < losses[0]
    assert (model(X).numpy().round() == Y).all()


def test_batches_and_a_schedule(model: nn.Sequential) -> None:
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1)
    for x, y in mt.data.DataLoader((X, Y), batch_size=2, shuffle=True):
        F.mse_loss(model(x), y).backward()
        optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [pytest.approx(0.01)]


def test_a_graph_is_drawn_and_explored(model: nn.Sequential, folder: Path) -> None:
    loss = F.mse_loss(model(X), mt.tensor(Y))
    for format, begins in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        path = mt.viz.render(mt.viz.draw(loss, values=True), folder / f"graph.{format}")
        assert path.read_bytes().startswith(begins)
    assert "</html>" in mt.viz.explore(loss, folder / "graph.html").read_text("utf-8")


def test_gradients_are_compared_derived_and_checked() -> None:
    W = mt.tensor([[0.1], [-0.4], [0.3]], requires_grad=True, name="W")
    z = X @ W
    a = mt.sigmoid(z)
    loss = ((a - Y) ** 2).sum()
    da = 2 * (a.numpy() - Y)
    comparison = mt.compare(loss, {a: da, z: da})
    (row,) = comparison.roots
    assert row.cause is not None
    assert row.cause.kind == "missing_derivative"

    def loss_fn(W: mt.Tensor, x: mt.Tensor) -> mt.Tensor:
        return ((mt.sigmoid(x @ W) - Y) ** 2).sum()

    assert "d_W = x.T @" in mt.derive(loss_fn, W, X, argnums=0).source
    assert mt.autograd.gradcheck(lambda W: loss_fn(W, mt.tensor(X)), (W,))
    hessian = mt.func.hessian(lambda W: loss_fn(W, mt.tensor(X)))(W)
    assert hessian.shape == (3, 1, 3, 1)


@pytest.mark.parametrize(
    ("extra", "use"),
    [
        ("plot", lambda model: mt.viz.plot_history([1.0, 0.5])),
        ("io", lambda model: mt.save("model.safetensors", model.state_dict())),
        ("io", lambda model: mt.load("saved.safetensors")),
        ("onnx", lambda model: mt.onnx.export(model, X, "model.onnx")),
        ("jit", lambda model: mt.compile(lambda x: np.exp(x), backend="numba")(mt.tensor(X))),
    ],
)
def test_what_needs_an_extra_says_which(
    extra: str, use: Callable[[nn.Sequential], object], model: nn.Sequential, folder: Path
) -> None:
    header = b'{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}'
    saved = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / "saved.safetensors").write_bytes(saved)
    with pytest.raises(MissingDependencyError) as raised:
        use(model)
    assert f"pip install 'microtensor[{extra}]'" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(list(folder.iterdir())) == 1


def test_check_says_how_to_install_each_extra(folder: Path) -> None:
    done = run("-m", "microtensor", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The core works." in done.stdout
    for extra in EXTRAS.keys() - {"examples"}:
        assert f"pip install 'microtensor[{extra}]'" in done.stdout


def test_commands(folder: Path) -> None:
    (folder / "net.py").write_text(
        "import numpy as np, microtensor as mt\n"
        "W = mt.tensor([[1.0], [2.0]], requires_grad=True)\n"
        "def loss(): return ((np.ones((3, 2)) @ W) ** 2).sum()\n"
        "def loss_fn(W): return (W ** 2).sum()\n"
        "def by_hand(): return loss(), {W: np.full((2, 1), 18.0)}\n",
        "utf-8",
    )
    for argv in (
        ["draw", "net.py:loss", "--out", "graph.svg"],
        ["explore", "net.py:loss", "--out", "graph.html"],
        ["compare", "net.py:by_hand"],
        ["derive", "net.py:loss_fn", "--input", "W=2x1"],
    ):
        done = run("-m", "microtensor", *argv)
        assert (done.returncode, done.stderr) == (0, ""), argv
    assert {path.name for path in folder.iterdir()} >= {"graph.svg", "graph.html"}


def test_the_tutorial_makes_all_but_the_curves(folder: Path) -> None:
    done = run("-m", "microtensor", "tutorial", "two-layer", "--out", folder)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "pip install 'microtensor[plot]'" in done.stderr
    assert {path.suffix for path in folder.iterdir()} == {".csv", ".svg", ".dot", ".html"}


def test_completion_says_what_it_needs(folder: Path) -> None:
    done = run("-m", "microtensor", "completion", "bash")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "pip install 'microtensor[completion]'" in done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_or_says_what_it_needs(path: Path, folder: Path) -> None:
    done = run(path, *(["--small"] if '"--small"' in path.read_text("utf-8") else []))
    if path.stem in WITHOUT_EXTRAS:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert "pip install 'microtensor[" in done.stderr.splitlines()[-1]
