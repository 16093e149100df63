"""The enricher ``acme.gadget``: owners of assets from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Enrichment

CRITICALITIES = ("low", "medium", "high", "critical")
LONGEST = 100
"""Characters of a name or an owner."""
MOST = 20
"""Assets that are named in one alert: facts may have 16 KB of JSON."""


class Asset(NamedTuple):
    """A row of the file."""

    owner: str
    criticality: str


class Gadget:
    """Looks an alert's entities up in a CSV file with the columns name, owner and criticality.

    Upper and lower case are the same. The file is read again once it has changed; replace it as a
    whole (write another and rename it), so that half a file is never read.
    """

    class Config(PluginConfig):
        """Which file, and what is looked up in it."""

        path: Path
        """The CSV file, in UTF-8, with a header."""
        entities: tuple[str, ...] = ("user", "src_ip", "dst_ip", "target")
        """Kinds of entities that are looked up."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._assets: Mapping[str, Asset] = {}
        self._seen: tuple[int, ...] = ()

    @hookimpl
    def check(self) -> None:
        """Read the file."""
        self._read()

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Return ``{"assets": {name: {"owner": …, "criticality": …}}}`` for the entities in the file.

        Raises:
            NeedsOperator: the file cannot be read, or a row is wrong.
        """
        assets = self._read()
        names = [name for kind in self.config.entities for name in alert.entities.get(kind, ())]
        found = {name: asset._asdict() for name in names if (asset := assets.get(name.casefold()))}
        return Enrichment({"assets": dict(list(found.items())[:MOST])}) if found else None

    def _read(self) -> Mapping[str, Asset]:
        """The assets by name, from memory while the file is the same."""
        path = self.config.path
        try:
            status = path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if seen != self._seen:
                self._assets = _parse(path)
                self._seen = seen  # last: a file that is wrong is an error every time
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise NeedsOperator(f"{path} cannot be read as CSV: {error}") from error
        return self._assets


def _parse(path: Path) -> Mapping[str, Asset]:
    assets = {}
    with path.open(encoding="utf-8-sig", newline="") as file:  # Excel begins a file with a mark
        rows = csv.DictReader(file)
        if missing := {"name", *Asset._fields} - set(rows.fieldnames or ()):
            raise NeedsOperator(f"{path}: its header lacks {', '.join(sorted(missing))}")
        for row in rows:
            place = f"{path}, line {rows.line_num}"
            name, asset = row["name"], Asset(row["owner"], row["criticality"])
            if not (name and asset.owner) or len(name) > LONGEST or len(asset.owner) > LONGEST:
                raise NeedsOperator(f"{place}: name and owner need 1 to {LONGEST} characters each")
            if asset.criticality not in CRITICALITIES:
                raise NeedsOperator(f"{place}: criticality must be one of {', '.join(CRITICALITIES)}")
            assets[name.casefold()] = asset
    return assets
