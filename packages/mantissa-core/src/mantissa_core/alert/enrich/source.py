"""One enricher, asked within bounds: remembered answers, so many questions per minute, left alone while it fails."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog

from mantissa_core.alert.codec import to_json
from mantissa_core.alert.fold import cut
from mantissa_core.errors import MantissaError, PluginError, Retry
from mantissa_core.hookspecs import Enricher
from mantissa_core.model.alert import Alert

FACTS = 16 * 1024
"""Bytes of JSON that one enricher's facts may have."""
PATIENCE = 3
"""Failures in a row after which an enricher is left alone; one that hangs is at once."""
PAUSE = 60.0
"""Seconds for which it is, unless it said itself how long."""
_LONGEST = 3600.0
_REMEMBERED = 10_000
_REASON = 300

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one enricher may take.

    ``budget``: seconds that an alert waits for it. ``ttl``: seconds for which an answer counts. ``per_minute``: how
    often it is asked at most; ``None`` for as often as there are alerts.
    """

    budget: float = 2.0
    ttl: float = 3600.0
    per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Facts, or nothing known (``None``), or why there is no answer."""

    facts: Any = None
    failure: str = ""


class Source:
    """An enricher under a label.

    ``about`` names the entities that its facts depend on: without them it is not asked, and the same ones get the
    same answer for a while. ``None``: it depends on more, so it is asked about every alert. ``revive`` starts a
    plugin again that was given up, and returns whether it runs.
    """

    def __init__(
        self,
        label: str,
        enricher: Enricher,
        limits: Limits = Limits(),  # frozen
        about: tuple[str, ...] | None = None,
        revive: Callable[[str], bool] = lambda _label: False,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label, self.limits = label, limits
        self._enricher, self._about, self._revive, self._clock = enricher, about, revive, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self._asked: deque[float] = deque()
        self._failures, self._rest_until, self._reason, self._gone = 0, 0.0, "", False

    def ask(self, alert: Alert) -> Future[Answer]:
        """The answer, now or later; it never raises. One that comes too late for this alert serves the next."""
        key = self._key(alert)
        future: Future[Answer] = Future()
        if (known := self._at_once(key)) is not None:
            future.set_result(known)
            return future
        name = f"mantissa-enrich-{self.label}"
        threading.Thread(target=self._work, args=(alert, key, future), name=name, daemon=True).start()
        return future

    def late(self) -> Answer:
        """What is noted where the budget ran out; the enricher is left alone for a while."""
        failure = f"no answer within {self.limits.budget:g} s"
        with self._lock:
            self._rest(PAUSE, failure)
        return Answer(failure=failure)

    def _key(self, alert: Alert) -> str | None:
        """Names the question; empty where there is nothing to ask, ``None`` where each question is its own."""
        if self._about is None:
            return None
        asked = {kind: alert.entities[kind] for kind in self._about if alert.entities.get(kind)}
        return json.dumps(asked, sort_keys=True) if asked else ""

    def _at_once(self, key: str | None) -> Answer | None:
        if key == "":
            return Answer()
        now = self._clock()
        with self._lock:
            until, known = self._known.get(key, (0.0, Answer())) if key else (0.0, Answer())
            if until > now:
                return known
            if self._rest_until > now:
                return Answer(failure=f"left alone for {self._rest_until - now:.0f} s more: {self._reason}")
            return self._counted(now)

    def _counted(self, now: float) -> Answer | None:
        """Count the question; where there were too many within a minute, the refusal."""
        if self.limits.per_minute is None:
            return None
        while self._asked and self._asked[0] <= now - 60:
            self._asked.popleft()
        if len(self._asked) >= self.limits.per_minute:
            return Answer(failure=f"asked {self.limits.per_minute} times within a minute, as often as it may be")
        self._asked.append(now)
        return None

    def _work(self, alert: Alert, key: str | None, future: Future[Answer]) -> None:
        try:
            if self._gone:
                self._gone = not self._revive(self.label)
            found = self._enricher.enrich(alert)
            answer = _bounded(to_json(found.facts) if found else None)
            self._remember(key, answer)
        except MantissaError as error:
            answer = self._failed(error)
        except Exception as error:  # noqa: BLE001  # an alert never waits for nobody
            _log.error("enricher failed", enricher=self.label, exc_info=error)
            answer = Answer(failure=f"failed: {type(error).__name__}")
        future.set_result(answer)

    def _remember(self, key: str | None, answer: Answer) -> None:
        with self._lock:
            self._failures, self._rest_until = 0, 0.0
            if key and not answer.failure:
                self._known[key] = self._clock() + self.limits.ttl, answer
                self._known.move_to_end(key)
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)

    def _failed(self, error: MantissaError) -> Answer:
        reason = cut(str(error), _REASON)
        _log.warning("enricher failed", enricher=self.label, error=reason)
        asked = error.after if isinstance(error, Retry) else None
        with self._lock:
            self._failures += 1
            self._gone = self._gone or isinstance(error, PluginError)
            if asked is not None or self._failures >= PATIENCE or self._gone:
                self._rest(PAUSE if asked is None else min(max(asked, 0.0), _LONGEST), reason)
        return Answer(failure=reason)

    def _rest(self, seconds: float, reason: str) -> None:
        self._rest_until, self._reason = self._clock() + seconds, reason


def _bounded(facts: Mapping[str, Any] | None) -> Answer:
    if facts is not None and (size := len(json.dumps(facts))) > FACTS:
        return Answer(failure=f"said too much: {size:,} bytes, of {FACTS:,} that are kept")
    return Answer(facts)
