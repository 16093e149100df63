"""The conformance kit of enrichers, and what this one promises beyond it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, Fault, an_alert

from mantissa_acme.enricher import MOST, Gadget

ASSETS = """\
name,owner,criticality
alice@example.com,Finance,high
198.51.100.7,Web team,critical
"""


class AssetFile:
    """The source of facts; refusing means that the file is gone."""

    faults = frozenset({Fault.REFUSED})

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heal()

    def inject(self, fault: Fault) -> None:
        self.path.unlink()

    def heal(self) -> None:
        self.path.write_text(ASSETS, encoding="utf-8")


class TestGadget(EnricherContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> AssetFile:
        return AssetFile(tmp_path / "assets.csv")

    def enricher(self, source: AssetFile) -> Gadget:
        return Gadget(Gadget.Config(path=source.path))

    def known(self, source: AssetFile) -> Alert:
        return an_alert(user="alice@example.com", src_ip="198.51.100.7")


def over(folder: Path, text: str) -> Gadget:
    """The plugin over a file with that text."""
    (folder / "assets.csv").write_text(text, encoding="utf-8")
    return Gadget(Gadget.Config(path=folder / "assets.csv"))


def test_each_known_entity_is_named_with_its_owner(tmp_path: Path) -> None:
    found = over(tmp_path, ASSETS).enrich(an_alert(user="Alice@Example.com", target="unknown"))
    assert found is not None
    assert found.facts == {"assets": {"Alice@Example.com": {"owner": "Finance", "criticality": "high"}}}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    plugin = over(tmp_path, ASSETS)
    assert plugin.enrich(an_alert(user="bob@example.com")) is None
    plugin.config.path.write_text(ASSETS + "bob@example.com,Sales,low\n", encoding="utf-8")
    assert plugin.enrich(an_alert(user="bob@example.com")) is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("host,owner\nweb-1,Web\n", "its header lacks criticality, name"),
        ("name,owner,criticality\nweb-1,Web,urgent\n", "line 2: criticality must be one of low"),
        ("name,owner,criticality\nweb-1\n", "line 2: name and owner need"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(NeedsOperator, match=reason):
        over(tmp_path, text).check()


def test_an_alert_about_very_many_assets_gets_some_of_them(tmp_path: Path) -> None:
    names = [f"host-{number}" for number in range(3 * MOST)]
    rows = "".join(f"{name},Web,low\n" for name in names)
    alert = replace(an_alert(), entities={"target": tuple(names)})
    found = over(tmp_path, f"name,owner,criticality\n{rows}").enrich(alert)
    assert found is not None
    assert len(found.facts["assets"]) == MOST
