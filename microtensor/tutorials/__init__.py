"""The networks of two tutorials, by hand-derived gradients and by automatic ones."""
