"""What is wrong with a source is said once for each time it goes wrong, and not while all is well."""

from dataclasses import replace
from datetime import timedelta

from mantissa_core.collect.attempts import Attempt, Attempts
from mantissa_core.collect.drift import Drift
from mantissa_core.collect.health import drift_findings, findings
from mantissa_core.collect.histogram import Histogram
from mantissa_core.collect.metrics import metrics
from mantissa_core.collect.progress import Figures
from mantissa_core.collect.report import ENOUGH, StreamReport, stream_reports
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Window

from .conftest import DELAY, OVERLAP, START

EVERY = 300.0


def _arrivals(seconds):
    histogram = Histogram()
    histogram.add(seconds, ENOUGH)
    return histogram.to_json()


def _report(**changes):
    healthy = StreamReport(
        "fake",
        "audit",
        Attempt("fake", "audit", last_success=START),
        Figures(rows=1000, last_data=START, arrivals=_arrivals(300)),
        covered=[Window(START - timedelta(days=1), START)],
        reached=START,
        overlap=OVERLAP,
        delay=DELAY,
    )
    return replace(healthy, **changes)


def _problems(report, now=START):
    return [each.problem for each in findings(report, now, EVERY)]


def test_a_healthy_source_has_no_problem():
    assert _problems(_report()) == []
    assert _problems(_report(), START + timedelta(minutes=50)) == []


def test_a_refusal_stops_a_source_at_once_and_a_busy_one_is_given_time(world):
    attempts = Attempts(world.state, world.clock)
    for name, error in (("refused", NeedsOperator("token revoked")), ("busy", Retry("503"))):
        for _ in range(3):
            attempts.failed("fake", name, error)
    by_name = {each.stream: each for each in stream_reports(world.state, ["fake"])}
    (stopped,) = findings(by_name["refused"], world.clock(), EVERY)
    assert (stopped.problem, "token revoked" in stopped.detail) == ("stopped", True)
    assert _problems(by_name["busy"], world.clock()) == []
    world.clock.forward(minutes=16)
    assert _problems(by_name["busy"], world.clock()) == ["failing"]


def test_a_source_is_silent_after_a_multiple_of_its_own_pause():
    later = START + timedelta(hours=2)
    reached = _report(reached=later)
    assert _problems(reached, later) == ["silent"]
    slow = replace(reached, figures=Figures(last_data=START, arrivals=_arrivals(3600)))
    assert _problems(slow, later) == []
    young = replace(reached, figures=Figures(last_data=START, arrivals=[3]))
    assert _problems(young, later) == []


def test_a_source_that_is_not_read_falls_behind():
    assert _problems(_report(), START + timedelta(hours=2)) == ["silent", "behind"]


def test_lateness_gaps_and_unreadable_records_are_named():
    gap = Window(START - timedelta(hours=5), START - timedelta(hours=4))
    figures = Figures(rows=1000, dead=100, late=OVERLAP.total_seconds(), late_at=START, last_data=START)
    assert _problems(_report(gaps=[gap], figures=figures)) == ["late", "gap", "unreadable"]


def test_one_episode_is_one_signal_and_the_next_one_another():
    def signal(since, now):
        attempt = Attempt("fake", "audit", error="no", kind="operator", since=since, failures=1)
        (found,) = findings(_report(attempt=attempt), now, EVERY)
        return found.signal(now).id

    first = signal(START, START)
    assert signal(START, START + timedelta(minutes=5)) == first
    assert signal(START + timedelta(days=1), START + timedelta(days=1)) != first


def test_fields_of_another_type_are_one_finding_and_unknown_ones_none():
    def drift(path, kind, last=START):
        return Drift("fake", "fake.audit", path, kind, "string", 1, START, last)

    drifts = [drift("a", "type"), drift("b", "type"), drift("c", "unknown"), drift("d", "type", START - timedelta(30))]
    (found,) = drift_findings(drifts, START)
    assert "a, b:" in found.detail


def test_trouble_is_remembered_after_it_is_over(world):
    attempts = Attempts(world.state, world.clock)
    attempts.failed("fake", "audit", Retry("503"))
    world.clock.forward(minutes=5)
    attempts.succeeded("fake", "audit")
    known = attempts.get("fake", "audit")
    assert (known.failing, known.last_error, known.last_success) == (False, "503", world.clock())
    assert known.last_failure == START


def test_metrics_are_prometheus_text():
    report = _report(stream='we"ird\\\n', figures=Figures(rows=7, lag=_arrivals(60), last_data=START))
    text = metrics([report], [], list(findings(_report(gaps=[Window(START, START + DELAY)]), START, EVERY)))
    assert 'mantissa_source_events_total{source="fake",stream="we\\"ird\\\\\\n"} 7\n' in text
    assert 'lag_seconds{source="fake",stream="we\\"ird\\\\\\n",quantile="0.99"} 60\n' in text
    assert 'mantissa_source_problem{source="fake",stream="audit",problem="gap"} 1\n' in text
    for line in text.splitlines():
        assert line.startswith("#") or line.rpartition(" ")[2].replace(".", "").replace("e+", "").isdigit()
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
