"""Models as ONNX files, which other tools run."""

from .export import export

__all__ = ["export"]
