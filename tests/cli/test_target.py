"""Tests of ``FILE.py:function`` and its arguments, which all commands that run code share."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .conftest import NET, Run

Write = Callable[[str, str], Path]


def dot(run: Run, target: str, *options: object) -> str:
    done = run("draw", target, "--format", "dot", "--out", "-", *options)
    assert (done.status, done.err) == (0, "")
    return done.out


def test_a_function_of_a_file_has_the_names_of_its_variables(run: Run) -> None:
    source = dot(run, "net.py:loss")
    assert "error = subtract" in source
    assert "z1 = matmul" in source  # of a function that it calls
    for name in ("X", "y", "W1", "W2"):  # of the module
        assert f"<b>{name}</b>" in source


def test_of_a_function_called_twice_the_last_call_has_the_names(run: Run, write: Write) -> None:
    write(
        "twice.py",
        """
        import microtensor as mt
        w = mt.tensor([1.0, 2.0], requires_grad=True)
        def term(k):
            scaled = w * k
            return scaled.sum()
        def main():
            return term(2.0) + term(3.0)
        """,
    )
    source = dot(run, "twice.py")
    assert source.count("<b>scaled = multiply</b>") == 1
    assert source.count("<td>multiply</td>") == 1


def test_attributes_of_the_users_object_are_names(run: Run, write: Write) -> None:
    write(
        "network.py",
        """
        import microtensor as mt
        class Network:
            def __init__(self):
                self.weights = mt.tensor([1.0, 2.0], requires_grad=True)
            def loss(self):
                self.output = mt.tanh(self.weights)
                return self.output.sum()
        network = Network()
        """,
    )
    source = dot(run, "network.py:network.loss")
    assert "self.weights" in source
    assert "self.output = tanh" in source


def test_a_variable_of_a_file(run: Run) -> None:
    assert "W1" in dot(run, "net.py:total")


def test_a_module_that_can_be_imported(run: Run) -> None:
    assert "z1 = matmul" in dot(run, "net:loss")


def test_a_path_from_elsewhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "else where").mkdir()
    monkeypatch.chdir(tmp_path / "else where")
    assert "z1 = matmul" in dot(run, "../net.py:loss")
    assert "z1 = matmul" in dot(run, f"{tmp_path / 'net.py'}:loss")


def test_without_a_function_it_is_main(run: Run, write: Write) -> None:
    write("m.py", "from net import loss\ndef main():\n    return loss()\n")
    assert "z1 = matmul" in dot(run, "m.py")


def test_modules_beside_the_file_are_imported_and_forgotten(run: Run, write: Write) -> None:
    before = sys.path.copy()
    write("main_file.py", "from net import loss as main\n")
    source = dot(run, "main_file.py")
    assert "z1 = matmul" in source
    assert "<b>W1</b>" in source  # of the module that the function is from
    write("net.py", NET.replace("z1", "changed"))
    assert "changed = matmul" in dot(run, "main_file.py")
    assert sys.path == before
    assert "net" not in sys.modules


def test_a_file_may_be_called_like_a_module_that_is_loaded(run: Run, write: Write) -> None:
    write("numpy.py", NET)
    write("random.py", NET)
    random = sys.modules.get("random")
    assert "z1 = matmul" in dot(run, "random.py:loss")
    assert sys.modules.get("random") is random


def test_dataclasses_of_the_file(run: Run, write: Write) -> None:
    write(
        "data.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        import microtensor as mt
        @dataclass
        class Point:
            w: mt.Tensor
        def main():
            return (Point(mt.tensor([1.0], requires_grad=True)).w * 2).sum()
        """,
    )
    assert "multiply" in dot(run, "data.py")


def test_what_the_file_prints_is_not_the_commands_output(run: Run, write: Write) -> None:
    write("loud.py", "print('loading')\nfrom net import loss\ndef main():\n    print('running')\n"
          "    return loss()\n")  # fmt: skip
    done = run("draw", "loud.py", "--format", "dot", "--out", "-")
    assert done.out.startswith("digraph")
    assert done.err == "loading\nrunning\n"


# Arguments


