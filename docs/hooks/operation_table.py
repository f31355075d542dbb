"""The page of all operations and their rules, made from the registry and the source of the tables.

``python docs/hooks/operation_table.py`` prints it; MkDocs builds it as one of its pages.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.testing.overrides import (
    get_overridable_numpy_array_functions,
    get_overridable_numpy_ufuncs,
)

from microtensor import ops
from microtensor.numpy_protocols import CONSTANT
from microtensor.op import IMPLEMENTATIONS, REGISTRY, Op

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

NAMESPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}

HEAD = """# Operations

Every operation that a graph is made of, with the rule that gives the gradient of each of its
inputs; then the functions composed of them, those whose results are constants to differentiation,
and those that are not supported. A rule reads `g`, the gradient of the output, `out`, the output,
and the inputs; a name in it that starts with an underscore is a function of the file named. `back`
is what the rules of a recurrence share: what the way back through time found.

This page is made from the tables in `microtensor/ops/`.
"""


def source_files() -> Iterator[tuple[str, ast.Module]]:
    """Yield the name and the syntax tree of each file of operations, in order."""
    for path in sorted(Path(ops.__file__).parent.glob("*.py")):
        if path.stem != "__init__":
            yield path.name, ast.parse(path.read_text("utf-8"))


def rules_of(call: ast.Call) -> ast.expr | None:
    """Return what the table gives as the rules of an operation."""
    by_keyword = {keyword.arg: keyword.value for keyword in call.keywords}
    return by_keyword.get("vjps", call.args[2] if len(call.args) > 2 else None)


def shown(rule: ast.expr, tree: ast.Module) -> str:
    """Return a rule as it is written, or what a function says that is one."""
    while isinstance(rule, ast.Lambda):
        rule = rule.body
    text = code(ast.unparse(rule))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == getattr(rule, "id", ""):
            text += f": {summary_of(ast.get_docstring(node) or 'see the file')}"
    return text


def summary_of(docstring: str) -> str:
    """Return the first sentence of a docstring, fit for the cell of a table."""
    return docstring.split("\n\n")[0].replace("\n", " ").replace("``", "`").replace("|", "\\|")


def code(text: str) -> str:
    """Return text as code in the cell of a table."""
    return f"`{' '.join(text.split())}`".replace("|", "\\|")


def table(tree: ast.Module) -> Iterator[str]:
    """Yield a line for each operation that a file registers."""
    known = numpy_functions()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        kind = call.func.id if isinstance(call.func, ast.Name) else ""
        if kind not in ("Op", "Recurrence", "Composed"):
            continue
        assert isinstance(call.args[0], ast.Constant)
        op = REGISTRY[str(call.args[0].value)]
        rules = rules_of(call)
        if rules is None:
            cell = "constant"
        else:
            each = rules.elts if isinstance(rules, ast.Tuple) else [rules]
            cell = "<br>".join(shown(rule, tree) for rule in each)
            if kind == "Composed":
                cell = f"by recording {cell}"
        functions = ", ".join(name for name, f in known.items() if IMPLEMENTATIONS.get(f) is op)
        yield f"| `{op.name}` | {functions} | {cell} |"


def numpy_functions() -> dict[str, Any]:
    """Return the public functions of NumPy that arrays of another kind can take over, by name."""
    functions = get_overridable_numpy_array_functions() | get_overridable_numpy_ufuncs()
    return {
        f"`{prefix}.{name}`": function
        for prefix, namespace in NAMESPACES.items()
        for name, function in sorted(vars(namespace).items())
        if not name.startswith("_") and callable(function) and function in functions
    }


def page() -> str:
    """Return the page, in Markdown."""
    lines = [HEAD]
    for name, tree in source_files():
        rows = list(table(tree))
        if rows:
            lines += [f"## {name}\n", summary_of(str(ast.get_docstring(tree))) + "\n"]
            lines += [
                "| operation | NumPy's | gradient of each input |",
                "|---|---|---|",
                *rows,
                "",
            ]
    functions = numpy_functions()
    composed = {
        name: IMPLEMENTATIONS[function]
        for name, function in functions.items()
        if function in IMPLEMENTATIONS and not isinstance(IMPLEMENTATIONS[function], Op)
    }
    lines += ["## Composed of these\n", "| function | |", "|---|---|"]
    for name, implementation in composed.items():
        lines.append(f"| {name} | {summary_of(str(inspect.getdoc(implementation)))} |")
    constant = [name for name, function in functions.items() if function in CONSTANT]
    refused = [
        name
        for name, function in functions.items()
        if function not in IMPLEMENTATIONS and function not in CONSTANT
    ]
    lines += [
        "\n## Constant to differentiation\n",
        "Besides the operations above that are marked so:\n",
        ", ".join(constant) + "\n",
        "## Not supported\n",
        "Called with a tensor, each of these raises an `UnsupportedError` that names it. (Those "
        "that only make arrays take one as `like=`; `np.array` and `np.asarray` of a tensor that "
        "requires a gradient raise a `GradientError` while operations are recorded.)\n",
        ", ".join(refused),
    ]
    return "\n".join(lines) + "\n"


def on_files(files: "Files", config: "MkDocsConfig") -> None:
    """Have MkDocs build the page with the others."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "operations.md", content=page()))


if __name__ == "__main__":
    print(page(), end="")
