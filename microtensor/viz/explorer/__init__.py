"""The page that `microtensor.viz.explore` writes: its data, and its HTML, CSS and JavaScript."""
