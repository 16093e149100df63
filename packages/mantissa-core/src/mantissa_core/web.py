"""What every plugin that speaks HTTP must do alike: bounded answers, no redirects, errors by what happens next."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO, Self

import httpx

from .errors import NeedsOperator, Retry

ANSWER_BYTES = 16 * 1024 * 1024
_BUSY = frozenset({408, 425, 429})
_LONGEST_WAIT = 86_400.0
_MASK = "***"


def send(client: httpx.Client, request: httpx.Request, limit: int = ANSWER_BYTES) -> httpx.Response:
    """Send one request and read the answer, at most ``limit`` bytes of it. Redirects are not followed.

    Raises:
        Retry: no connection, a timeout, or an answer that broke off.
        NeedsOperator: the answer is longer than ``limit``.
    """
    content = bytearray()
    response = _exchange(client, request, lambda _status: content.extend, limit)
    return _complete(response, bytes(content))


def save(client: httpx.Client, request: httpx.Request, file: BinaryIO, limit: int) -> httpx.Response:
    """As :func:`send`; the content of an answer of status 2xx goes into ``file``, whose former content is lost.

    What is returned has the content of other answers only, at most ``ANSWER_BYTES`` of it.
    """
    content = bytearray()
    file.seek(0)
    file.truncate()

    def sink(status: int) -> Callable[[bytes], object]:
        return file.write if 200 <= status < 300 else lambda piece: content.extend(piece[: ANSWER_BYTES - len(content)])

    return _complete(_exchange(client, request, sink, limit), bytes(content))


def _exchange(
    client: httpx.Client, request: httpx.Request, sink: Callable[[int], Callable[[bytes], object]], limit: int
) -> httpx.Response:
    """Send a request and hand the pieces of its answer to what ``sink`` gives for its status."""
    with _translated(origin(request)):
        response = _quietly(client, request)
        try:
            write = sink(response.status_code)
            for piece in _bounded(response, limit):
                write(piece)
        finally:
            response.close()
    return response


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """What httpx raises, as what happens next."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise Retry(f"{place} did not answer in time ({type(error).__name__})") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise Retry(f"{place} cannot be reached: {type(error).__name__}: {error}") from error


def _bounded(response: httpx.Response, limit: int) -> Iterator[bytes]:
    size = 0
    for piece in response.iter_bytes():
        if (size := size + len(piece)) > limit:
            raise NeedsOperator(f"{origin(response.request)} answered more than {limit} bytes: is the address right?")
        yield piece


class Arriving:
    """An answer that is read while it comes in. It is closed at the end of its ``with``.

    One that is not of success is read whole at once, for :func:`raise_for_status`, and has no pieces. Reading raises as
    :func:`send` does, and ``Retry`` where the whole takes more than ``seconds``, however steadily it drips.
    """

    def __init__(self, client: httpx.Client, request: httpx.Request, limit: int, seconds: float) -> None:
        self._limit, self._seconds, self._until = limit, seconds, time.monotonic() + seconds
        with _translated(origin(request)):
            self._arriving = _quietly(client, request)
        self.response = self._arriving
        if not self._arriving.is_success:
            with self:
                content = b"".join(self)
            self.response = _complete(self._arriving, content)

    def __iter__(self) -> Iterator[bytes]:
        place = origin(self._arriving.request)
        with _translated(place):
            for piece in _bounded(self._arriving, self._limit):
                if time.monotonic() > self._until:
                    raise Retry(f"{place} did not come to an end within {self._seconds:g} s")
                yield piece

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._arriving.close()


def _complete(response: httpx.Response, content: bytes) -> httpx.Response:
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in _WIRE_HEADERS]
    return httpx.Response(response.status_code, headers=headers, content=content, request=response.request)


class _OriginOnly(logging.Filter):
    """httpx logs the address of each request, and ours may hold tokens: of those the origin is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _ours.get() and isinstance(record.args, tuple):
            record.args = tuple(_origin_of(each) if isinstance(each, httpx.URL) else each for each in record.args)
        return True


_ours: ContextVar[bool] = ContextVar("mantissa_request", default=False)
logging.getLogger("httpx").addFilter(_OriginOnly())


def _origin_of(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace').rpartition('@')[2]}"


@contextmanager
def quiet() -> Iterator[None]:
    """For requests that another library makes by httpx in this thread: of their addresses the origin is logged."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def _quietly(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    with quiet():
        return client.send(request, stream=True, follow_redirects=False)


def raise_for_status(response: httpx.Response, secrets: Iterable[str] = ()) -> None:
    """Turn a refusal into what happens next. ``secrets`` are struck out of what is quoted from the answer.

    Raises:
        Retry: 408, 425, 429 and 5xx, after ``Retry-After`` where the server says so.
        NeedsOperator: everything else that is not 2xx.
    """
    if response.is_success:
        return
    said = f"{origin(response.request)} answered {response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code in _BUSY or response.is_server_error:
        raise Retry(said, retry_after(response.headers))
    if response.is_redirect:
        raise NeedsOperator(f"{said}: redirects are not followed, configure the final address")
    if response.status_code in (401, 403):
        raise NeedsOperator(f"{said}: check the credential and its permissions")
    raise NeedsOperator(f"{said}: {excerpt(response.text, secrets)}")


def retry_after(headers: httpx.Headers, now: datetime | None = None) -> float | None:
    """Seconds that ``Retry-After`` asks for, a number or an HTTP date (RFC 9110, 10.2.3), at most a day."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0), _LONGEST_WAIT)


def origin(request: httpx.Request) -> str:
    """Scheme, host and port: what of an address may be shown. Path and query may hold tokens."""
    return f"{request.url.scheme}://{request.headers['Host']}"


def excerpt(text: str, secrets: Iterable[str] = (), limit: int = 200) -> str:
    """The beginning of what a server said, on one line, without control characters and without our secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, _MASK)
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


# The body is decoded and complete: what described its way over the wire no longer holds.
_WIRE_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})
