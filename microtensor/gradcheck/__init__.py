"""Checking derivative rules against finite differences: every element, to second order.

`probe` calls the function under test, `differences` differentiates it numerically, `checking` holds
the recorded derivatives against that, `mismatch` says what is wrong.
"""

from .checking import gradcheck, gradgradcheck
from .mismatch import Mismatch

__all__ = ["Mismatch", "gradcheck", "gradgradcheck"]
