"""What enrichers share: the values of an alert that are worth a question, and facts that stay small.

``entities`` come from logs and facts from other people's directories: both may be empty, endless or absurd.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from mantissa_core.hookspecs import PluginConfig
from mantissa_core.model.alert import Alert

MOST = 3
"""Values that are asked about for one alert: an alert names more where a rule groups by something else."""
LONGEST = 256
"""Characters of a value that is asked about, and of a text that is kept."""
LISTED = 20
"""Values of a list, and entries of a table, that are kept."""


def worth_asking(alert: Alert, kinds: Iterable[str], most: int = MOST) -> list[str]:
    """The first values of these entities (``user``, ``src_ip``…), each once, that a vendor can be asked about.

    Left out are those that are empty or too long, or have control characters, spaces at an end or a slash: in an
    address a slash, written in whatever way, leads somewhere else.
    """
    values = dict.fromkeys(value for kind in kinds for value in alert.entities.get(kind, ()))
    return [each for each in values if _is_sound(each)][:most]


def known(**facts: Any) -> dict[str, Any]:
    """Facts without those that say nothing (``None``, an empty text or list); long ones are cut."""
    kept = {name: _cut(value) for name, value in facts.items()}
    return {name: value for name, value in kept.items() if value is not None and value not in ("", [], {})}


def host_address(value: str) -> str:
    """An IP address in its shortest form; empty where ``value`` is none that belongs to one host of a network."""
    try:
        found = ip_address(value)
    except ValueError:
        return ""
    scoped = found.version == 6 and found.scope_id is not None
    return "" if scoped or found.is_loopback or found.is_unspecified or found.is_multicast else str(found)


class TagNames(PluginConfig):
    """Which tags or labels of an asset say what. Case does not count; the first of the names that is there does."""

    owner_tags: tuple[str, ...] = ("owner", "team")
    """Tags that name who looks after an asset."""
    environment_tags: tuple[str, ...] = ("environment", "env", "stage")
    """Tags that say whether it is production or a test."""
    criticality_tags: tuple[str, ...] = ("criticality",)
    """Tags that say how much depends on it."""


def told_by_tags(tags: Mapping[str, Any], names: TagNames) -> dict[str, Any]:
    """``owner``, ``environment``, ``criticality`` and the ``tags`` themselves, for :func:`known`."""
    lower = {str(name).lower(): str(value) for name, value in tags.items() if value}

    def first(wanted: Iterable[str]) -> str | None:
        return next((lower[name.lower()] for name in wanted if name.lower() in lower), None)

    return {
        "owner": first(names.owner_tags),
        "environment": first(names.environment_tags),
        "criticality": first(names.criticality_tags),
        "tags": dict(tags),
    }


def one_of(assets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts about the asset with an address; where several networks have it, that it is one of these."""
    if len(assets) == 1:
        return dict(assets[0])
    return known(
        kind=f"one of {len(assets)} assets with this address", candidates=[each.get("name") for each in assets]
    )


def _is_sound(value: str) -> bool:
    return 0 < len(value) <= LONGEST and value.isprintable() and value == value.strip() and not set(value) & set("/\\")


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        text = " ".join(value.split())
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    if isinstance(value, Mapping):
        return {_cut(str(name)): _cut(each) for name, each in list(value.items())[:LISTED]}
    if isinstance(value, (list, tuple)):
        return [_cut(each) for each in value[:LISTED] if each not in (None, "")]
    return value
