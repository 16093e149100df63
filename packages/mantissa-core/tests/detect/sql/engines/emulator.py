"""Where the BigQuery emulator (v0.8.1) is known to differ from BigQuery; nothing is concluded from those cases.

Each limit has what BigQuery's reference says, and was seen on the emulator:

- ``JSON_QUERY(JSON '5', '$.a')`` and ``(JSON '5')['a']`` are ``5``. BigQuery: NULL, the key does not exist.
- ``JSON_FLATTEN`` takes apart one level of arrays in an array. BigQuery: "consecutively nested arrays".
- ``'a' LIKE '_'`` and ``'a\\nb' LIKE 'a%b'`` are false. BigQuery: ``_`` matches one character, ``%`` any number of any.
- ``CAST(1234567.25 AS STRING)`` is ``1.23456725e+06``. BigQuery: no exponent below 1e15.
- A path or a subscript whose key has a quote, or begins with a bracket, fails. BigQuery: any STRING is a key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mantissa_core.detect.ir.derive import predicates
from mantissa_core.detect.ir.tree import FieldRef, Glob, Wild
from mantissa_core.detect.match.lookup import leaves
from mantissa_core.detect.rules.rule import Rule


def cannot_hold(event: Mapping[str, Any], fields: Collection[str]) -> bool:
    """A scalar stands where a field's path goes on, or arrays are nested more than twice."""
    inner = {key for field in fields for key in field.split(".")[:-1]} | {"user", "place"}

    def beyond(value: Any, depth: int, goes_on: bool) -> bool:
        if isinstance(value, Mapping):
            return any(beyond(each, 0, not inner.isdisjoint(key.split("."))) for key, each in value.items())
        if isinstance(value, list):
            return depth >= 2 or any(beyond(each, depth + 1, goes_on) for each in value)
        return goes_on and value is not None

    return beyond(event, 0, False)


def cannot_run(rule: Rule) -> bool:
    """A key has a quote or a bracket."""
    found = list(predicates(rule.ir))
    fields = [each.field or "" for each in found]
    fields += [value.field for each in found for value in each.values if isinstance(value, FieldRef)]
    return any(not set("'\"[").isdisjoint(field) for field in fields)


def cannot_decide(rule: Rule, event: Mapping[str, Any]) -> bool:
    """A pattern has ``?``, or ``*`` and the event texts of several lines."""
    globs = [value.parts for each in predicates(rule.ir) for value in each.values if isinstance(value, Glob)]
    if any(Wild.ONE in parts for parts in globs):
        return True
    return bool(globs) and any("\n" in text for text in leaves(event))
