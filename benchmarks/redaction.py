"""How well redaction finds what it must, on the labelled set of its tests, and how fast it is.

    uv run python benchmarks/redaction.py [--record]

Reference: a walk over the same alerts that copies every text and looks for nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from mantissa_core.alert.redact.detect import DETECTORS, find
from mantissa_core.alert.redact.kinds import Kind, Treatment
from mantissa_core.alert.redact.policy import Redaction
from mantissa_core.alert.redact.redactor import Redactor
from mantissa_core.model import Alert
from mantissa_core.testing.alert_sink import delivery
from record import machine, record, table

sys.path.insert(0, str(Path(__file__).parents[1] / "packages/mantissa-core/tests/alert/redact"))
from labelled import read  # type: ignore[import-not-found]

KINDS = frozenset(DETECTORS) - {Kind.IP}
ALERTS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    options = parser.parse_args()
    text = report()
    print(text)
    if options.record:
        record("redaction", text)


def report() -> str:
    """The section for RESULTS.md."""
    labelled = read()
    rows = [(f"{kind}: precision, recall", quality(kind.value, labelled), "") for kind in sorted(KINDS)]
    ours, bare = speed(Redactor(Redaction())), speed(Redactor(nothing()))
    rows.append(("alerts per CPU-second, ten events of twelve fields each", f"{ours:,.0f}", ""))
    rows.append(("the same, looking for nothing", f"{bare:,.0f}", ""))
    rows.append(("ratio", f"**{ours / bare:.3f}**", ""))
    traps = sum(not each.values for each in labelled)
    return (
        f"`uv run python benchmarks/redaction.py --record`, {machine()}.\n\n"
        f"{len(labelled)} strings written for it, {traps} of them traps. They were written beside the detectors: "
        "expect less on logs that are unlike them.\n\n" + table(rows)
    )


def quality(kind: str, labelled: list) -> str:  # type: ignore[type-arg]
    """Precision and recall of one kind."""
    counts: Counter[str] = Counter()
    for each in labelled:
        found = {(one.start, one.end) for one in find(each.text, KINDS, each.field) if one.kind.value == kind}
        wanted = {(start, end) for name, start, end in each.values if name == kind}
        counts.update(right=len(found & wanted), found=len(found), wanted=len(wanted))
    return f"{counts['right'] / counts['found']:.3f}, {counts['right'] / counts['wanted']:.3f} of {counts['wanted']}"


def nothing() -> Redaction:
    """A policy that keeps everything, which no configuration can say."""
    return Redaction.model_construct(**{kind.value: Treatment.KEEP for kind in Kind}, fields=(), hash_key="")


def speed(redactor: Redactor) -> float:
    """Alerts per CPU-second, the median of five runs. No two alerts are alike, in none of the runs."""
    return ALERTS / median(cpu_seconds(partial(_redact, redactor, _alerts(run))) for run in range(5))


def _alerts(run: int) -> list[Alert]:
    numbers = range(run * ALERTS, (run + 1) * ALERTS)
    return [delivery(evidence=tuple(event(number, each) for each in range(10))).alert for number in numbers]


def _redact(redactor: Redactor, alerts: list[Alert]) -> None:
    for each in alerts:
        redactor.alert(each)


def event(number: int, each: int) -> dict[str, object]:
    """What a rule on CloudTrail keeps of an event."""
    return {
        "eventName": "AssumeRole",
        "eventTime": f"2025-03-04T09:{each:02}:{number % 60:02}Z",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": f"203.0.113.{number % 250}",
        "userAgent": f"aws-cli/2.15.{number} Python/3.11.6 Linux/6.1 exe/x86_64",
        "userIdentity": {"arn": f"arn:aws:sts::123456789012:assumed-role/Admin/user{number}@example.com"},
        "requestParameters": {"roleArn": f"arn:aws:iam::{number:012}:role/Deploy", "durationSeconds": 3600 + number},
        "requestID": f"{number:08x}-4444-4555-8666-{each:012x}",
        "eventID": f"{number * 7:08x}-1234-4321-8777-{each:012x}",
        "errorMessage": f"User {number} is not authorized to perform sts:AssumeRole",
    }


def cpu_seconds(function: Callable[[], object]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


if __name__ == "__main__":
    main()
