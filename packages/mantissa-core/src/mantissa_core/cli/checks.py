"""What ``mantissa doctor`` and ``mantissa plugins doctor`` look at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from mantissa_core import catalog
from mantissa_core.errors import MantissaError

from .command import Session
from .output import moment, number, plural, print_json, size, table

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

LITTLE_SPACE = 2_000_000_000
"""Free bytes on a local disk below which the doctor warns."""

Status = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``detail`` says what was found and, where it is bad, what to do."""

    part: str
    subject: str
    status: Status
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether nobody needs to act."""
        return self.status != "problem"


def show(session: Session, checks: Iterable[Check]) -> None:
    """Print checks as a table, or as JSON."""
    listed = list(checks)
    if session.json:
        print_json([asdict(each) for each in listed])
        return
    rows = [(each.status, each.part, each.subject, each.detail) for each in listed]
    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    table(["STATUS", "PART", "SUBJECT", "DETAIL"], rows, fixed=["STATUS", "PART"], styles=styles)


def check_instance(runtime: Runtime) -> Iterator[Check]:
    """Everything, from the stores to the disk."""
    yield from check_stores(runtime)
    yield from _guarded("lake", runtime.settings.lake.url, lambda: _lake(runtime))
    yield from _broken("log types", len(list(runtime.log_types)), runtime.log_types.broken)
    yield from _broken("rules", len(runtime.rules.all), runtime.rules.broken)
    yield from _failing(runtime)
    yield from _expired_filters(runtime)
    yield from check_plugins(runtime)
    yield from check_sources(runtime)
    yield from _disk(runtime)


def check_sources(runtime: Runtime) -> Iterator[Check]:
    """What was read of each source, and what is wrong with it."""
    from mantissa_core.watch import health

    known = health(runtime)
    for finding in known.findings:
        status: Status = "problem" if finding.problem in ("stopped", "failing") else "warning"
        subject = f"{finding.label}/{finding.stream}" if finding.stream else finding.label
        yield Check("sources", subject, status, f"{finding.problem}: {finding.detail}")
    bad = {each.label for each in known.findings}
    for label in dict.fromkeys(each.label for each in known.reports if each.label not in bad):
        read = [each.attempt.last_success for each in known.reports if each.label == label]
        last = max(filter(None, read), default=None)
        yield Check("sources", label, "ok", f"last read {moment(last)}" if last else "")


def check_stores(runtime: Runtime) -> Iterator[Check]:
    """State, secrets and what runs queries."""
    from mantissa_core.hookspecs import SecretStore, StateStore

    for part, kind, name in (
        ("state", StateStore, runtime.settings.state.plugin),
        ("secrets", SecretStore, runtime.settings.secrets.plugin),
    ):
        yield from _guarded(part, name, lambda part=part, kind=kind: runtime.host.check(kind, part))  # type: ignore[misc]
    yield from _guarded("query", runtime.settings.query.plugin, lambda: _query_backend(runtime))


def check_plugins(runtime: Runtime) -> Iterator[Check]:
    """Every configured plugin: does it start, and does it say that it could work now? And the installed data."""
    from mantissa_core.parts import SECTIONS

    for kind, section in SECTIONS.items():
        labels = runtime.labels(kind)
        if labels:
            runtime.plugins(kind)
        for label in labels:
            yield from _guarded(section, label, lambda kind=kind, label=label: runtime.host.check(kind, label))  # type: ignore[misc]
    yield from _check_data()


def _check_data() -> Iterator[Check]:
    """Packages of log types and of rules: can they be had?"""
    for group in (catalog.LOG_TYPES, catalog.RULE_PACKS):
        for each in catalog.installed(group):
            subject = f"{each.name} ({each.distribution})"
            yield from _guarded(group.removeprefix("mantissa."), subject, lambda each=each: _folder(each))  # type: ignore[misc]


def _folder(entry: catalog.Installed) -> None:
    catalog.folder(entry)


def _guarded(part: str, subject: str, look: Callable[[], str | None]) -> Iterator[Check]:
    try:
        detail = look()
    except (MantissaError, OSError) as error:
        yield Check(part, subject, "problem", str(error))
    else:
        yield Check(part, subject, "ok", detail or "")


def _query_backend(runtime: Runtime) -> None:
    from mantissa_core.hookspecs import QueryBackend

    runtime.query_backend  # noqa: B018  # starts it
    runtime.host.check(QueryBackend, "query")


def _lake(runtime: Runtime) -> str:
    tables = [runtime.lake.table(name) for name in runtime.lake.tables()]
    rows = sum(file.rows for each in tables for file in each.live())
    return f"{plural(len(tables), 'table')}, {plural(rows, 'row')}"


def _broken(part: str, loaded: int, broken: dict[str, Exception] | object) -> Iterator[Check]:
    reasons = [str(error) for error in broken.values()] if isinstance(broken, dict) else []
    yield Check(part, "loaded", "ok" if loaded else "warning", number(loaded))
    for reason in reasons:
        yield Check(part, "broken", "problem", reason)


def _failing(runtime: Runtime) -> Iterator[Check]:
    """Rules whose last evaluation failed: a problem once somebody was told."""
    from mantissa_core.detect.follow.failing import LIMIT

    for each in runtime.failing.all():
        status: Status = "problem" if each.failures >= LIMIT else "warning"
        detail = f"{each.title} failed {each.failures} times since {each.since[:16].replace('T', ' ')}: {each.error}"
        yield Check("rules", "failing", status, detail)


def _expired_filters(runtime: Runtime) -> Iterator[Check]:
    """Filters that no longer silence anything: somebody must extend or remove them."""
    today = datetime.now(UTC).date()
    for each in runtime.rules.filters:
        if not each.applies(today):
            owner = each.owner or "nobody"
            yield Check(
                "rules", "filter", "warning", f"{each.source}: {each.title} ({owner}) expired on {each.expires}"
            )


def _disk(runtime: Runtime) -> Iterator[Check]:
    places = {"home": runtime.home}
    if "://" not in runtime.settings.lake.url:
        places["lake"] = runtime.home / runtime.settings.lake.url
    for name, path in places.items():
        if not path.exists():
            continue
        free = shutil.disk_usage(path).free
        enough = free >= LITTLE_SPACE
        detail = f"{size(free)} free" if enough else f"only {size(free)} free: make room or move the {name}"
        yield Check("disk", name, "ok" if enough else "warning", detail)
