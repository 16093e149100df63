from __future__ import annotations

from pathlib import Path

import pytest
from mantissa_core.alert.enrich.indicators.enricher import Indicators
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, Fault, an_alert


class IndicatorFile:
    """A plain list; refusing means that it is gone."""

    faults = frozenset({Fault.REFUSED})

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heal()

    def inject(self, fault: Fault) -> None:
        self.path.unlink()

    def heal(self) -> None:
        self.path.write_text("203.0.113.0/24\n", encoding="utf-8")


class TestIndicators(EnricherContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> IndicatorFile:
        return IndicatorFile(tmp_path / "list.txt")

    def enricher(self, source: IndicatorFile) -> Indicators:
        return Indicators(Indicators.Config(paths=(source.path,)))

    def known(self, source: IndicatorFile) -> Alert:
        return an_alert(src_ip="203.0.113.7")
