"""From a rule's hits in a batch to signals: who, where, and the fields that tell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.signals import signal_id
from mantissa_core.model import LogType, Signal
from mantissa_core.model.log_type import SCALARS

from .bind import Binding, bind
from .field import Batch, Field
from .matcher import Hits

OWN = ("m_id", "m_time", *(f"m_{name}" for name in SCALARS))
"""The columns that every signal is made from."""

TELLING = ("m_user", "m_src_ip", "m_action", "m_target")
"""Overlay columns that are evidence whatever the rule asks for."""

LONGEST = 1000
"""Characters of a value that are kept as evidence; the event itself is in the lake."""

MOST = 20
"""Values of a field that are kept as evidence."""


class SignalMaker:
    """Makes signals of one log type's hits; knows which columns that takes."""

    def __init__(self, rules: Iterable[Rule], log_type: LogType) -> None:
        self._log_type = log_type
        names = dict.fromkeys(name for rule in rules for name in _fields(rule) if name not in OWN)
        self._bindings: Mapping[str, Binding] = {name: bind(name, log_type) for name in names}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that signals are made from."""
        bound = (name for binding in self._bindings.values() for name in binding.columns)
        return tuple(dict.fromkeys((*OWN, *bound)))

    def fields(self, batch: Batch) -> Mapping[str, Field]:
        """The batch's fields, to be shared by the signals of all its hits."""
        return {name: Field(batch, binding) for name, binding in self._bindings.items()}

    def signals(self, hits: Hits, batch: Batch, fields: Mapping[str, Field]) -> Iterator[Signal]:
        """Yield one signal for each row that the rule matched."""
        columns = {name: batch.column(name, hits.rows).to_pylist() for name in OWN}
        found = {name: fields[name].texts(hits.rows).to_pylist() for name in _fields(hits.rule) if name in fields}
        for number in range(len(hits.rows)):
            overlay = {name: values[number] for name, values in columns.items() if values[number] is not None}
            texts = {name: _listed(values[number]) for name, values in found.items() if values[number]}
            yield _signal(hits.rule, self._log_type.table, overlay, texts)


def _signal(rule: Rule, table: str, overlay: Mapping[str, Any], texts: Mapping[str, list[str]]) -> Signal:
    event_id = overlay["m_id"]
    return Signal(
        id=signal_id(rule.id, event_id),
        rule_id=rule.id,
        rule_name=rule.title,
        severity=rule.severity,
        summary=_summary(rule.title, overlay),
        time=overlay["m_time"],
        table=table,
        event_ids=(event_id,),
        tags=rule.tags,
        group=_group(rule, overlay, texts) or {"event": event_id},
        entities={name: overlay[f"m_{name}"] for name in SCALARS if f"m_{name}" in overlay},
        evidence=_evidence(rule, overlay, texts),
        fields=_kept(rule, overlay, texts),
        silent=rule.silent,
    )


def _fields(rule: Rule) -> tuple[str, ...]:
    return (*rule.touched, *rule.fields, *rule.group_by, *rule.keeps)


def _listed(texts: str | list[str]) -> list[str]:
    return texts if isinstance(texts, list) else [texts]


def _summary(title: str, overlay: Mapping[str, Any]) -> str:
    user, place = overlay.get("m_user"), overlay.get("m_src_ip")
    who = " ".join(part for part in (user or "", f"from {place}" if place else "") if part)
    return f"{title}: {_cut(who)}" if who else title


def _group(rule: Rule, overlay: Mapping[str, Any], texts: Mapping[str, list[str]]) -> dict[str, str]:
    """The values that tell alerts apart; empty where the event has none of them."""
    names = rule.group_by or ("m_user", "m_src_ip")
    found = {name: [overlay[name]] if name in overlay else texts.get(name) for name in names}
    return {name.removeprefix("m_"): ", ".join(sorted(each)) for name, each in found.items() if each}


def _evidence(rule: Rule, overlay: Mapping[str, Any], texts: Mapping[str, list[str]]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: _cut(overlay[name]) for name in TELLING if name in overlay}
    for name in dict.fromkeys(_fields(rule)):
        if found := texts.get(name):
            cut = [_cut(text) for text in found[:MOST]]
            kept[name] = cut[0] if len(cut) == 1 else cut
    return kept


def _kept(rule: Rule, overlay: Mapping[str, Any], texts: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """What correlations need; a value too long to be kept is cut, and stays apart from others that begin alike."""
    found = {name: (overlay[name],) if name in overlay else texts.get(name, ()) for name in rule.keeps}
    return {name: tuple(_distinct(str(each)) for each in values[:MOST]) for name, values in found.items() if values}


def _distinct(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{_cut(text)}{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _cut(text: str) -> str:
    """A text short enough to be shown, with a mark where it ends."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
