"""Questions about countries over events that have addresses only, with a database as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mmdb_file
import pytest
from mantissa_core import Runtime

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LOG_TYPE = """
name: acme.audit
title: Acme audit log
synonyms: [acme]
time: {path: at}
id: {native: [key]}
columns:
  - {path: key, description: The event's id.}
  - {path: at, description: When it happened.}
  - {path: actor, description: Who did it.}
  - {path: address, description: From where.}
overlay:
  user: [actor]
  src_ip: [address]
  any_ip: [address]
sigma:
  logsources: [{product: acme}]
"""
EVENTS = {
    "noor": "203.0.113.7",
    "amara": "198.51.100.9",
    "lin": "10.0.0.4",
    "root": "192.0.2.1",
    "deploy": "::ffff:203.0.113.8",
}


@pytest.fixture
def siem(tmp_path: Path) -> Iterator[Runtime]:
    """An instance with five events and a database that knows two networks."""
    norway = {"country": {"iso_code": "NO", "names": {"en": "Norway"}}}
    america = {"country": {"iso_code": "US", "names": {"en": "United States"}}}
    mmdb_file.write(tmp_path / "country.mmdb", {"203.0.113.0/24": norway, "198.51.100.0/24": america})
    (tmp_path / "log_types").mkdir()
    (tmp_path / "log_types" / "acme.yaml").write_text(LOG_TYPE)
    config = {
        "home": str(tmp_path),
        "log_types": {"paths": ["log_types"]},
        "lake": {"retention_days": 36_500},
        "enrichers": {"geo": {"plugin": "maxmind.ip", "databases": [str(tmp_path / "country.mmdb")]}},
    }
    with Runtime.open(config) as opened:
        opened.clock = lambda: NOW
        at = (NOW - timedelta(hours=1)).isoformat()
        opened.ingest(
            "acme.audit",
            [{"key": actor, "at": at, "actor": actor, "address": address} for actor, address in EVENTS.items()],
        )
        yield opened


@pytest.mark.parametrize(
    ("question", "users"),
    [
        ("acme events from outside the US in the last 24 hours", {"noor", "deploy"}),
        ("acme events from the US in the last 24 hours", {"amara"}),
        ("acme events from Norway in the last 24 hours", {"noor", "deploy"}),
        ("acme events from Germany in the last 24 hours", set()),
    ],
)
def test_events_are_found_by_the_country_of_their_address(siem: Runtime, question: str, users: set[str]) -> None:
    answer = siem.ask(question)
    assert answer.status == "succeeded", answer.reason
    assert {row["m_user"] for row in answer.results} == users
    neither = "of 5 source addresses 1 private and 1 of no known country count as neither inside nor outside a country"
    assert neither in answer.assumptions


def test_a_database_that_is_gone_is_told(siem: Runtime, tmp_path: Path) -> None:
    (tmp_path / "country.mmdb").unlink()
    answer = siem.ask("acme events from outside the US in the last 24 hours")
    assert (answer.status, answer.results) == ("succeeded", [])
    assert any("could not be looked up" in each and "country.mmdb" in each for each in answer.assumptions)
