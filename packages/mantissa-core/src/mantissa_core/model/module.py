"""What a module adds to a running instance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from .signal import Signal


@dataclass(frozen=True, slots=True)
class Job:
    """Work on a schedule. ``run`` gets the runtime; one run at a time."""

    name: str
    every: timedelta
    run: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Command:
    """A command under ``mantissa``. ``run`` gets the runtime and the remaining words, and returns the exit code."""

    name: str
    help: str
    run: Callable[[Any, Sequence[str]], int]


@dataclass(frozen=True, slots=True)
class Detector:
    """Code that looks at committed events of some tables and returns signals with deterministic ids."""

    name: str
    tables: Sequence[str]
    run: Callable[[str, pa.Table], Sequence[Signal]]
