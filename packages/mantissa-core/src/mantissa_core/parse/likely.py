"""Where an event may say what its log type did not find: paths whose name or value looks like a time, an id, a user…

Guesses for a person who looks after a log type; nothing is parsed by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

_ISO = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TIME_KEY = re.compile(r"time|date|(^|_)(ts|at)$|(created|published|occurred)", re.IGNORECASE)
_ID_KEY = re.compile(r"^(_?id|uuid|guid|insert_?id|event_?(uu)?id|audit_?id|_document_id)$", re.IGNORECASE)
_ACTION_KEY = re.compile(r"^(action|operation|activity|verb|event_?(type|name)|method_?name)$", re.IGNORECASE)
_USER_KEY = re.compile(r"^(user|user_?name|login|actor|principal_?(email|name)?|user_?id|email)$", re.IGNORECASE)
_EPOCHS = ((1e9, 4e9), (1e12, 4e12), (1e15, 4e15), (1e18, 4e18))
"""2001 to 2096 in seconds, milliseconds, microseconds and nanoseconds."""


def _time(key: str, value: Any) -> bool:
    if isinstance(value, str):
        return _ISO.match(value) is not None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and bool(_TIME_KEY.search(key)) and any(low <= value < high for low, high in _EPOCHS)


def _address(_key: str, value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        return False


def _user(key: str, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and bool(_USER_KEY.match(key) or _EMAIL.fullmatch(value))


def _named(pattern: re.Pattern[str]) -> Callable[[str, Any], bool]:
    def looks(key: str, value: Any) -> bool:
        return isinstance(value, (str, int)) and value not in ("", True, False) and pattern.match(key) is not None

    return looks


LOOKS_LIKE: Mapping[str, Callable[[str, Any], bool]] = {
    "time": _time,
    "id": _named(_ID_KEY),
    "action": _named(_ACTION_KEY),
    "user": _user,
    "src_ip": _address,
}
"""By field: whether a key and its value look like one."""


def likely_paths(event: Mapping[str, Any], name: str) -> Iterator[str]:
    """The paths of ``event`` at which something looks like the field ``name``; elements of arrays are ``[]``."""
    looks = LOOKS_LIKE[name]
    deep = name != "id"  # those deeper inside are of something else
    return (path for path, key, value in _leaves(event, "", "") if looks(key, value) and (deep or path.count(".") < 1))


def names_an_action(key: str) -> bool:
    """Whether a field of this name says what was done."""
    return _ACTION_KEY.match(key) is not None


def _leaves(value: Any, path: str, key: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else str(name), str(name))
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, f"{path}[]", key)
    else:
        yield path, key, value
