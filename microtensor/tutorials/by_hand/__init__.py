"""The tutorials' networks in plain NumPy, with gradients derived by hand."""
