"""Tests beside PyTorch, which is no dependency: they are skipped where it is not installed."""
