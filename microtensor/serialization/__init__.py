"""Saving arrays, models and checkpoints as safetensors files, and loading them."""

from .saving import load, save

__all__ = ["load", "save"]
