"""Showing what was written."""

from __future__ import annotations

import argparse
from pathlib import Path

from .failure import complain

__all__ = ["add_open", "open_in_browser"]


def add_open(parser: argparse.ArgumentParser) -> None:
    """Add the option that asks for it."""
    parser.add_argument("--open", action="store_true", help="open the file in the browser")


def open_in_browser(path: Path) -> None:
    """Open a file in the browser; say so if there is none."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        complain(f"no browser was found to open {path} in")
