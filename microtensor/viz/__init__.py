"""Pictures: the compute graph, drawn by `draw` and written by `render`, and curves of training."""

from .curves import plot_history
from .draw import draw
from .render import render

__all__ = ["draw", "plot_history", "render"]
