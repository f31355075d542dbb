"""Tests of microtensor.viz.explorer."""
