"""Rules on stored events: what is missing is stored, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mantissa_core.detect.correlate import correlator
from mantissa_core.detect.follow.backfill import MOST_RUNS
from mantissa_core.detect.ir.tree import Op, Predicate, Regex
from mantissa_core.errors import RuleError
from mantissa_core.runtime import Runtime

LOG_TYPE = """
name: acme.audit
title: Acme audit log
time: {path: at}
id: {native: [key]}
columns: [{path: key}, {path: at}, {path: verb}, {path: actor}]
overlay: {user: [actor]}
sigma: {logsources: [{product: acme}]}
"""

OPENED, KNOCKED, QUERY, OFTEN = (f"{n}{n}{n}{n}{n}{n}{n}{n}-1111-4111-8111-111111111111" for n in (1, 2, 3, 4))

SIGMA = """
title: {verb}
id: {id}
logsource: {{product: acme}}
detection: {{selection: {{verb: {verb}}}, condition: selection}}
"""

SQL = f"""
title: Many knocks
id: {QUERY}
query: SELECT m_id FROM acme_audit WHERE m_time >= $window_start AND m_time < $window_end AND verb = 'knock'
threshold: {{value: 1}}
schedule_expression: rate(1 hour)
"""

CORRELATION = f"""
title: Two knocks
id: {OFTEN}
correlation: {{type: event_count, rules: [{KNOCKED}], group-by: [actor], timespan: 1h, condition: {{gte: 2}}}}
"""

START, END = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)

OpenInstance = Callable[..., Runtime]


@pytest.fixture
def instance(tmp_path: Path) -> OpenInstance:
    """``instance(text, …)``: opens the same instance again, with these rules."""
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "acme.yaml").write_text(LOG_TYPE)
    settings = {
        "home": str(tmp_path),
        "log_types": {"paths": ["types"]},
        "rules": {"packs": False, "paths": ["rules"]},
        "lake": {"retention_days": 36500},
    }

    def open_with(*rules: str) -> Runtime:
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / "all.yml").write_text("\n---".join(rules))
        return Runtime.open(settings)

    return open_with


def ingest(siem: Runtime, *minutes: int, verb: str = "knock") -> None:
    events = [
        {"key": f"{verb}{n}", "at": (START + timedelta(minutes=n)).isoformat(), "verb": verb, "actor": "alder"}
        for n in minutes
    ]
    siem.ingest("acme.audit", events)


def stored(siem: Runtime) -> list[str]:
    table = siem.lake.table("signals")
    return [each for rows in table.read(table.live(), ["m_id"]) for each in rows.column(0).to_pylist()]


def test_a_new_rule_finds_what_was_there_before_it_and_only_within_the_span(instance: OpenInstance) -> None:
    opened, knocked = SIGMA.format(verb="open", id=OPENED), SIGMA.format(verb="knock", id=KNOCKED)
    with instance(opened) as siem:
        ingest(siem, 1, verb="open")
        ingest(siem, 5, 6, 200)
        assert len(siem.detect().signals) == 1
    with instance(opened, knocked) as siem:
        assert siem.detect().signals == []
        ingest(siem, 7)  # not seen by any run yet
        found = siem.detect_span(START, END)
        assert [each.rule_id for each in found.signals] == [KNOCKED] * 3
        assert len(found.opened) == 1
        again = siem.detect_span(START, END)
        assert (again.signals, again.opened, again.updated) == ([], [], [])
        assert len(stored(siem)) == len(set(stored(siem))) == 4


def test_some_rules_may_be_chosen(instance: OpenInstance) -> None:
    with instance("{}") as siem:
        ingest(siem, 1, verb="open")
        ingest(siem, 2)
        siem.detect()
    with instance(SIGMA.format(verb="open", id=OPENED), SIGMA.format(verb="knock", id=KNOCKED)) as siem:
        siem.engine  # noqa: B018
        siem.state.update("detect", "acme_audit", lambda _old: {"version": 99})
        assert [each.rule_id for each in siem.detect_span(START, END, [OPENED]).signals] == [OPENED]


def test_an_sql_rule_runs_at_each_of_its_times_in_the_span(instance: OpenInstance) -> None:
    with instance(SQL) as siem:
        ingest(siem, 5, 10, 70, 80, 130)
        found = siem.detect_span(START, END)
        assert sorted(each.time for each in found.signals) == [START + timedelta(hours=1), END]
        assert siem.detect_span(START, END).signals == []
        with pytest.raises(RuleError, match=f"more than {MOST_RUNS} times"):
            siem.detect_span(START - timedelta(days=300), END)


def test_correlations_follow(instance: OpenInstance) -> None:
    with instance(SIGMA.format(verb="open", id=OPENED)) as siem:
        ingest(siem, 5, 10)
        siem.detect()
    with instance(SIGMA.format(verb="knock", id=KNOCKED), CORRELATION) as siem:
        found = siem.detect_span(START, END)
        assert sorted(each.rule_id for each in found.signals) == [KNOCKED, KNOCKED, OFTEN]


def test_a_rule_that_fails_is_told_and_the_others_go_on(instance: OpenInstance) -> None:
    with instance("{}") as siem:
        ingest(siem, 1, verb="open")
    with instance(SIGMA.format(verb="open", id=OPENED), SIGMA.format(verb="knock", id=KNOCKED)) as siem:
        siem.rules.rules[1] = replace(siem.rules.rules[1], ir=Predicate("verb", Op.REGEX, (Regex("("),)))
        found = siem.detect_span(START, END)
        assert list(found.problems) == [KNOCKED]
        (gap,) = siem.gaps()
        assert gap.rule == KNOCKED
        replayed, _ = siem.replay_gaps()
        assert [each.gap.rule for each in replayed if each.problem] == [KNOCKED]
        siem.forget_gaps([gap])
        assert siem.gaps() == []


@pytest.mark.parametrize("condition", ["{gte: 2}", "{lt: 3}"])
def test_a_correlations_gap_is_closed_by_another_try(
    instance: OpenInstance, condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    correlation = CORRELATION.replace("{gte: 2}", condition)
    with instance(SIGMA.format(verb="knock", id=KNOCKED), correlation) as siem:
        ingest(siem, 5, 10)
        with monkeypatch.context() as patch:
            patch.setattr(correlator, "results", lambda *_: 1 / 0)
            siem.detect()
            ingest(siem, 600, verb="passing time")
            siem.detect()
        (gap,) = siem.gaps()
        assert (gap.table, gap.rule) == ("signals", OFTEN)
        (done,), found = siem.replay_gaps()
        assert done.problem == ""
        assert {each.rule_id for each in found.signals} == {OFTEN}
        assert siem.gaps() == []
        assert siem.detect().signals == []
        assert len(stored(siem)) == len(set(stored(siem)))