def test_shapes_of_arguments(run: Run) -> None:
    source = dot(run, "net.py:loss_fn", "--input", "W=2x1", "x=4x2", "y=4x1:float32")
    assert "(4, 2) float64" in source
    assert "(4, 1) float32" in source


def parameters(source: str) -> list[str]:
    return re.findall(r'tooltip="parameter (\S+)', source)


def test_wrt_says_what_is_a_parameter(run: Run) -> None:
    argv = ("net.py:loss_fn", "--input", "W=2x1", "x=4x2", "y=4x1")
    assert sorted(parameters(dot(run, *argv))) == ["W", "x", "y"]
    assert parameters(dot(run, *argv, "--wrt", "W")) == ["W"]
    assert sorted(parameters(dot(run, *argv, "--wrt", "W,x"))) == ["W", "x"]
    assert sorted(parameters(dot(run, *argv, "--wrt", "y", "x"))) == ["x", "y"]


def test_arguments_are_data_where_the_function_has_parameters(run: Run) -> None:
    argv = ("net.py:model", "--input", "input=4x2")
    own = ["0.bias", "0.weight", "2.bias", "2.weight"]
    assert sorted(parameters(dot(run, *argv))) == own
    assert sorted(parameters(dot(run, *argv, "--wrt", "input"))) == [*own, "input"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.5", "float 0.5"), ("-1e-3", "float -0.001"), ("3x4", "array (3, 4) float64"),
        ("3", "array (3,) float64"), ("scalar", "array () float64"),
        ("2x2:float32", "array (2, 2) float32"), ("5:int", "array (5,) int64"),
        ("0", "array (0,) float64"), ("5:bool", "array (5,) bool"),
        ("data.npy", "array (2, 3) int64"),
    ],
)  # fmt: skip
def test_what_an_argument_becomes(value: str, shown: str, run: Run, write: Write) -> None:
    np.save("data.npy", np.arange(6).reshape(2, 3))
    write(
        "show.py",
        """
        import microtensor as mt
        def main(a):
            kind = "array" if isinstance(a, mt.Tensor) else type(a).__name__
            print(kind, f"{a.shape} {a.dtype}" if kind == "array" else a)
        """,
    )
    done = run("draw", "show.py", "--input", f"a={value}", "--wrt")
    assert done.err.splitlines()[0] == shown


@pytest.mark.parametrize(
    ("parameter", "value", "shown"),
    [
        ("n: int", "3", "3"), ("n: 'float'", "3", "3.0"), ("n: bool", "True", "True"),
        ("n: str", "3x4", "'3x4'"), ("n=2", "3", "3"), ("n=2.0", "3", "3.0"), ("n='a'", "3", "'3'"),
        ("*, n: int", "3", "3"), ("n: int, /", "3", "3"),
    ],
)  # fmt: skip
def test_annotations_and_defaults_say_what_it_becomes(
    parameter: str, value: str, shown: str, run: Run, write: Write
) -> None:
    write("show.py", f"def main({parameter}):\n    print(repr(n))\n")
    assert run("draw", "show.py", "--input", f"n={value}").err.splitlines()[0] == shown


def test_defaults_and_the_seed(run: Run, write: Write) -> None:
    write("show.py", "def main(a, b=7):\n    print(a.data.tolist(), b)\n")
    expected = np.random.default_rng(3).normal(size=2).tolist()
    done = run("draw", "show.py", "--input", "a=2", "--seed", "3", "--wrt")
    assert done.err.splitlines()[0] == f"{expected} 7"


