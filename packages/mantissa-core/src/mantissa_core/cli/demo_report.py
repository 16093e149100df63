"""What ``mantissa demo`` found, for people and as JSON."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .alerts import alert_document, alert_table, short_id, show_evidence
from .command import Session
from .ingest import left_out
from .output import facts, number, paragraph, plural, say, size, table

if TYPE_CHECKING:
    from mantissa_core.collect.ingest import Ingested
    from mantissa_core.model import Alert
    from mantissa_core.runtime import Runtime

MOST_ALERTS = 1_000
SHOWN_ALERTS = 30
TECHNIQUE = re.compile(r"attack\.t\d{4}(\.\d{3})?$")


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted attack, and the ids of the alerts that its events raised."""

    id: str
    title: str
    techniques: tuple[str, ...]
    alerts: tuple[str, ...]


@dataclass
class Report:
    """Everything that a demo counted. ``seed`` and ``day`` for a simulation, ``source`` for real logs."""

    home: Path
    seed: int | None = None
    day: date | None = None
    source: Path | None = None
    counts: dict[str, Ingested] = field(default_factory=dict)
    skipped: dict[Path, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    rules: int = 0
    signals: int = 0
    deliveries: int = 0
    lake_bytes: int = 0
    alerts: list[Alert] = field(default_factory=list)
    attacks: list[Planted] = field(default_factory=list)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time that a stage takes."""
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started

    def count(self, source: str, ingested: Ingested) -> None:
        """Add what became of records."""
        if source in self.counts:
            self.counts[source] += ingested
        else:
            self.counts[source] = ingested

    @property
    def rows(self) -> int:
        """Events stored."""
        return sum(each.rows for each in self.counts.values())

    @property
    def unplanted(self) -> list[Alert]:
        """Alerts that no planted attack raised."""
        planted = {alert for attack in self.attacks for alert in attack.alerts}
        return [each for each in self.alerts if each.id not in planted]

    def judge(self, runtime: Runtime, truth: Path | None) -> None:
        """Take the alerts, and hold them against the truth about the simulation."""
        listed = runtime.alerts.list(limit=MOST_ALERTS)
        self.alerts = sorted(listed, key=lambda each: (-each.severity.rank, each.first_seen, each.id))
        self.lake_bytes = sum(file.size for name in runtime.lake.tables() for file in runtime.lake.table(name).live())
        if truth is not None:
            self.attacks = list(_planted(runtime, self.alerts, json.loads(truth.read_text("utf-8"))))

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "home": self.home,
            "lake": self.home / "lake",
            "seed": self.seed,
            "day": self.day,
            "input": self.source,
            "events": {
                name: {"rows": each.rows, "duplicates": each.duplicates, "dead_letters": each.dead}
                for name, each in self.counts.items()
            },
            "skipped": {str(file): reason for file, reason in self.skipped.items()},
            "rules": self.rules,
            "signals": self.signals,
            "alerts": [alert_document(each) for each in self.alerts],
            "attacks": [
                {"id": each.id, "title": each.title, "techniques": each.techniques, "alerts": each.alerts}
                for each in self.attacks
            ],
            "alerts_not_planted": len(self.unplanted) if self.attacks else None,
            "deliveries": self.deliveries,
            "seconds": {stage: round(each, 3) for stage, each in self.seconds.items()},
        }


def _planted(runtime: Runtime, alerts: list[Alert], truth: Mapping[str, Any]) -> Iterator[Planted]:
    stored = {
        log_type: _stored_ids(
            runtime, log_type, {each for attack in truth["attacks"] for each in attack["events"].get(log_type, ())}
        )
        for log_type in truth["events"]
    }
    for attack in truth["attacks"]:
        own = {stored[log_type].get(each) for log_type, ids in attack["events"].items() for each in ids}
        raised = tuple(alert.id for alert in alerts if own.intersection(alert.event_ids))
        yield Planted(attack["id"], attack["title"], tuple(attack["techniques"]), raised)


def _stored_ids(runtime: Runtime, log_type: str, native: set[str]) -> dict[str, str]:
    """The lake's id of each event whose vendor's id is in ``native``."""
    kind = runtime.log_types.get(log_type)
    if isinstance(kind.id, str) or kind.table not in runtime.lake.tables():
        return {}
    path = kind.id.native[0]
    column = next(each.column for each in kind.columns if path in each.spellings)
    lake_table = runtime.lake.table(kind.table)
    batches = lake_table.read(lake_table.live(), ["m_id", column])
    return {row[column]: row["m_id"] for batch in batches for row in batch.to_pylist() if row[column] in native}


def show(session: Session, report: Report) -> None:
    """Print what was done, found, and what to do next."""
    _show_work(report)
    if report.alerts:
        say("\nALERTS, the most urgent first")
        alert_table(report.alerts[:SHOWN_ALERTS])
        if len(report.alerts) > SHOWN_ALERTS:
            say(f"… and {number(len(report.alerts) - SHOWN_ALERTS)} more: {session.command} alerts list")
        _show_techniques(report.alerts)
        say(f"\nEVIDENCE of {short_id(report.alerts[0])}, {report.alerts[0].rule_name}")
        show_evidence(report.alerts[0], limit=1)
    if report.attacks:
        _show_attacks(report)
    if not session.quiet:
        _show_next(session.command, report)


def _show_work(report: Report) -> None:
    what = f"a simulated day, {report.day}, seed {report.seed}" if report.seed is not None else str(report.source)
    say(f"Mantissa Log on {what}\n")
    took = report.seconds
    stored = took.get("store", 0.0)
    each = ", ".join(f"{name} {number(counts.rows)}" for name, counts in report.counts.items())
    facts(
        [
            ("simulated", f"a day of a small company in {took['simulate']:.1f} s" if "simulate" in took else None),
            ("stored", f"{plural(report.rows, 'event')} ({each}) in {stored:.1f} s, "
                       f"{number(report.rows / max(stored, 1e-3))} a second"),
            ("stored before", _sum(report, "duplicates")),
            ("dead letters", _sum(report, "dead")),
            ("left out", left_out(report.skipped)),
            ("evaluated", f"{plural(report.rules, 'rule')} in {took['detect']:.1f} s: "
                          f"{plural(report.signals, 'signal')}, {plural(len(report.alerts), 'alert')}"),
            ("delivered", f"{plural(report.deliveries, 'message')} to {report.home / 'alerts.ndjson'}"),
        ]
    )  # fmt: skip


def _sum(report: Report, name: str) -> str | None:
    total = sum(getattr(each, name) for each in report.counts.values())
    return number(total) if total else None


def _show_techniques(alerts: list[Alert]) -> None:
    """Which techniques the alerts point at, the most frequent first."""
    tags = (tag for alert in alerts for tag in alert.tags if TECHNIQUE.match(tag))
    found = Counter(tag.removeprefix("attack.").upper() for tag in tags)
    if found:
        say("\nTECHNIQUES (MITRE ATT&CK) that the alerts point at, and how many alerts do")
        paragraph(", ".join(f"{name}\u00a0({number(count)})" for name, count in found.most_common()))


def _show_attacks(report: Report) -> None:
    found = sum(bool(each.alerts) for each in report.attacks)
    say(f"\nATTACKS planted among the noise: {found} of {len(report.attacks)} were alerted")
    rows = [
        ("alerted" if each.alerts else "MISSED", each.title, len(each.alerts), ", ".join(each.techniques))
        for each in report.attacks
    ]
    table(["", "ATTACK", "ALERTS", "ATT&CK"], rows, right=["ALERTS"], styles={"alerted": "green", "MISSED": "bold red"})
    names = "; ".join(sorted({each.rule_name for each in report.unplanted}))
    say()
    paragraph(f"{plural(len(report.unplanted), 'alert was', 'alerts were')} not planted{': ' if names else ''}{names}.")


def _show_next(command: str, report: Report) -> None:
    say("\nNEXT")
    if report.alerts:
        say(f"  {command} alerts show {short_id(report.alerts[0])}")
        say(f"  {command} rules show {report.alerts[0].rule_id[:8]}")
    say(f'  {command} query "SELECT m_user, m_outcome, count(*) AS n FROM auth GROUP BY ALL ORDER BY n DESC LIMIT 10"')
    say(f"  {command} lake info")
    say(f"\nThe lake is {report.home / 'lake'}: {size(report.lake_bytes)}, a Delta table for each log type.")
