"""What ``mantissa doctor`` says of data on its way: events not evaluated yet or at all, and what destinations took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mantissa_core.errors import MantissaError

from .checks import Check
from .output import number, plural

if TYPE_CHECKING:
    from mantissa_core.detect.follow.progress import Gap
    from mantissa_core.runtime import Runtime


def check_flow(runtime: Runtime) -> Iterator[Check]:
    """How far detection is, what it left out, how deliveries went, and what routes name in vain."""
    for part, look in (
        ("detection", _lag),
        ("gap", _gaps),
        ("late events", _late),
        ("deliveries", _destinations),
        ("routes", _routes),
        ("reports", _reports),
    ):
        try:
            yield from look(runtime)
        except (MantissaError, OSError) as error:
            yield Check(part, "state", "problem", str(error))


def _lag(runtime: Runtime) -> Iterator[Check]:
    from mantissa_core.maintenance import consumed

    known = set(runtime.lake.tables())
    for table, seen in sorted(consumed(runtime).items()):
        if table not in known:
            continue
        newest = runtime.lake.table(table).version()
        behind = newest - seen
        if behind <= 0:
            yield Check("detection", table, "ok", f"evaluated up to version {newest}, the newest")
            continue
        far = "nothing was evaluated yet" if seen < 0 else f"evaluated up to version {seen}"
        remedy = "run 'mantissa detect', or keep 'mantissa run' going"
        yield Check("detection", table, "warning", f"{far}, {plural(behind, 'version')} behind: {remedy}")


def _gaps(runtime: Runtime) -> Iterator[Check]:
    from mantissa_core.detect.follow.progress import Progress

    for gap in Progress(runtime.state).gaps():
        yield _gap(runtime, gap)


def _gap(runtime: Runtime, gap: Gap) -> Check:
    from mantissa_core.detect.follow.progress import EVERY_RULE

    span = f"version {gap.first}" if gap.first == gap.last else f"versions {gap.first} to {gap.last}"
    if gap.rule == EVERY_RULE:
        told = f"not evaluated by any rule: {span}: {gap.error}"
        return Check(
            "gap", gap.table, "warning", f"{told}; 'mantissa detect --from' evaluates stored events by their time"
        )
    rule = runtime.rules.get(gap.rule)
    if any(each.name == gap.rule for each in runtime.detectors):
        remedy = "update the module, then 'mantissa detect --replay'"
        return Check("gap", f"{gap.rule} on {gap.table}", "problem", f"failed on {span}: {gap.error}; {remedy}")
    subject = f"{rule.title if rule else gap.rule} on {gap.table}"
    missed = f"failed on events of {span}: {gap.error}"
    if rule is not None and rule.version == gap.rule_version:
        remedy = f"mend {rule.source}, then 'mantissa detect --replay --rule {rule.id[:8]}'"
        return Check("gap", subject, "problem", f"{missed}; {remedy}")
    return Check("gap", subject, "warning", f"{missed}; it was changed or removed since")


def _reports(runtime: Runtime) -> Iterator[Check]:
    """Scheduled questions whose last answer was not told, or whose sinks are gone."""
    from mantissa_core.reports import states

    known = set(runtime.destinations())
    for each in states(runtime):
        subject = f"{each.report.name} of {each.report.user}"
        if gone := sorted(set(each.report.to) - known):
            remedy = "configure it, or schedule the question anew"
            yield Check("report", subject, "warning", f"no sink {', '.join(gone)}: {remedy}")
        elif each.run and each.run.error:
            yield Check("report", subject, "warning", f"failed {plural(each.run.failures, 'time')}: {each.run.error}")


def _late(runtime: Runtime) -> Iterator[Check]:
    from mantissa_core.detect.correlate.correlator import late_matches

    for rule_id, count in sorted(late_matches(runtime.state).items()):
        rule = runtime.rules.get(rule_id)
        yield Check(
            "late events",
            rule.title if rule else rule_id,
            "warning",
            f"{plural(count, 'match', 'matches')} came after their time was decided and changed nothing: "
            f"look at how late the source delivers; 'mantissa rules backtest {rule_id[:8]}' counts them",
        )


def _destinations(runtime: Runtime) -> Iterator[Check]:
    from mantissa_core.hookspecs import AlertSink

    dead = sum(1 for _ in runtime.outbox.dead())
    waiting = sum(1 for _ in runtime.outbox.waiting())
    held = sum(1 for _ in runtime.summaries.held())
    together = f", {number(held)} to be told together" if held else ""
    detail = f"{number(waiting)} waiting{together}, {number(dead)} given up"
    remedy = ": mend the destination, then run 'mantissa alerts redeliver'" if dead else ""
    yield Check("deliveries", "outbox", "warning" if dead else "ok", detail + remedy)
    for label in runtime.labels(AlertSink):
        health, circuit = runtime.outbox.health(label), runtime.outbox.circuit(label)
        if circuit.opened:
            since = f"down since {circuit.opened:%Y-%m-%d %H:%M} UTC: {circuit.error}"
            yield Check("deliveries", label, "problem", f"{since}; its alerts wait and go out once it is back")
            continue
        if not health.attempts:
            yield Check("deliveries", label, "ok", "no attempts in 24 hours")
            continue
        share = f"{number(health.delivered)} of {plural(health.attempts, 'attempt')} in 24 hours delivered"
        if health.grade == "healthy":
            yield Check("deliveries", label, "ok", share)
        else:
            # The past of a day, which a mended destination has too.
            remedy = "'mantissa sinks health' has the reasons"
            yield Check("deliveries", label, "warning", f"{share}, {health.grade}: {remedy}")


def _routes(runtime: Runtime) -> Iterator[Check]:
    problems = runtime.routing_problems()
    for each in problems:
        yield Check("routes", each.place, "warning", each.detail)
    if runtime.settings.routes and not problems:
        yield Check("routes", plural(len(runtime.settings.routes), "route"), "ok", "")
