"""What people call the columns that every table has, and the views over several tables.

The native columns bring their words with their log type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mantissa_core.model.log_type import ACTIONS


@dataclass(frozen=True, slots=True)
class Words:
    """A description, and the words by which people ask for it."""

    description: str
    synonyms: tuple[str, ...] = ()


COLUMNS: Mapping[str, Words] = {
    "m_id": Words("Id of the event.", ("event id",)),
    "m_time": Words("When it happened, in UTC.", ("time", "when", "date", "timestamp")),
    "m_ingest_time": Words("When it was stored, in UTC.", ("ingest time", "ingestion time")),
    "m_source": Words("Label of the collector that brought it.", ("collector",)),
    "m_log_type": Words("Which log it comes from.", ("log type", "log", "source", "product")),
    "m_table": Words("The table that holds the whole event.", ("table",)),
    "m_user": Words(
        "Who did it.",
        ("user", "username", "user name", "who", "person", "people", "account", "actor", "identity", "principal"),
    ),
    "m_src_ip": Words(
        "From which address.",
        ("ip", "ip address", "address", "source ip", "source address", "src ip", "client ip", "origin", "talker"),
    ),
    "m_dst_ip": Words("To which address.", ("destination ip", "destination", "destination address", "dst ip")),
    "m_action": Words("What was done, in the same words for every source.", ("action", "activity", "kind of event")),
    "m_outcome": Words("Whether it was done.", ("outcome", "result", "status")),
    "m_target": Words("On what: a user, a bucket, a role, an application.", ("target", "resource", "object")),
    "m_any_ip": Words("Every address in the event.", ("any ip", "any address")),
    "m_any_user": Words("Every user in the event.", ("any user",)),
    "m_any_domain": Words("Every domain in the event.", ("domain",)),
    "m_any_hash": Words("Every hash in the event.", ("hash", "checksum")),
    "m_any_resource": Words("Every resource in the event.", ("any resource",)),
    "m_flags": Words("What is odd about the event's record.", ("flag",)),
    "m_extra": Words("What the log type does not name, as JSON.", ()),
    "dt": Words("The day of the event in UTC, as text.", ("day",)),
}
"""Columns by name."""

OUTCOMES: Mapping[str, str] = {"success": "it was done", "failure": "it was refused, or did not work"}
"""What ``m_outcome`` may hold."""

VALUES: Mapping[str, Mapping[str, str]] = {
    "m_outcome": OUTCOMES,
    "m_action": {action: action.replace("_", " ") for action in sorted(ACTIONS)},
}
"""The closed vocabularies."""

VIEWS: Mapping[str, tuple[str, Words]] = {
    "auth": (
        "Sign-ins and accounts, of every source",
        Words(
            "Who signed in, from where and with what outcome; what happened to accounts, factors, keys, roles.",
            ("auth", "authentication", "identity", "sign-ins", "logins", "all sources"),
        ),
    ),
    "network": (
        "Connections, of every source",
        Words("Who connected to what, and whether that was allowed.", ("network", "connections", "traffic", "flows")),
    ),
    "cloud_change": (
        "Changes in clouds, of every source",
        Words("Resources that were made, changed, shared or deleted.", ("cloud changes", "cloud", "changes")),
    ),
}
"""Views by name: title and words. A view's other names answer to the same."""
