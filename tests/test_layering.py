"""The layers of the design: a module imports from those above it in the table, never from below."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import microtensor

PACKAGE = Path(microtensor.__file__).parent

LAYERS = {
    "errors": 0, "state": 0, "inplace": 0, "names": 0, "files": 0, "notebook": 0,
    "pytorch_names": 0,
    "op": 1,
    "engine": 2, "ops": 2, "diagnosis": 2, "record": 2, "sites": 2, "hooks": 2, "anomaly": 2,
    "gradients": 3, "in_place_methods": 3, "array_methods": 3, "numpy_protocols": 3, "tensor": 3,
    "functions": 4, "linalg": 4,
    "autograd": 4, "gradcheck": 4, "func": 4, "scopes": 4, "graph": 4, "nn": 4, "optim": 4,
    "custom": 4, "data": 4,
    "viz": 5, "compare": 5, "compile": 5, "serialization": 5, "onnx": 5,
    "tutorials": 6, "cli": 6, "__init__": 6, "__main__": 6,
}  # fmt: skip
"""The layer of each module or package directly in ``microtensor/``: the table of the design."""


def part(module: str) -> str:
    """Return which part of the package a module such as ``microtensor.ops.shape`` belongs to."""
    return module.partition(".")[2].partition(".")[0] or "__init__"


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield the line and the module of every import from within the package that ever runs."""
    tree = ast.parse(source)
    for_types_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in for_types_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "microtensor":
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                keep = len(parents) - node.level + is_package
                base = ".".join([*parents[:keep], *([base] if base else [])])
            if base == "microtensor":  # `from . import engine` names modules, or public names
                for alias in node.names:
                    known = alias.name in LAYERS and alias.name != "__init__"
                    yield node.lineno, f"microtensor.{alias.name}" if known else "microtensor"
            elif base.partition(".")[0] == "microtensor":
                yield node.lineno, base


def complaints(source: str, module: str, is_package: bool = False) -> list[str]:
    """Say what is wrong with a module's imports."""
    mine = part(module)
    if mine not in LAYERS:
        return [f"{module}: place {mine!r} in LAYERS, and in the table of the design"]
    found = []
    for line, imported in imports(source, module, is_package):
        other = part(imported)
        if other not in LAYERS:
            found.append(
                f"{module}:{line}: place {other!r} in LAYERS, and in the table of the design"
            )
        elif LAYERS[other] > LAYERS[mine]:
            found.append(
                f"{module}:{line} (layer {LAYERS[mine]}) imports {imported} (layer {LAYERS[other]})"
            )
    return found


def modules() -> Iterator[tuple[Path, str, bool]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        names = path.relative_to(PACKAGE.parent).with_suffix("").parts
        is_package = names[-1] == "__init__"
        yield path, ".".join(names[:-1] if is_package else names), is_package


def test_no_module_imports_upward() -> None:
    found = [
        complaint
        for path, module, is_package in modules()
        for complaint in complaints(path.read_text("utf-8"), module, is_package)
    ]
    assert not found, "\n".join(found)


def test_operations_and_the_engine_do_not_know_the_tensor() -> None:
    for path, module, _ in modules():
        if part(module) in ("engine", "ops", "op"):
            names = {
                node.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Name)
            }
            assert "Tensor" not in names, module


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("engine", "from .tensor import Tensor", "imports microtensor.tensor (layer 3)"),
        ("engine", "from . import tensor", "imports microtensor.tensor (layer 3)"),
        ("engine", "import microtensor.tensor as t", "imports microtensor.tensor (layer 3)"),
        ("engine", "from microtensor import Tensor", "imports microtensor (layer 6)"),
        ("engine", "import microtensor", "imports microtensor (layer 6)"),
        (
            "engine",
            "if TYPE_CHECKING:\n    pass\nelse:\n    from .nn import a",
            "microtensor.nn (layer 4)",
        ),
        ("engine", "def f():\n    from .nn import Module", "imports microtensor.nn (layer 4)"),
        ("ops.shape", "from ..tensor import Tensor", "imports microtensor.tensor (layer 3)"),
        ("ops.shape", "from .. import tensor", "imports microtensor.tensor (layer 3)"),
        ("nn.module", "from ..viz.draw import draw", "imports microtensor.viz.draw (layer 5)"),
        ("errors", "from .op import Op", "imports microtensor.op (layer 1)"),
        ("compare", "from .cli import main", "imports microtensor.cli (layer 6)"),
        ("state", "from .novelty import thing", "place 'novelty'"),
        ("novelty", "import numpy", "place 'novelty'"),
    ],
)
def test_the_checker_finds_an_upward_import(module: str, source: str, wrong: str) -> None:
    (found,) = complaints(source, f"microtensor.{module}")
    assert wrong in found


@pytest.mark.parametrize(
    ("module", "source", "is_package"),
    [
        ("tensor", "from . import engine, ops\nfrom .ops.index import prepare", False),
        ("ops.linalg", "from ..op import Op\nfrom .elementwise import multiply", False),
        ("ops", "from .elementwise import add\nfrom ..errors import ShapeError", True),
        ("nn", "from . import init\nfrom ..tensor import Tensor", True),
        ("cli", "import microtensor as mt\nimport numpy as np", False),
        ("record", "if TYPE_CHECKING:\n    from .tensor import Tensor", False),
        ("engine", "import microtensors\nfrom numpy import tensor", False),
    ],
)
def test_the_checker_permits_a_downward_import(module: str, source: str, is_package: bool) -> None:
    assert complaints(source, f"microtensor.{module}", is_package) == []
