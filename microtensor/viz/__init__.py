"""Pictures: the compute graph, as a drawing and as a page to step through; curves of training."""

from .curves import plot_history
from .draw import draw
from .explore import explore
from .health import Thresholds
from .histograms import plot_histograms
from .history import History
from .layers import plot_gradients, plot_updates
from .render import render

__all__ = [
    "History",
    "Thresholds",
    "draw",
    "explore",
    "plot_gradients",
    "plot_histograms",
    "plot_history",
    "plot_updates",
    "render",
]
