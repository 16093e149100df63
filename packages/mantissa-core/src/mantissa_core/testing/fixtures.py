"""Fixtures and the option that every project with ``mantissa-core[testing]`` has.

Imports nothing heavy: coverage starts later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conformance import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
)

if TYPE_CHECKING:
    from mantissa_core import Runtime

__all__ = [
    "mantissa",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "start_plugin",
]


@pytest.fixture
def start_plugin() -> Iterator[Callable[..., Any]]:
    """``start_plugin(Collector, "acme.audit", settings)``: an installed plugin, started as the runtime starts it.

    It proves the entry point, the settings and the hooks' signatures, and returns a stand-in whose calls go
    through the host.
    """
    from mantissa_core.host import Host

    hosts: list[Host] = []

    def start(kind: type, name: str, settings: Mapping[str, Any] | None = None, **secrets: str) -> Any:
        host = Host(secrets=secrets.get)
        hosts.append(host)
        if not host.start(kind, name, "subject", settings or {}):
            pytest.fail(str(next(iter(host.quarantine.values()))))
        return host.get(kind, "subject")

    yield start
    for host in hosts:
        host.close()


@pytest.fixture
def mantissa(tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    """``mantissa(collectors={…}, sinks={…})``: a whole instance in a temporary folder, closed at the end."""
    from mantissa_core import Runtime

    opened: list[Runtime] = []

    def open_runtime(**sections: Any) -> Runtime:
        opened.append(Runtime.open({"home": str(tmp_path / f"home{len(opened)}"), **sections}))
        return opened[-1]

    yield open_runtime
    for runtime in opened:
        runtime.close()
