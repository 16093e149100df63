"""A log type: what events of one source look like, as data.

The YAML of a log type is validated against these models; ``mantissa_core/log_types/schema.json`` is generated
from them for editors. Reference with examples: ``docs/log-types.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ColumnType = Literal[
    "string", "bool", "int32", "int64", "double", "date", "timestamp", "binary", "list<string>", "json"
]
"""``json`` is JSON text in a string column; the others are types of :mod:`mantissa_core.lake.types`."""

Path = tuple[str, ...]

SCALARS = ("user", "src_ip", "dst_ip", "action", "outcome", "target")
INDICATORS = ("any_ip", "any_user", "any_domain", "any_hash", "any_resource")

ACTIONS = frozenset(
    {
        "login",
        "logout",
        "mfa_challenge",
        "mfa_enroll",
        "mfa_reset",
        "password_change",
        "password_reset",
        "session_start",
        "session_revoke",
        "token_issue",
        "token_revoke",
        "consent_grant",
        "user_create",
        "user_update",
        "user_delete",
        "user_disable",
        "user_enable",
        "user_lock",
        "user_unlock",
        "group_add",
        "group_remove",
        "role_assume",
        "role_grant",
        "role_revoke",
        "policy_change",
        "key_create",
        "key_delete",
        "app_assign",
        "app_update",
        "resource_create",
        "resource_update",
        "resource_delete",
        "resource_share",
        "data_read",
        "data_write",
        "data_delete",
        "logging_change",
        "network_change",
        "secret_read",
        "command_run",
        "connection",
        "api_call",
    }
)
"""The verbs that ``m_action`` may hold; the list is closed so that detections can rely on it."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def parse_path(text: str) -> Path:
    """Split a dotted path; a backslash keeps a dot in a key (``a\\.b.c`` has the keys ``a.b`` and ``c``)."""
    keys = tuple(part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", text))
    if not all(keys):
        raise ValueError(f"the path {text!r} has an empty key")
    return keys


def column_name(path: Path) -> str:
    """Encode a path as a column name that every engine accepts (DESIGN: name codec).

    Joined by ``_``; other characters than ``[A-Za-z0-9_]`` become ``_``; a leading digit gets ``f_``.
    """
    name = re.sub(r"[^A-Za-z0-9_]", "_", "_".join(path))
    return f"f_{name}" if name[0].isdigit() else name


class Column(_Model):
    """One declared field."""

    path: str | None = None
    """Dotted path in the event."""
    paths: tuple[str, ...] = ()
    """Instead of ``path``: spellings of one field, the first present one wins."""
    name: str | None = None
    """Column name, where the one made from the path would collide."""
    type: ColumnType = "string"
    description: str = ""
    synonyms: tuple[str, ...] = ()
    """Words by which people ask for it."""
    values: Mapping[str, str] | None = None
    """Known values and what they mean."""

    @model_validator(mode="after")
    def _one_spelling(self) -> Column:
        if bool(self.path) == bool(self.paths):
            raise ValueError("a column has either 'path' or 'paths'")
        for text in self.spellings:
            parse_path(text)
        return self

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every path as text, the primary one first."""
        return (self.path,) if self.path else self.paths

    @cached_property
    def keys(self) -> Path:
        """The primary path's keys."""
        return parse_path(self.spellings[0])

    @cached_property
    def alternates(self) -> tuple[Path, ...]:
        """The other spellings' keys."""
        return tuple(parse_path(text) for text in self.spellings[1:])

    @cached_property
    def column(self) -> str:
        """The column's name in the lake."""
        return self.name or column_name(self.keys)


class MappedValue(_Model):
    """Translate a field's values; what ``map`` does not name becomes ``default``."""

    path: str
    map: Mapping[str, str]
    default: str | None = None


class Case(_Model):
    """``then`` holds when every condition of ``when`` does: a value, a list of values, or null for absent.

    The value ``"*"`` means present. Without ``when`` it always holds.
    """

    when: Mapping[str, str | bool | int | tuple[str, ...] | None] = Field(default_factory=dict)
    then: str


OverlayRule = str | MappedValue | Case
OverlayRules = tuple[OverlayRule, ...]


class Overlay(_Model):
    """How the ``m_*`` columns follow from declared columns. Each is a list of rules; the first that yields wins.

    A rule is a path (its value), ``{path, map, default}``, or ``{when, then}``. The indicator lists
    (``any_*``) collect every non-null value of their paths.
    """

    user: OverlayRules = ()
    src_ip: OverlayRules = ()
    dst_ip: OverlayRules = ()
    action: OverlayRules = ()
    outcome: OverlayRules = ()
    target: OverlayRules = ()
    any_ip: tuple[str, ...] = ()
    any_user: tuple[str, ...] = ()
    any_domain: tuple[str, ...] = ()
    any_hash: tuple[str, ...] = ()
    any_resource: tuple[str, ...] = ()


class EventTime(_Model):
    """Where an event says when it happened."""

    path: str
    format: Literal["iso8601", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"] = "iso8601"
    """A zone-less ISO 8601 text is taken as UTC."""


class NativeId(_Model):
    """The vendor's own id: the values at these paths together identify one event for ever.

    An event that lacks the first of them gets an id from its position instead.
    """

    native: Annotated[tuple[str, ...], Field(min_length=1)]


class LogSource(_Model):
    """A Sigma log source that these events answer to; an absent part matches any."""

    product: str | None = None
    service: str | None = None
    category: str | None = None


class Sigma(_Model):
    """How Sigma rules find these events and their fields."""

    logsources: tuple[LogSource, ...] = ()
    aliases: Mapping[str, str] = Field(default_factory=dict)
    """Field names that rules use, and the path that each means here."""
    absent: Mapping[str, str] = Field(default_factory=dict)
    """Field names that public rules use and these events do not have, and why."""


class AskedEvent(_Model):
    """An event by the phrases that people use for it: it is one where every condition of ``when`` holds."""

    phrases: Annotated[tuple[str, ...], Field(min_length=1)]
    """Such as ``access denied``. Case, plural and small words ("was", "the") do not count."""
    when: Annotated[Mapping[str, str | bool | int | tuple[str, ...] | None], Field(min_length=1)]
    """Conditions by path: a value, a list of values, ``null`` for absent, ``"*"`` for present.

    A text that begins or ends with ``*`` is the end, the beginning or a part of the value: ``protected_branch.*``.
    Of numbers a text can be bounds: ``">=4 <7"``.
    """


class Example(_Model):
    """An event as the vendor sends it, and the overlay that must come of it; tests run them."""

    event: Mapping[str, Any]
    overlay: Mapping[str, Any] = Field(default_factory=dict)


class LogType(_Model):
    """Everything that is known about one kind of event."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+$")]
    """``vendor.thing``; the table's name is the same with underscores."""
    title: str
    product: str = ""
    """What people call the source; log types of one product are listed together. Without it, the vendor."""
    description: str = ""
    reference: str = ""
    """The vendor's page about the format."""
    decoder: str = "core.json_lines"
    """The parser plugin that takes delivery files apart."""
    time: EventTime | Annotated[tuple[EventTime, ...], Field(min_length=1)] | None = None
    """Several where deliveries differ: the first that an event says counts. Without any, the time of ingestion does."""
    id: NativeId | Literal["position"] = "position"
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    overlay: Overlay = Overlay()
    cluster: tuple[str, ...] = ()
    """Columns that rows are sorted by within a day, low cardinality first; ``m_time`` follows."""
    sigma: Sigma = Sigma()
    views: tuple[Literal["auth", "network", "cloud_change"], ...] = ()
    """The overlay views that show these events."""
    synonyms: tuple[str, ...] = ()
    asked: tuple[AskedEvent, ...] = ()
    """Events that people ask for by a phrase of their own."""
    examples: tuple[Example, ...] = ()

    @property
    def table(self) -> str:
        """The table's name in the lake."""
        return self.name.replace(".", "_")

    @property
    def vendor(self) -> str:
        """The first part of the name, which the names of the vendor's plugins begin with too."""
        return self.name.partition(".")[0]

    @property
    def times(self) -> tuple[EventTime, ...]:
        """Where an event may say when it happened, the first that it says counts."""
        return (self.time,) if isinstance(self.time, EventTime) else self.time or ()

    @cached_property
    def by_column(self) -> Mapping[str, Column]:
        """Columns by their name in the lake."""
        return {column.column: column for column in self.columns}

    @cached_property
    def by_path(self) -> Mapping[Path, Column]:
        """Columns by every spelling of their path."""
        return {parse_path(text): column for column in self.columns for text in column.spellings}

    def promoted(self) -> Iterator[tuple[Column, Column]]:
        """Pairs (column, json column above it): columns that repeat a part of a ``json`` column for speed."""
        for column in self.columns:
            if (parent := self.json_parent(column)) is not None:
                yield column, parent

    def json_parent(self, column: Column) -> Column | None:
        """The ``json`` column whose subtree holds this one, if any."""
        for length in range(len(column.keys) - 1, 0, -1):
            above = self.by_path.get(column.keys[:length])
            if above is not None and above.type == "json":
                return above
        return None

    @model_validator(mode="after")
    def _consistent(self) -> LogType:
        _check_names(self)
        _check_nesting(self)
        _check_references(self)
        return self


def _check_names(log_type: LogType) -> None:
    seen: dict[str, Column] = {}
    for column in log_type.columns:
        name = column.column
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,199}", name):
            raise ValueError(f"column {name!r} of {column.spellings[0]!r} is no name of 1 to 200 letters, digits, _")
        if name.lower() == "dt" or name.lower().startswith("m_"):
            raise ValueError(f"column {name!r} of {column.spellings[0]!r} is reserved (dt, m_*): set 'name'")
        if (other := seen.setdefault(name.lower(), column)) is not column:
            raise ValueError(
                f"{other.spellings[0]!r} and {column.spellings[0]!r} both make the column {name!r}: "
                "set 'name' on one, or list them together as 'paths'"
            )


def _check_nesting(log_type: LogType) -> None:
    """A declared path may lie under objects and under json columns, never under another scalar."""
    for column in log_type.columns:
        for keys in (column.keys, *column.alternates):
            for length in range(1, len(keys)):
                above = log_type.by_path.get(keys[:length])
                if above is not None and above.type != "json":
                    raise ValueError(f"{column.spellings[0]!r} lies under {above.spellings[0]!r}, which is no object")
    for column, parent in log_type.promoted():
        if column.type != "string" or parent.alternates or column.alternates:
            raise ValueError(f"{column.spellings[0]!r} under a json column must be one path of type string")


def _check_references(log_type: LogType) -> None:
    def known(where: str, text: str) -> None:
        if parse_path(text) not in log_type.by_path:
            raise ValueError(f"{where} names {text!r}, which is no declared column's path")

    for time in log_type.times:
        known("time", time.path)
    if isinstance(log_type.id, NativeId):
        for text in log_type.id.native:
            known("id", text)
    for text in log_type.cluster:
        known("cluster", text)
    for each in log_type.asked:
        for text in each.when:
            known("asked", text)
    for field in (*SCALARS, *INDICATORS):
        for rule in getattr(log_type.overlay, field):
            for text in _paths_of(rule):
                known(f"overlay.{field}", text)
    for verb in _verbs(log_type.overlay.action):
        if verb not in ACTIONS:
            raise ValueError(f"overlay.action yields {verb!r}, which is none of: {', '.join(sorted(ACTIONS))}")
    for outcome in _verbs(log_type.overlay.outcome):
        if outcome not in {"success", "failure"}:
            raise ValueError(f"overlay.outcome yields {outcome!r}, expected success or failure")


def _paths_of(rule: OverlayRule) -> tuple[str, ...]:
    if isinstance(rule, str):
        return (rule,)
    return (rule.path,) if isinstance(rule, MappedValue) else tuple(rule.when)


def _verbs(rules: OverlayRules) -> Iterator[str]:
    for rule in rules:
        if isinstance(rule, MappedValue):
            yield from rule.map.values()
            if rule.default:
                yield rule.default
        elif isinstance(rule, Case):
            yield rule.then
        else:
            raise ValueError(  # noqa: TRY004  # pydantic reports ValueErrors
                f"action and outcome have closed vocabularies: map the values of {rule!r}"
            )
