"""A vendor's API over the wire, as far as a collector can tell: subclass :class:`FakeVendor`.

The author says how a request is authorised, how it selects events, and what an answer looks like; pages, limits
and misbehaviour come from here::

    class FakeAcme(FakeVendor):
        def authorised(self, request):
            return request.headers.get("authorization") == "Bearer t0ken"

        def events(self, request):
            query = request.query
            since = datetime.fromisoformat(query["since"])
            served = self.page(self.ledger.between(since), query.get("cursor"), limit=int(query["limit"]))
            return Answer(200, {"events": [{"id": each.id} for each in served.events], "next": served.cursor})
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import formatdate
from typing import Literal

from .collector_source import Event, Fault
from .ledger import Key, Ledger, Served, in_order, scattered
from .loopback import Answer, LoopbackServer, Request

__all__ = ["Answer", "Event", "FakeVendor", "Fault", "Ledger", "Refused", "Request", "Served"]

_LONGEST = 10.0
_SKEW = 7200.0


class Refused(Exception):
    """Raised by :meth:`FakeVendor.events`: the vendor refuses the request with this status and error code."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code


class FakeVendor(LoopbackServer):
    """One customer's account. ``requests`` are those for events; ``answer`` replaces every answer.

    ``remaining`` requests are left of the limit, which is renewed in ``reset_in`` seconds; ``limit_headers`` name the
    headers that say so, and ``reading`` how the reset is written.
    """

    faults = frozenset(Fault) - {Fault.TOKEN_LAPSED}
    page_size = 3
    limit_headers: tuple[str, str] | None = ("X-RateLimit-Remaining", "X-RateLimit-Reset")
    reading: Literal["epoch", "delta"] = "epoch"
    throttled_status = 429

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.requests: list[Request] = []
        self.answer: Answer | None = None
        self.remaining, self.reset_in = 100, 40
        self.fault: Fault | None = None
        self._cursors: dict[str, Key] = {}
        self._injected: tuple[Fault, int] | None = None
        self._emptied = False
        self._healed = threading.Event()
        self._lock = threading.RLock()

    # -- what an author overrides ------------------------------------------------------------------------------

    def authorised(self, request: Request) -> bool:
        """Whether the credential is good."""
        raise NotImplementedError("override 'authorised'")

    def events(self, request: Request) -> Answer:
        """Answer a request for events; raise :class:`Refused` where the vendor would refuse it."""
        raise NotImplementedError("override 'events'")

    def other(self, request: Request) -> Answer | None:
        """Answer a request that is not for events, such as one for a token; ``None``: it is for events."""
        return None

    def refusal(self, status: int, code: str) -> Answer:
        """What the vendor says when it refuses; ``code`` is its own where :class:`Refused` gave one."""
        return Answer(status, {"error": code or str(status)})

    def lapse(self) -> None:
        """Forget the access tokens given so far (``TOKEN_LAPSED``)."""

    # -- pages -------------------------------------------------------------------------------------------------

    def page(self, found: Sequence[Event], cursor: str | None, limit: int, *, always: bool = False) -> Served:
        """A page behind an opaque cursor. It goes on behind the last event given, whatever appeared meanwhile.

        ``always``: there is a next cursor even at the end, as with Okta.

        Raises:
            Refused: 400, the cursor is not known.
        """
        if cursor is not None and cursor not in self._cursors:
            raise Refused(400)
        key, last = self._key(), self._cursors[cursor] if cursor is not None else ()
        matching = sorted(found, key=key)
        rest = [event for event in matching if not last or key(event) > last]
        given = rest[:limit]
        if self.fault is Fault.ENDLESS:
            self._cursors["endless"] = ()
            return Served(matching[:limit], "endless")
        if self._empties_now():
            return Served([], self._cursor(last))
        following = key(given[-1]) if given else last
        ended = len(given) == len(rest)
        cursor = None if ended and not always else self._cursor(following)
        if self.fault is Fault.DUPLICATES and given:
            given = [event for event in matching if last and key(event) <= last][-2:] + given
        return Served(given, cursor)

    def slice(self, found: Sequence[Event], offset: int, limit: int) -> Served:
        """A page by offset or page number. ``cursor`` is the next offset."""
        matching = sorted(found, key=self._key())
        first = max(offset - 2, 0) if self.fault is Fault.DUPLICATES else offset
        end = offset + limit
        return Served(matching[first:end], str(end) if end < len(matching) else None)

    def earliest(self, found: Sequence[Event], limit: int) -> Served:
        """The first events by time, for APIs that page by time alone."""
        return Served(sorted(found, key=in_order)[:limit], None)

    def knows(self, cursor: str) -> bool:
        """Whether this cursor was given and has not expired."""
        return cursor in self._cursors

    def forget_cursors(self) -> None:
        """Let every cursor expire."""
        self._cursors.clear()

    # -- what the kit calls ------------------------------------------------------------------------------------

    def put(self, events: Sequence[Event], published: datetime | None = None) -> None:
        """Have these events too."""
        self.ledger.put(events, published)

    def inject(self, fault: Fault, after: int = 0) -> None:
        """Misbehave once ``after`` more requests for events were answered well, until :meth:`heal`."""
        self._healed.clear()
        self._emptied = False
        self._injected = (fault, after)

    def heal(self) -> None:
        """Behave again."""
        self._injected = None
        self._healed.set()

    # -- inside ------------------------------------------------------------------------------------------------

    def respond(self, request: Request) -> Answer | None:
        """What goes out for a request, faults included."""
        with self._lock:
            other = self.other(request)
            if other is not None:
                return other
            self.requests.append(request)
            self.fault = self._meets()
        if self.fault in (Fault.TIMEOUT, Fault.RESET):
            self._healed.wait(_LONGEST if self.fault is Fault.TIMEOUT else 0)
            return None
        with self._lock:
            answer = self.answer or self._misbehaves() or self._behaves(request)
        return Answer(answer.status, answer.body, {**self._limits(), **answer.headers})

    def _misbehaves(self) -> Answer | None:
        if self.fault is Fault.TOKEN_LAPSED:
            self.lapse()
            self.heal()
        if self.fault is Fault.TOKEN_EXPIRED:
            return self.refusal(401, "")
        if self.fault in (Fault.RATE_LIMIT, Fault.SKEWED_CLOCK):
            return self.refusal(self.throttled_status, "")
        if self.fault is Fault.SERVER_ERROR:
            return self.refusal(500, "")
        if self.fault is Fault.ERROR_PAGE:
            return Answer(200, b"<html><body>Down for maintenance</body></html>", {"Content-Type": "text/html"})
        if self.fault is Fault.ERROR_DOCUMENT:
            return Answer(200, self.refusal(500, "").body)
        return None

    def _behaves(self, request: Request) -> Answer:
        if not self.authorised(request):
            return self.refusal(401, "")
        try:
            answer = self.events(request)
        except Refused as refused:
            return self.refusal(refused.status, refused.code)
        if self.fault is Fault.TRUNCATED:
            return Answer(answer.status, answer.content()[: len(answer.content()) // 2], answer.headers)
        return answer

    def _meets(self) -> Fault | None:
        """The fault that this request meets."""
        if self._injected is None:
            return None
        fault, after = self._injected
        self._injected = (fault, max(after - 1, 0))
        return fault if after == 0 else None

    def _limits(self) -> Mapping[str, str]:
        """The headers about the limit, and the clock that they go by."""
        now = time.time() + (_SKEW if self.fault is Fault.SKEWED_CLOCK else 0)
        date = {"Date": formatdate(now, usegmt=True)}
        if self.limit_headers is None:
            return date
        throttled = self.fault in (Fault.RATE_LIMIT, Fault.SKEWED_CLOCK)
        reset = self.reset_in + (int(now) if self.reading == "epoch" else 0)
        remaining, name = self.limit_headers
        return {**date, remaining: "0" if throttled else str(self.remaining), name: str(reset)}

    def _key(self) -> Callable[[Event], Key]:
        return scattered if self.fault is Fault.SHUFFLED else in_order

    def _empties_now(self) -> bool:
        emptied, self._emptied = self._emptied, self._emptied or self.fault is Fault.EMPTY_PAGE
        return self._emptied and not emptied

    def _cursor(self, last: Key) -> str:
        number = len(self._cursors)
        name = str(2**53 + 1 + 2 * number) if self.fault is Fault.BIG_CURSORS else f"c_{number}"
        self._cursors[name] = last
        return name
