"""The enricher ``core.indicators``: what lists of indicators say of the addresses, users and targets of an alert."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from pydantic import Field

from mantissa_core.alert.enrich.addresses import ADDRESSES, address_of
from mantissa_core.alert.enrich.values import bounded
from mantissa_core.alert.enrich.watched_file import WatchedFile
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.alert import Alert, Enrichment

from .csv_list import read_csv
from .index import Index
from .plain_list import read_plain
from .stix_bundle import read_bundle

ENTITIES = (*ADDRESSES, "target", "user")
"""The entities that are looked up."""

_log = structlog.get_logger(__name__)


class Indicators:
    """Looks the entities of an alert up in lists of indicators.

    The format of a list goes by its name: ``.csv``, ``.json`` and ``.stix`` (a STIX 2.1 bundle), anything else is a
    plain list. A list that changes is read again.
    """

    about = None  # a list may have changed since an answer, and asking costs next to nothing

    class Config(PluginConfig):
        """Settings of ``core.indicators``."""

        paths: tuple[Path, ...] = Field(min_length=1)
        """Files with indicators."""
        value_column: str = ""
        """The column of CSV files that holds the indicator; by default one of the usual names."""
        note_column: str = ""
        """The column that says what it is; by default one of the usual names, if there is one."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._lists = [WatchedFile(path, self._read) for path in config.paths]

    @hookimpl
    def check(self) -> None:
        """Read every list that has changed."""
        for each in self._lists:
            each.check()

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Return ``reputation`` and ``lists`` of what is listed, under ``ips`` and, what is no address, ``indicators``.

        Raises:
            NeedsOperator: nothing is listed in the lists that can be read, and one cannot.
            Retry: a long list is being read for the first time.
        """
        named = dict.fromkeys(text for kind in ENTITIES for text in alert.entities.get(kind, ()))
        hits: dict[str, dict[str, str]] = {}
        refused: NeedsOperator | None = None
        for each in self._lists if named else ():
            try:
                index = each.content()
            except NeedsOperator as error:
                refused = error  # the others may know enough; check() and the log tell of this one
                continue
            for text, note in _listed(index, named):
                hits.setdefault(text, {})[each.path.name] = note
        if refused and not hits:
            raise refused
        found = {text: _facts(by_list) for text, by_list in hits.items()}
        facts = {
            "ips": bounded({text: each for text, each in found.items() if address_of(text)}),
            "indicators": bounded({text: each for text, each in found.items() if not address_of(text)}),
        }
        return Enrichment({name: each for name, each in facts.items() if each}) if found else None

    def _read(self, path: Path) -> Index:
        index = Index()
        ending = path.suffix.lower()
        if ending == ".csv":
            read_csv(path, index, self.config.value_column, self.config.note_column)
        elif ending in {".json", ".stix"}:
            read_bundle(path, index)
        else:
            read_plain(path, index)
        if index.unreadable > len(index) + index.expired:
            counted = f"{index.unreadable:,} entries cannot be read, {len(index):,} can"
            raise NeedsOperator(f"{counted}: is its format what its name says?")
        counts = {"indicators": len(index), "unreadable": index.unreadable, "expired": index.expired}
        log = _log.warning if index.unreadable else _log.info
        log("list of indicators read", path=str(path), **counts)
        return index


def _listed(index: Index, named: dict[str, None]) -> Iterator[tuple[str, str]]:
    now = time.time()
    for text in named:
        if listed := index.find(text, now):
            yield text, listed.note


def _facts(by_list: dict[str, str]) -> dict[str, Any]:
    said = "; ".join(f"listed in {name}: {note}" if note else f"listed in {name}" for name, note in by_list.items())
    return {"reputation": said, "lists": list(by_list)}
