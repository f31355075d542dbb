import sys
from pathlib import Path

from microtensor import __version__

sys.path.insert(0, str(Path(__file__).parent))
from operation_table import page

(Path(__file__).parent / "operations.md").write_text(page(), "utf-8")

project = "microtensor"
author = "the microtensor developers"
copyright = "2026, the microtensor developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "microtensor"
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False

nitpick_ignore_regex = [
    # Other projects document these. Looking them up needs the network.
    (r"py:.*", r"(numpy|np|npt|graphviz|onnx|collections|typing|os)\..*"),
    (r"py:class", r"ArrayLike|Comparison|DynamicAxes|Path|Figure|Index|init\.Generator"),
    (r"py:class", r"([\w.]+\.)?_?[A-Z]"),  # type variables
]
