"""Places and networks of addresses, from files in MaxMind's database format.

Reference: https://maxmind.github.io/MaxMind-DB/ and, for the records, https://dev.maxmind.com/geoip/docs/databases/.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import maxminddb
import structlog
from mantissa_core.alert.enrich.addresses import ADDRESSES, public_addresses
from mantissa_core.alert.enrich.values import bounded
from mantissa_core.alert.enrich.watched_file import WatchedFile
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Enrichment
from pydantic import Field

from .record import facts

MOST = 30
"""Addresses that are looked up for one alert."""
_DAY = 86_400

_log = structlog.get_logger(__name__)


class MaxMind:
    """Tells country, city, coordinates, autonomous system and organisation of the addresses of an alert.

    Asks nobody: the databases are files, read into memory. A file that changes is read again.
    """

    about = ADDRESSES
    locates = True

    class Config(PluginConfig):
        """Settings of ``maxmind.ip``."""

        databases: tuple[Path, ...] = Field(min_length=1)
        """Files in MaxMind's format (.mmdb). Where several know a fact, the first of them counts."""
        stale_days: int = Field(default=30, ge=1)
        """Days after which a database counts as old: the log warns when it is read."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._databases = [WatchedFile(path, self._open) for path in config.databases]

    @hookimpl
    def check(self) -> None:
        """Read every database that has changed."""
        for each in self._databases:
            each.check()

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Return the facts of each address under ``ips``, and under ``databases`` how old the sources are.

        Raises:
            NeedsOperator: none of the databases that can be read knows anything, and one cannot be read.
            Retry: a large database is being read for the first time.
        """
        asked = public_addresses(alert, MOST)
        found: dict[str, dict[str, Any]] = {}
        built: dict[str, str] = {}
        refused: NeedsOperator | None = None
        for database in self._databases if asked else ():
            try:
                reader = database.content()
                known = {text: each for text, address in asked.items() if (each := _known(reader, address))}
            except NeedsOperator as error:
                refused = error  # the others may know enough; check() and the log tell of this one
                continue
            found |= {text: each | found.get(text, {}) for text, each in known.items()}
            built |= {database.path.name: _day(reader)} if known else {}
        if refused and not found:
            raise refused
        return Enrichment({"ips": bounded(found), "databases": built}) if found else None

    def _open(self, path: Path) -> maxminddb.Reader:
        """Read the whole file: one that is mapped instead and then cut short would take the process with it."""
        try:
            reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
            built = _day(reader)
            _known(reader, "192.0.2.1")
        except (OSError, NeedsOperator):
            raise
        except Exception as error:  # the reader trusts its file: anything may come of a broken one
            raise NeedsOperator(f"no database in MaxMind's format ({type(error).__name__})") from error
        if time.time() - reader.metadata().build_epoch > self.config.stale_days * _DAY:
            _log.warning("database is old", path=str(path), built=built)
        return reader


def _known(reader: maxminddb.Reader, address: str) -> dict[str, Any]:
    if ":" in address and reader.metadata().ip_version == 4:
        return {}
    try:
        record = reader.get(address)
    except Exception as error:  # as above
        raise NeedsOperator(f"a database is damaged ({type(error).__name__}): replace it") from error
    return facts(record) if isinstance(record, Mapping) else {}


def _day(reader: maxminddb.Reader) -> str:
    """When it was built."""
    return f"{datetime.fromtimestamp(reader.metadata().build_epoch, UTC):%Y-%m-%d}"
