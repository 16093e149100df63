"""Mantissa Log: the SIEM that you pip install.

``Runtime`` is the way in for programs; plugin authors need :mod:`mantissa_core.hookspecs`,
:mod:`mantissa_core.model` and :mod:`mantissa_core.errors`. Nothing heavy is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runtime import Detected, Runtime

__version__ = "0.1.0"
__all__ = ["Detected", "Runtime", "__version__"]


def __getattr__(name: str) -> Any:
    if name in {"Runtime", "Detected"}:
        from . import runtime

        return getattr(runtime, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