# What goes wrong is one line


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nett.py:loss"], "nett.py does not exist: did you mean net.py?"),
        (["absent.py:loss"], "absent.py does not exist"),
        ([".:loss"], ". is a folder: name a file in it, FILE.py:function"),
        (["."], ". is a folder: name a file in it, FILE.py:function"),
        (["net.py:nn.Linear"], "net.py:nn.Linear is a class: name a function, or an object"),
        (["net.py:los"], "net.py has no 'los': did you mean loss? It has hidden, loss, loss_fn"),
        (["net.py"], "no 'main': name a function, as in net.py:loss. It has hidden, loss"),
        (["loss"], "no file of that name: name a file and its function, FILE.py:loss"),
        (["nett:loss"], "there is no module 'nett'"),
        (["net.sub:loss"], "there is no module 'net.sub'"),
        (["net.py:loss_fn"], "takes W, x, y: give shapes, as in --input W=4x3 x=4x3 y=4x3"),
        (["net.py:loss_fn", "--input", "W=2x1", "x=4x2"], "net.py:loss_fn takes y: give shapes"),
        (["net.py:loss", "--input", "z=3"], "has no parameter 'z'; it has none"),
        (["net.py:loss_fn", "--input", "z=3"], "has no parameter 'z'; it has W, x, y"),
        (["net.py:loss_fn", "--wrt", "z"], "--wrt z: net.py:loss_fn has no parameter 'z'"),
        (["net.py:total", "--input", "z=3"], "net.py:total is no function"),
        (["--input", "W=2", "net.py:loss_fn"], "arguments are required: FILE.py:function"),
        (["net.py:loss_fn", "--input", "2x1"], "--input 2x1: write NAME=SHAPE"),
        (["net.py:loss_fn", "--input", "W=2x", "x=1", "y=1"], "'2x' is no shape as 4x3"),
        (["net.py:loss_fn", "--input", "W=2:f2", "x=1", "y=1"], "the dtype is one of float64"),
        (["net.py:loss_fn", "--input", "W=99999x99999", "x=1", "y=1"], "more than a gigabyte"),
        (["net.py:loss_fn", "--input", "W=no.npy", "x=1", "y=1"], "No such file"),
        (["net.py:loss_fn", "--input", "W=2:int", "x=1", "y=1", "--wrt", "W"], "no gradient"),
        (
            ["net.py:loss_fn", "--input", "W=2x2", "x=4x3", "y=4x1"],
            "net.py:28, in loss_fn: ShapeError: matmul of 'x' float64 (4, 3)",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("command", ["draw", "explore", "compare", "derive"])
def test_what_cannot_be_run(command: str, argv: list[str], message: str, run: Run) -> None:
    done = run(command, *argv)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("microtensor")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["net.py"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def main(:\n", "f.py:1: SyntaxError: invalid syntax"),
        ("1 / 0\n", "f.py:1, in <module>: ZeroDivisionError: division by zero"),
        ("def main():\n    raise KeyError('a\\nb')\n", "f.py:2, in main: KeyError: 'a\\nb'"),
        ("def main():\n    assert False\n", "f.py:2, in main: AssertionError"),
        ("import absent_module\n", "f.py:1, in <module>: ModuleNotFoundError: No module named"),
        ("import sys\nsys.exit(3)\n", "f.py ends the program, by sys.exit(3)"),
        ("def main():\n    import json\n    json.loads('{')\n", "f.py:3, in main: JSONDecodeError"),
        ("def main():\n    main()\n", "f.py:"),
        ("x = 1\n", "f.py has no 'main'. It has no function."),
    ],
)
def test_what_raises(source: str, message: str, run: Run, write: Write) -> None:
    write("f.py", source)
    done = run("draw", "f.py")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"microtensor: {message}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("argv", [["--debug", "draw", "f.py"], ["draw", "f.py", "--debug"]])
def test_debug_shows_the_traceback(argv: list[str], run: Run, write: Write) -> None:
    write("f.py", "def main():\n    return 1 / 0\n")
    done = run(*argv)
    assert done.status == 2
    assert done.err.startswith("Traceback (most recent call last):")
    assert "return 1 / 0" in done.err
    assert (
        done.err.splitlines()[-1]
        == "microtensor: f.py:2, in main: ZeroDivisionError: division by zero"
    )


def test_an_unexpected_error_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("microtensor.viz.draw", broken)
    done = run("draw", "net.py:loss")
    assert done.status == 1
    assert done.err.startswith("microtensor: RuntimeError: two lines (a defect of microtensor's")
    assert done.err.count("\n") == 1


def test_the_profile_of_others_goes_on(run: Run) -> None:
    def profile(*args: object) -> None:
        pass

    sys.setprofile(profile)
    try:
        run("draw", "net.py:loss")
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)


def test_python_m_microtensor(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET, "utf-8")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "microtensor", "derive", "net.py:loss"],
        cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("import numpy as np")
