"""Whatever rules and logs hold, and whatever the disk does: alerts stay within bounds, and whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mantissa_core import Runtime
from mantissa_core.alert import group
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.group import Grouping
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.alert.statistics import tallies
from mantissa_core.errors import StateError
from mantissa_core.model import Put, Severity, Signal
from mantissa_core.state.documents import State
from mantissa_core.state.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS
from mantissa_core.state.sqlite import SQLite

Make = Callable[..., Signal]
MEGABYTE = 1024 * 1024
HOSTILE = {
    "long": "A" * MEGABYTE,
    "wide": "\U0001f4a5" * (MEGABYTE // 4),
    "markup": '<script>alert(1)</script>]]>"}\n{"a": {{7*7}} ${x} <!channel> [x](javascript:1)',
    "controls": "".join(map(chr, range(32))) + "\x7f\x85\u2028\u202e\ufeff",
    "surrogates": "\ud800\udfff x \udc00",
    "empty": "",
    "slashes": "../../outbox/%2F%00/",
}
ROUTES = [Route("pager"), Route("chat")]


class Watching:
    """A state that notes the largest document."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.largest = 0

    def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
        assert len(puts) <= MAX_DOCUMENTS
        sizes = [len(json.dumps(put.value, ensure_ascii=False).encode()) for put in puts]
        self.largest = max(self.largest, *sizes)
        self._state.commit(partition, puts, expects)

    def __getattr__(self, name: str) -> object:
        return getattr(self._state, name)


@pytest.mark.parametrize("what", HOSTILE)
def test_every_field_may_hold_anything(state: State, signal: Make, what: str) -> None:
    text = HOSTILE[what]
    watching = Watching(state)
    alerts = Alerts(watching, grouping=lambda _: Grouping(description=text))  # type: ignore[arg-type]
    changes = {
        "rule_name": text,
        "summary": text,
        "table": "t",
        "event_ids": (text, "a"),
        "tags": (text, "attack.t1098"),
        "group": {"user": text},
        "entities": {"user": text, "target": text, text[:50] or "src_ip": text},
        "evidence": {"value": text, text: "key", "deep": [{text: [text]}]},
    }
    [(_, alert)] = alerts.apply([signal(f"{n}", n / 100, **changes) for n in range(30)], ROUTES)
    assert alert.count == 30
    assert watching.largest < MAX_DOCUMENT_BYTES / 2
    assert alerts.get(alert.id) == alert
    assert [each.alert_id for each in Outbox(state, {}).waiting()] == [alert.id] * 2
    assert alerts.list(rule="rule-1") == alerts.list(severity=Severity.HIGH) == [alert]
    assert alerts.apply([signal("0", **changes)], ROUTES) == []


def test_a_flood_of_one_group_stays_one_bounded_alert(state: State, signal: Make) -> None:
    watching = Watching(state)
    alerts = Alerts(watching)  # type: ignore[arg-type]
    for begin in range(0, 4000, 1000):
        alerts.apply(
            [
                signal(f"{n}", n / 4000, entities={"user": f"u{n}"}, evidence={"n": n, "x": "y" * 9000})
                for n in range(begin, begin + 1000)
            ],
            ROUTES,
        )
    [alert] = alerts.list()
    assert (alert.count, len(alert.event_ids), len(alert.evidence), len(alert.entities["user"])) == (4000, 100, 10, 10)
    assert watching.largest < MAX_DOCUMENT_BYTES / 2
    assert len(list(Outbox(state, {}).waiting())) == 2


def test_a_flood_of_one_group_far_apart_forgets_only_where_late_signals_went(
    state: State, signal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "_EPISODES_PER_DAY", 100)
    alerts = Alerts(state, grouping=lambda _: Grouping(timedelta(seconds=1)))
    alerts.apply([signal(f"{n}", n / 10, event_ids=("e",)) for n in range(150)], [])
    assert len(alerts.list(limit=5000)) == 150
    [episodes] = [each.value["episodes"] for each in state.scan("alerts", "group/")]
    assert len(episodes) == 100


