"""What a plugin offers for a simulation of live collection from all sources at once: its file ``tests/live.py``.

.. code-block:: python

    @contextmanager
    def live() -> Iterator[list[Live]]:
        with FakeAcme() as fake:
            settings = {"url": fake.url, "page_size": 100}
            yield [Live("acme.audit", settings, fake, {"acme_audit": "event_id"}, secrets={"token": "t0ken"})]

The file lies beside the fake and may import it by name. :mod:`.live_run` starts the plugins of all such files in one
instance, lets hours pass, puts events into the fakes, makes them misbehave, kills the process, and compares.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from .collector_source import Fault, Source

FILE = "live.py"

HARMLESS = frozenset(
    {
        Fault.RATE_LIMIT,
        Fault.SERVER_ERROR,
        Fault.TRUNCATED,
        Fault.RESET,
        Fault.ERROR_PAGE,
        Fault.ERROR_DOCUMENT,
        Fault.TOKEN_EXPIRED,
        Fault.TOKEN_LAPSED,
        Fault.SKEWED_CLOCK,
        Fault.DUPLICATES,
    }
)
"""Faults that are drawn: a fake may leave them at any moment, and none costs real seconds."""


@dataclass(frozen=True)
class Live:
    """A fake, and the collector that reads it.

    ``tables`` maps each table that the collector fills to the SQL expression that gives :attr:`Event.id` back: every
    event that is put into ``source`` must be in each of them, once. ``settings`` are the plugin's; ``secrets`` are
    those that the instance's secret store holds. ``environment`` is set for the collecting process. ``late`` bounds
    how long after its time an event appears; without it the shortest overlap of the collector's streams does.
    """

    plugin: str
    settings: Mapping[str, Any]
    source: Source
    tables: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    late: timedelta | None = None
    faults: frozenset[Fault] = HARMLESS

    def possible(self) -> list[Fault]:
        """The faults that may be drawn, always in the same order."""
        return sorted(self.faults & self.source.faults, key=lambda each: each.name)


Opened = AbstractContextManager[Iterable[Live]]


def read(file: Path) -> Callable[[], Opened]:
    """The function ``live`` of a plugin's file.

    Raises:
        ImportError, AttributeError: the file cannot be imported, or has no such function.
    """
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # for the fake
    spec = spec_from_file_location(f"live_of_{file.parent.parent.name.replace('-', '_')}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    live: Callable[[], Opened] = module.live
    return live


def found(root: Path) -> list[Path]:
    """The files of a workspace's members."""
    return sorted([*root.glob(f"packages/*/tests/{FILE}"), *root.glob(f"plugins/*/tests/{FILE}")])
