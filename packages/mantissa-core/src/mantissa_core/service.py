"""``mantissa run``: every stage of the pipeline in a loop of its own, until told to stop.

.. code-block:: text

    collect/<label>    each stream when it is due ─┐
    receive/<label>    while the sender pushes     │
    store/<label>      what was received          ─┴─ commits ─▶ detect ─ alerts ─▶ deliver
    schedules          rules that are due          ── signals ──▲
    reports            questions that are scheduled ─ messages ─▶ deliver
    escalate           alerts that nobody took     ── messages ─▶ deliver
    job/<name>         at the module's interval
    health             alerts about the sources themselves
    canary             test events, where [canary] says so
    destinations       how each took its messages, every five minutes
    metrics            answers Prometheus, where [metrics] says so
    maintain           compaction, retention, vacuum

A loop that crashes is logged and goes on after a pause; the others do not notice. Stopping lets every loop finish
what it has in hand: what is not committed then is read again at the next start.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import canaries, maintenance, reports
from .alert.sink_health import EVERY as EVALUATE_EVERY
from .errors import MantissaError, NeedsOperator, Retry
from .hookspecs import Collector, Module, Receiver
from .log import get_logger
from .polling import AT_ONCE, Poller
from .receiving import Reception
from .watch import EVERY, report_problems, serve_metrics

if TYPE_CHECKING:
    from .model import Job
    from .runtime import Runtime

POLL = 1.0
"""Seconds at most between two looks for new events (another process may write them) and due deliveries."""
MAINTAIN_EVERY = 60.0
REPORT_POLL = 5.0
"""Seconds between two looks for reports that are due."""
CANARY_POLL = 5.0
"""Seconds between two looks at test alerts."""
DAY = 86_400.0
SHORTEST, LONGEST = 1.0, 300.0
"""Seconds of the first and the longest pause after a failure; they double in between."""
OPERATOR = 900.0
"""Seconds until a source is tried again that a person must look after."""

Step = Callable[[], float]
"""One round of a loop; returns the seconds until the next."""


class Service:
    """Runs an instance. ``pauses`` scales every wait and back-off (tests run with small ones)."""

    def __init__(self, runtime: Runtime, *, pauses: float = 1.0) -> None:
        self._runtime, self._pauses = runtime, pauses
        self._log = get_logger("service")
        self._committed, self._alerted = runtime.stored, threading.Event()
        self._receptions: list[Reception] = []

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish what is in hand and return.

        Raises:
            PluginError: a stage that nothing works without cannot start.
        """
        # Imported by two loops at once, modules that need each other could be seen half-made.
        import mantissa_core.detect.follow.engine
        import mantissa_core.detect.schedule.scheduler  # noqa: F401

        loops = [
            *self._sources(stop),
            _Loop("detect", self._detect, wake=self._committed),
            _Loop("schedules", self._run_schedules),
            _Loop("reports", self._report),
            _Loop("escalate", self._escalate),
            _Loop("deliver", self._deliver, wake=self._alerted),
            *self._jobs(),
            *self._watches(stop),
            _Loop("destinations", self._evaluate_destinations),
            *([_Loop("canary", self._canary)] if self._runtime.settings.canary.every else []),
            _Loop("maintain", _Maintenance(self._runtime).step),
        ]
        threads = [
            threading.Thread(target=self._supervise, args=(loop, stop), name=f"mantissa-{loop.name}", daemon=True)
            for loop in loops
        ]
        routes = [each.label for each in self._runtime.routing_rules.routes]  # what they name in vain is logged now
        self._log.info("running", loops=[loop.name for loop in loops], routes=routes)
        for thread in threads:
            thread.start()
        while not stop.wait(0.2 * self._pauses):  # waiting in steps lets signal handlers run everywhere
            pass
        for loop in loops:
            loop.wake.set()
        self._log.info("stopping: the work in hand is finished first")
        for thread in threads:
            thread.join()
        for reception in self._receptions:
            reception.finish()
        self._runtime.outbox.stop()
        self._log.info("stopped")

    def _sources(self, stop: threading.Event) -> list[_Loop]:
        turns = threading.BoundedSemaphore(AT_ONCE)
        collectors = [
            _Loop(
                f"collect/{label}",
                Poller(self._runtime, label, turns, stop, self._committed.set, pauses=self._pauses).step,
            )
            for label in dict.fromkeys((*self._runtime.labels(Collector), *self._runtime.plugins(Collector)))
        ]
        receivers = []
        for label, receiver in self._runtime.plugins(Receiver).items():
            reception = Reception(self._runtime, label, receiver, self._committed.set)
            self._receptions.append(reception)
            receivers += [
                _Loop(f"receive/{label}", lambda each=reception: each.listen(stop)),  # type: ignore[misc]
                _Loop(f"store/{label}", reception.store, wake=reception.added),
            ]
        return collectors + receivers

    def _detect(self) -> float:
        found = self._runtime.detect(schedules=False)
        for alert in found.opened:
            self._log.info("alert", id=alert.id, severity=str(alert.severity), rule=alert.rule_name)
        if found.opened or found.updated:
            self._alerted.set()
        return POLL

    def _run_schedules(self) -> float:
        if self._runtime.run_schedules():
            self._committed.set()  # signals, which alerts are made of
        return POLL

    def _report(self) -> float:
        if reports.run_due(self._runtime):
            self._alerted.set()
        return REPORT_POLL

    def _escalate(self) -> float:
        if self._runtime.escalate():
            self._alerted.set()
        return POLL

    def _deliver(self) -> float:
        self._runtime.summaries.tell()
        self._runtime.outbox.wake()
        if self._runtime.report_deliveries():
            self._runtime.outbox.wake()
        return POLL

    def _watches(self, stop: threading.Event) -> list[_Loop]:
        loops = [_Loop("health", self._health)]
        if address := self._runtime.settings.metrics.listen:
            loops.append(_Loop("metrics", lambda: serve_metrics(self._runtime, address, stop)))
        return loops

    def _health(self) -> float:
        if changed := self._runtime.notice_changes():
            self._log.info("settings of destinations changed: what they refused is tried again", labels=changed)
        for alert in report_problems(self._runtime):
            self._log.warning("source needs a look", id=alert.id, severity=str(alert.severity), summary=alert.summary)
            self._alerted.set()
        return EVERY

    def _evaluate_destinations(self) -> float:
        now = datetime.now(UTC)
        for each in self._runtime.destinations():
            self._runtime.sink_healths.store(each, now)
        return EVALUATE_EVERY

    def _canary(self) -> float:
        """Send a test event when it is time, and look what became of the last ones."""
        if canaries.send_when_due(self._runtime):
            self._committed.set()
        canaries.look(self._runtime)
        return CANARY_POLL

    def _jobs(self) -> list[_Loop]:
        modules = self._runtime.plugins(Module)
        jobs = [(label, job) for label, module in modules.items() for job in module.jobs()]
        return [_Loop(f"job/{label}/{job.name}", lambda job=job: self._run_job(job)) for label, job in jobs]  # type: ignore[misc]

    def _run_job(self, job: Job) -> float:
        job.run(self._runtime)
        return job.every.total_seconds()

    def _supervise(self, loop: _Loop, stop: threading.Event) -> None:
        """Run a loop's steps until stopped; a failure makes the next one wait."""
        while True:
            loop.wake.clear()
            if stop.is_set():  # looked at after clearing: stopping sets it first, and wakes every loop then
                return
            try:
                pause = loop.step()
                loop.recovered(self._log)
            except Exception as error:  # noqa: BLE001  # the loop outlives whatever its work raises
                pause = loop.failed(error, self._log)
            loop.wake.wait(pause * self._pauses)


