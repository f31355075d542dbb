"""What the reference is made from: docstrings, read as this project writes them."""

import importlib
import inspect
import re
from collections.abc import Iterator
from types import FunctionType

import griffe

NAME = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)")
IN_A_SECTION = re.compile(r"(?s)(?P<before>.*\n-{3,}\n.*?\n\n)(?P<example>>>> .*)")
SECTION = re.compile(r"(?m)^(Returns|Yields)\n-+\n((?:.+\n?)+)")

# The types that .pyi files tell a checker are no documentation, which the modules have.
for extensions in (
    griffe.ModuleFinder.extensions_set,
    griffe.ModuleFinder.accepted_py_module_extensions,
):
    if ".pyi" in extensions:
        extensions.remove(".pyi")


class Docstrings(griffe.Extension):
    """Sees functions that are made by a call, links names, and lets results be told in prose."""

    def on_package(
        self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: object
    ) -> None:
        """Prepare a package whose files were all read."""
        modules = list(modules_of(pkg))
        for module in modules:
            add_made_functions(module)
        for module in modules:
            for each in objects_of(module):
                if each.docstring:
                    each.docstring.value = prepared(each, each.docstring.value, pkg)
        loader.resolve_aliases(implicit=True, external=False)
        for function in [each for module in modules for each in shadowed(module, pkg)]:
            function.parent.set_member(function.name, function)


def modules_of(module: griffe.Module) -> Iterator[griffe.Module]:
    """Yield a module, and those inside."""
    yield module
    for each in module.modules.values():
        if not each.is_alias:
            yield from modules_of(each)


def objects_of(parent: griffe.Object) -> Iterator[griffe.Object]:
    """Yield an object and its members, but not the modules of a package."""
    yield parent
    for member in parent.members.values():
        if not member.is_alias and not member.is_module:
            yield from objects_of(member)


def add_made_functions(module: griffe.Module) -> None:
    """Replace variables that hold functions, `exp = _function(ops.exp)`, by what they hold."""
    for name, variable in list(module.attributes.items()):
        if variable.is_alias or name.startswith("_") or name not in (module.exports or ()):
            continue
        value = getattr(importlib.import_module(module.path), name)
        if not isinstance(value, FunctionType):
            continue
        function = griffe.Function(name, parameters=parameters_of(value))
        function.docstring = griffe.Docstring(inspect.getdoc(value) or "", parent=function)
        module.set_member(name, function)


def shadowed(module: griffe.Module, package: griffe.Module) -> Iterator[griffe.Alias]:
    """Yield the functions whose names are also a file's, as `viz.draw`."""
    for name, inner in module.modules.items():
        if name in (module.exports or ()) and not inner.is_alias and not inner.is_subpackage:
            value = getattr(importlib.import_module(module.path), name)
            if isinstance(value, FunctionType):
                home = value.__module__.removeprefix(f"{package.name}.")
                yield griffe.Alias(name, package[home][name], parent=module)


def parameters_of(function: FunctionType) -> griffe.Parameters:
    """Return the parameters that a function says it has."""
    return griffe.Parameters(
        *(
            griffe.Parameter(
                each.name,
                kind=griffe.ParameterKind(each.kind.description),
                default=None if each.default is each.empty else repr(each.default),
            )
            for each in inspect.signature(function).parameters.values()
        )
    )


def prepared(each: griffe.Object, text: str, package: griffe.Module) -> str:
    """Return a docstring as Markdown that mkdocstrings understands."""
    text = re.sub(r"(?m)::$", ":", text)
    if "\nExamples\n--------\n" not in text:
        text = IN_A_SECTION.sub(r"\g<before>Examples\n--------\n\g<example>", text, count=1)
    text = SECTION.sub(told_in_prose, text)
    return "\n".join(
        line if line.lstrip().startswith((">>>", "...")) else linked(each, line, package)
        for line in text.split("\n")
    )


def told_in_prose(section: re.Match[str]) -> str:
    """Return a section on results so that all of its text is the description of one result."""
    title, body = section.groups()
    lines = "".join(f"    {line}\n" for line in body.rstrip("\n").split("\n"))
    return f"{title}\n{'-' * len(title)}\n:\n{lines}"


def linked(each: griffe.Object, line: str, package: griffe.Module) -> str:
    """Return a line in which names in single backticks lead to what they name, if it is known."""

    def link(found: re.Match[str]) -> str:
        target = resolved(each, found[1], package)
        if target is None or target == each.path:
            return found[0]
        return f'<autoref identifier="{target}" optional>{found[0]}</autoref>'

    return NAME.sub(link, line)


def resolved(each: griffe.Object, name: str, package: griffe.Module) -> str | None:
    """Return the path of what a name of the package means in an object's docstring."""
    first, _, rest = name.partition(".")
    if first in ("mt", package.name):
        return f"{package.name}.{rest}" if rest else None
    scope: griffe.Object | None = each
    while scope is not None:
        if first in scope.members:
            member = scope.members[first]
            path = member.target_path if isinstance(member, griffe.Alias) else member.path
            inside = path.split(".")[0] == package.name
            return f"{path}{name.removeprefix(first)}" if inside else None
        scope = scope.parent
    if first in package["Tensor"].all_members:
        return f"{package.name}.Tensor.{name}"
    return None
