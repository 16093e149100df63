"""The background of any source: ordinary events made of the examples that its log type has.

An event is an example with another time, id, person and address. What else it says stays as the example says it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from mantissa_core.model import LogType
from mantissa_core.model.log_type import Case, EventTime, NativeId, Overlay, OverlayRules, Path, parse_path

from .clock import Clock
from .company import Person, found
from .draw import MIXED, Draw

UNITS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
_ISO = re.compile(r"(?P<date>[0-9-]{10})(?P<between>[Tt ])(?P<clock>[0-9:]{5,8})([.,](?P<part>[0-9]+))?(?P<zone>.*)")
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_HEX = re.compile(r"[0-9a-f-]{8,}", re.IGNORECASE)
_SHORTEST_ID = 6
"""Characters from which on another id of the same length is another one for certain."""

Event = dict[str, Any]
Rare = Callable[[Mapping[str, Any]], bool]
"""Whether an example is of something that seldom happens."""


def write_examples(
    log_type: LogType, seed: int, day: date, count: int, folder: FilePath, rare: Rare = lambda _: False
) -> FilePath:
    """Write the events of :func:`varied` as lines of JSON to ``folder/<table>/<table>-<day>.ndjson``.

    Raises:
        ValueError: the log type has no examples.
        OSError: the folder cannot be written.
    """
    file = folder / log_type.table / f"{log_type.table}-{day}.ndjson"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as lines:
        for event in varied(log_type, seed, day, count, rare):
            lines.write(json.dumps(event, ensure_ascii=False) + "\n")
    return file


def varied(log_type: LogType, seed: int, day: date, count: int, rare: Rare = lambda _: False) -> Iterator[Event]:
    """Yield ``count`` events of one day, in the order of time, made of the log type's examples.

    Examples that are ``rare`` are used once each, the others as often as it takes. The same arguments give the same
    events.

    Raises:
        ValueError: the log type has no examples.
    """
    if not log_type.examples:
        raise ValueError(f"{log_type.name} has no examples to make events of")
    draw, clock, people = Draw(seed, day, log_type.name), Clock(day, 1), found(seed).people
    ordinary = [json.dumps(dict(each.event)) for each in log_type.examples if not rare(each.event)]
    odd = [json.dumps(dict(each.event)) for each in log_type.examples if rare(each.event)]
    once = dict(zip(draw.sample(range(count), min(len(odd), count)), odd, strict=False)) if ordinary else {}
    variation = _Variation(log_type)
    for number in range(count):
        event: Event = json.loads(once.get(number) or draw.choice(ordinary or odd))
        variation.apply(event, draw, clock.at((number + draw.random()) / count), draw.choice(people), number)
        yield event


class _Variation:
    """What of a log type's events is different in each."""

    def __init__(self, log_type: LogType) -> None:
        overlay = log_type.overlay
        self._times = [(path, each) for each in log_type.times for path in _spelled(log_type, each.path)]
        self._users = _plain(log_type, overlay.user)
        self._addresses = _plain(log_type, overlay.src_ip)
        first = log_type.id.native[0] if isinstance(log_type.id, NativeId) else None
        said = {*(each.path for each in log_type.times), *_named(overlay)}
        self._id = _spelled(log_type, first) if first is not None and first not in said else []

    def apply(self, event: Event, draw: Draw, when: datetime, person: Person, number: int) -> None:
        """Change an event in place."""
        for path, time in self._times:
            _change(event, path, partial(_written, when, time))
        for path in self._users:
            _change(event, path, lambda old: _login(old, person))
        for path in self._addresses:
            _change(event, path, lambda old: person.place.ip if _is_address(old) else old)
        for path in self._id:
            _change(event, path, lambda old: _another(old, draw, number))


def _spelled(log_type: LogType, path: str) -> list[Path]:
    """Every spelling of the field that ``path`` names."""
    return [parse_path(each) for each in log_type.by_path[parse_path(path)].spellings]


def _plain(log_type: LogType, rules: OverlayRules) -> list[Path]:
    """The fields whose values the overlay takes as they are."""
    return [path for each in rules if isinstance(each, str) for path in _spelled(log_type, each)]


def _named(overlay: Overlay) -> set[str]:
    """The fields that say who did what to whom: they are no ids, even where they are a part of one."""
    rules = (*overlay.user, *overlay.src_ip, *overlay.action, *overlay.outcome, *overlay.target)
    paths = {each if isinstance(each, str) else each.path for each in rules if not isinstance(each, Case)}
    return paths | {path for each in rules if isinstance(each, Case) for path in each.when}


def _change(event: Mapping[str, Any], path: Path, change: Callable[[Any], Any]) -> None:
    """Replace the value at ``path``, where there is one."""
    inner: Any = event
    for key in path[:-1]:
        inner = inner.get(key) if isinstance(inner, dict) else None
    if isinstance(inner, dict) and inner.get(path[-1]) is not None:
        inner[path[-1]] = change(inner[path[-1]])


def _written(when: datetime, time: EventTime, old: Any) -> Any:
    """The moment, as the example writes its own."""
    if time.format != "iso8601":
        number = int(when.timestamp() * UNITS[time.format])
        return str(number) if isinstance(old, str) else float(number) if isinstance(old, float) else number
    shape = _ISO.fullmatch(old) if isinstance(old, str) else None
    if shape is None:
        return old
    digits = len(shape["part"] or "")
    part = f".{when.microsecond:06d}".ljust(digits + 1, "0")[: digits + 1] if digits else ""
    zone = shape["zone"] if not shape["zone"].startswith(("+", "-")) else "+00:00" if ":" in shape["zone"] else "+0000"
    return f"{when.astimezone(UTC):%Y-%m-%d}{shape['between']}{when.astimezone(UTC):%H:%M:%S}{part}{zone}"


def _login(old: Any, person: Person) -> Any:
    """The person as the example writes people: by address or by name; what is neither stays."""
    if not isinstance(old, str) or ":" in old or "/" in old:
        return old
    return person.login if "@" in old else person.login.partition("@")[0]


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def _another(old: Any, draw: Draw, number: int) -> Any:
    """An id of the same shape that no other event has."""
    if isinstance(old, int):
        return old + number + 1
    if not isinstance(old, str):
        return old
    if len(old) < _SHORTEST_ID:
        return f"{old}{number}"
    if _HEX.fullmatch(old):
        return "".join(each if each == "-" else draw.choice("0123456789abcdef") for each in old)
    if old.isdigit():
        return f"{draw.randrange(1, 10)}{draw.text(len(old) - 1, '0123456789')}"
    return "".join(draw.choice(MIXED) if each.isalnum() else each for each in old)
