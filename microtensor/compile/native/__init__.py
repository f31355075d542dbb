"""The numba backend: a program as native code, and NumPy calls for what has no native form.

`NativeKernel` is what the rest of the library uses. A program is taken apart into equations that
have a native form (`expand`), these are put together into loops (`plan`, `fusion`), the loops are
written down as the source of a module of Python functions (`emit`), and numba compiles that and
keeps it on disk (`module`). numba is imported when a kernel is made, and not before.
"""

from .kernel import NativeKernel

__all__ = ["NativeKernel"]