@dataclass(eq=False)
class _Loop:
    """A step that is repeated, and what is remembered of its failures. ``wake`` ends a pause early."""

    name: str
    step: Step
    wake: threading.Event = field(default_factory=threading.Event)
    failures: int = 0
    reason: str = ""

    def failed(self, error: Exception, log: Any) -> float:
        """Log a failure, once for as long as it stays the same; return the seconds until the next attempt."""
        self.failures += 1
        pause, reason = self._pause(error), f"{type(error).__name__}: {error}"
        if reason != self.reason:
            details = {} if isinstance(error, MantissaError) else {"exc_info": error}
            log.error("loop failed", loop=self.name, reason=str(error), again_in=round(pause, 1), **details)
        self.reason = reason
        return pause

    def recovered(self, log: Any) -> None:
        """Note that a step succeeded."""
        if self.failures:
            log.info("loop recovered", loop=self.name, failures=self.failures)
        self.failures, self.reason = 0, ""

    def _pause(self, error: Exception) -> float:
        if isinstance(error, Retry) and error.after is not None:
            return max(error.after, SHORTEST)
        if isinstance(error, NeedsOperator):
            return OPERATOR
        backed_off = min(LONGEST, SHORTEST * 2.0 ** min(self.failures - 1, 10))
        return backed_off * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, no secret


class _Maintenance:
    """Compaction whenever it is due, retention and vacuum once a day."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._log = get_logger("maintain")
        self._daily = time.monotonic() + MAINTAIN_EVERY  # not in the rush of a start

    def step(self) -> float:
        for name, done in maintenance.compact(self._runtime).items():
            if done.days:
                self._log.info("compacted", table=name, files_before=done.files_before, files_after=done.files_after)
        if time.monotonic() >= self._daily:
            self._tidy()
            self._daily = time.monotonic() + DAY
        return MAINTAIN_EVERY

    def _tidy(self) -> None:
        for name, dropped in maintenance.retain(self._runtime).items():
            if dropped.days:
                self._log.info("dropped old days", table=name, days=len(dropped.days), rows=dropped.rows)
        swept = maintenance.vacuum(self._runtime)
        self._log.info("vacuumed", files=len(swept.files), bytes=swept.bytes)
