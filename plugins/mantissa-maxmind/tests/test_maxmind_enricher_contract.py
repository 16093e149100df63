from __future__ import annotations

from pathlib import Path

import mmdb_file
import pytest
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, Fault, an_alert
from mantissa_maxmind.enricher import MaxMind


class Database:
    """A database of one network; refusing means that the file is gone."""

    faults = frozenset({Fault.REFUSED})

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heal()

    def inject(self, fault: Fault) -> None:
        self.path.unlink()

    def heal(self) -> None:
        mmdb_file.write(self.path, {"203.0.113.0/24": {"country": {"iso_code": "NO", "names": {"en": "Norway"}}}})


class TestMaxMind(EnricherContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Database:
        return Database(tmp_path / "city.mmdb")

    def enricher(self, source: Database) -> MaxMind:
        return MaxMind(MaxMind.Config(databases=(source.path,)))

    def known(self, source: Database) -> Alert:
        return an_alert(src_ip="203.0.113.7")
