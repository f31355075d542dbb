"""Makes the README's pictures, of what its own examples compute: ``python docs/readme/make.py``.

Needs Chromium and its driver for the screenshot.
"""

import doctest
import shutil
import tempfile
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

import microtensor as mt

FOLDER = Path(__file__).parent
README = FOLDER.parents[1] / "README.md"


def variables() -> dict[str, Any]:
    """Return the variables that the README's examples end with, those about pictures."""
    text = README.read_text("utf-8").partition("## What is wrong")[0]
    ended = text.replace("\n```\n", "\n\n```\n")  # as doctest wants output to end
    test = doctest.DocTestParser().get_doctest(ended, {}, "README", str(README), 0)
    doctest.DebugRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, clear_globs=False)
    return test.globs


def photograph(page: Path, path: Path) -> None:
    """Write a picture of the explorer in the middle of its backward pass."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in ("--headless=new", "--no-sandbox", "--window-size=1360,1000"):
        options.add_argument(option)
    with Chrome(options=options, service=ChromeService(shutil.which("chromedriver"))) as browser:
        browser.get(f"{page.as_uri()}#step=12&tensor=W2")
        browser.save_screenshot(path)


def main() -> None:
    """Make both."""
    names = variables()
    mt.viz.render(names["drawing"], FOLDER / "graph.svg")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        # Run among the examples, whose variables give the tensors their names.
        exec(f"mt.viz.explore(loss, {str(page)!r}, title='backprop')", names)
        photograph(page, FOLDER / "explorer.png")


if __name__ == "__main__":
    main()