def test_clocks_that_step_change_neither_order_nor_figures(state: State, signal: Make) -> None:
    past = lambda: datetime(2020, 1, 1, tzinfo=UTC)  # noqa: E731  # our own clock, years behind the events'
    moments = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
    signals = [signal(f"{n}", time=each) for n, each in enumerate(moments)]
    alerts = Alerts(state, clock=past)
    assert len(alerts.apply([*signals, signal("now")], ROUTES)) == 3
    assert alerts.list()[0].created < alerts.list()[0].first_seen
    assert [each.first_seen.year for each in alerts.list()] == [9999, 2026, 1]
    assert [each.day for each in tallies(state, moments[0], {})] == ["9999-12-31", "2026-03-02", "0001-01-01"]


def test_a_full_disk_leaves_whole_alerts_or_none_and_the_next_run_goes_on(tmp_path: Path, signal: Make) -> None:
    store = SQLite(SQLite.Config(path=tmp_path / "state.sqlite"))
    state = State(store)
    signals = [
        signal(f"{n}", group={"user": f"u{n}"}, entities={"user": f"u{n}"}, evidence={"x": "y" * 3000})
        for n in range(200)
    ]
    Alerts(state).apply(signals[:1], ROUTES)
    assert store._db is not None
    [pages] = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages + 300}")
    with pytest.raises(StateError, match="disk is full"):
        Alerts(state).apply(signals, ROUTES)
    written = Alerts(state).list(limit=1000)
    assert 0 < len(written) < 200
    assert len(list(state.scan("alerts", "member/"))) == len(written)
    assert len(list(Outbox(state, {}).waiting())) == 2 * len(written)
    store._db.execute("PRAGMA max_page_count = 1000000")
    Alerts(state).apply(signals, ROUTES)
    assert [alert.count for alert in Alerts(state).list(limit=1000)] == [1] * 200
    assert len(list(Outbox(state, {}).waiting())) == 400


RULE = """
title: A door was forced
id: 1b3b1f0c-7f0a-4c53-8a51-2a6a6e4b1a11
status: test
level: high
logsource: {product: generic}
detection:
  selection: {action: forced}
  condition: selection
"""
LOG_TYPE = """
name: test.door
title: Doors
time: {path: at}
columns: [{path: at}, {path: action}, {path: door}]
sigma: {logsources: [{product: generic}]}
examples: [{event: {at: "2026-01-01T00:00:00Z", action: open, door: front}}]
"""


def test_the_cursor_stays_where_the_store_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name, text in (("rules", "door.yml", RULE), ("log_types", "door.yaml", LOG_TYPE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    settings = {
        "home": str(tmp_path),
        "rules": {"packs": False, "paths": ["rules"]},
        "log_types": {"paths": ["log_types"]},
        "sinks": {"file": {"plugin": "core.file", "path": "alerts.ndjson"}},
    }
    with Runtime.open(settings) as siem:
        events = [{"at": "2026-03-02T12:00:00Z", "action": "forced", "door": f"d{n}"} for n in range(30)]
        siem.ingest("test.door", events)
        commit, left = State.commit, iter([True, True])

        def full(self: State, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
            if partition == "alerts" and not next(left, False):
                raise StateError("the disk is full")
            commit(self, partition, puts, expects)

        with monkeypatch.context() as patch:
            patch.setattr(State, "commit", full)
            with pytest.raises(StateError, match="full"):
                siem.detect()
            assert siem.state.get("alert", "cursor") is None
        before = len(siem.alerts.list())
        assert 0 < before < 30
        siem.detect()
        assert [alert.count for alert in siem.alerts.list()] == [1] * 30
        siem.deliver()
        lines = (tmp_path / "alerts.ndjson").read_text().splitlines()
        assert len({json.loads(line)["key"] for line in lines}) == len(lines) == 30
