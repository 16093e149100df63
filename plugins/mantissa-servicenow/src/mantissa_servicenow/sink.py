"""Alerts as records in ServiceNow, through its Table API.

Reference: https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated

from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Choice, Delivery, Receipt, Severity
from mantissa_core.vendor_api import Auth, Basic, ClientCredentials, OAuth, Origin, TokenEndpoint
from mantissa_core.vendor_api.http import http_client
from pydantic import AfterValidator, Field, SecretStr, model_validator

from .instance import SERVICENOW, Instance
from .record import description, revision_mark, short_description, tells_of, work_note

RATINGS: Mapping[Severity, str] = {
    Severity.CRITICAL: "1/1",
    Severity.HIGH: "2/1",
    Severity.MEDIUM: "2/2",
    Severity.LOW: "3/2",
    Severity.INFORMATIONAL: "3/3",
}
"""Impact and urgency, from 1 (high) to 3 (low); ServiceNow looks the priority up, 1 to 5 for these."""
_OURS = frozenset(
    {"short_description", "description", "correlation_id", "correlation_display", "impact", "urgency", "work_notes"}
)
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_RECORD = ("sys_id", "number", "state", "active", "correlation_id", "correlation_display")


def _one_value(text: str) -> str:
    """No operator of an encoded query, nothing that it would compute."""
    if "^" in text or text.casefold().startswith("javascript:"):
        raise ValueError("a name without ^")
    return text


def _own_fields(fields: Mapping[str, str]) -> Mapping[str, str]:
    if taken := sorted(_OURS & set(fields)):
        raise ValueError(f"other fields than {', '.join(taken)}, which come from the alert")
    return fields


Name = Annotated[str, AfterValidator(_one_value)]
Rating = Annotated[str, Field(pattern=r"^[1-9]/[1-9]$")]
Fields = Annotated[Mapping[str, str], AfterValidator(_own_fields)]


class ServiceNow:
    """Inserts one record for each alert, adds a work note at each step, and sets the state when it is over or goes on.

    The record's ``correlation_id`` is the alert's id, by which it is found again before one is inserted.
    """

    one_for_each_alert = True
    per_minute = 30

    class Config(PluginConfig):
        """Settings of ``servicenow.incident``."""

        instance: Origin
        """Address of the instance, ``https://example.service-now.com``."""
        username: str = ""
        """User of the integration."""
        password: SecretStr | None = None
        """The user's password."""
        client_id: str = ""
        """Id of an OAuth client with the grant *client credentials*, in place of user and password."""
        client_secret: SecretStr | None = None
        """The OAuth client's secret."""
        table: str = Field(default="incident", pattern=r"^[a-z][a-z0-9_]*$")
        """Table of the records, one that extends *task*: ``incident``, ``sn_si_incident``."""
        assignment_group: Name = ""
        """Name or sys_id of the group that gets the records."""
        caller_id: Name = ""
        """User name, e-mail address, name or sys_id of the caller."""
        ratings: Mapping[Severity, Rating] = Field(default_factory=dict)
        """Impact and urgency by severity, such as ``high = "1/2"``."""
        fields: Fields = Field(default_factory=dict)
        """Further fields of each record by their names, with values (not labels): ``category = "security"``."""
        acknowledged_state: str = ""
        """Value of the state for alerts that somebody took over; by default it stays as it is."""
        resolved_state: str = "6"
        """Value of the state for alerts that are over: of incidents 6, of security incidents 3."""
        reopened_state: str = "2"
        """Value of the state for resolved alerts that go on: of incidents 2, of security incidents 16."""
        close_code: str = "Solution provided"
        """Value of the resolution code; ``close_notes`` says what became of the alert."""
        resolved_fields: Fields = Field(default_factory=dict)
        """Further fields to set when an alert is over, where the instance makes them mandatory."""
        timeout: float = Field(default=10.0, gt=0, le=45)
        """Seconds to wait for the connection, and for each part of an answer."""

        @model_validator(mode="after")
        def _one_credential(self) -> ServiceNow.Config:
            if bool(self.username and self.password) is bool(self.client_id and self.client_secret):
                raise ValueError("'username' and 'password', or 'client_id' and 'client_secret'")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config
        self._sys_ids: dict[str, str] = {}

    @hookimpl
    def check(self) -> None:
        """Read the table, and look for the group and the caller."""
        self._instance.find(self.config.table, "", ["sys_id"], 1)
        self._references()

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Insert the record, or add to it. The receipt is its number."""
        alert = delivery.alert
        record = self._find(alert)
        if record is None and delivery.previous:
            raise NeedsOperator(
                f"{delivery.previous} is gone from {self.config.table}, or the user may not read its correlation_id"
            )
        record = record or self._create(delivery)
        if delivery.event != "opened" and not tells_of(record["correlation_display"], alert):
            self._instance.change(self.config.table, record["sys_id"], self._step(delivery, record))
        return Receipt(record["number"] or record["sys_id"], {"sys_id": record["sys_id"]})

    @hookimpl
    def choices(self, setting: str) -> Sequence[Choice]:
        """Up to 1,000 values of ``assignment_group``, ``close_code`` and the states; of other settings nothing.

        Raises:
            Retry, NeedsOperator: as :class:`VendorClient`.
        """
        if setting == "assignment_group":
            groups = self._instance.find("sys_user_group", "active=true^ORDERBYname", ["sys_id", "name"])
            return [Choice(each["sys_id"], each["name"]) for each in groups]
        if setting == "close_code" or setting.endswith("_state"):
            element = "close_code" if setting == "close_code" else "state"
            query = f"name={self.config.table}^element={element}^inactive=false^ORDERBYsequence"
            found = self._instance.find("sys_choice", query, ["value", "label", "element"])
            return [Choice(each["value"], each["label"]) for each in found if each["element"] == element]
        return []

    def close(self) -> None:
        """Release the connections."""
        self._instance.close()

    @cached_property
    def _instance(self) -> Instance:
        secrets = [each for each in (self.config.password, self.config.client_secret) if each]
        return Instance(self.config.instance, self._auth(), self.config.timeout, secrets)

    def _auth(self) -> Auth:
        config = self.config
        if config.password:
            return Basic(config.username, config.password)
        http = http_client("mantissa-servicenow", config.timeout)
        endpoint = TokenEndpoint(SERVICENOW, f"{config.instance}/oauth_token.do", http)
        return OAuth(ClientCredentials(endpoint, config.client_id, config.client_secret or SecretStr("")))

    def _find(self, alert: Alert) -> dict[str, str] | None:
        """The alert's record. A table that ignores the query gives any: only the right one counts."""
        query = f"correlation_id={_one_value(alert.id)}^ORDERBYsys_created_on"
        found = self._instance.find(self.config.table, query, _RECORD, 1)
        return next((each for each in found if each["correlation_id"] == alert.id and each["sys_id"]), None)

    def _create(self, delivery: Delivery) -> dict[str, str]:
        """Insert the record. What became of an alert that ServiceNow never heard of is still to be told."""
        config, alert = self.config, delivery.alert
        impact, _, urgency = config.ratings.get(alert.severity, RATINGS[alert.severity]).partition("/")
        wanted = {
            **config.fields,
            **self._references(),
            "short_description": short_description(alert),
            "description": description(alert),
            "impact": impact,
            "urgency": urgency,
            "correlation_id": alert.id,
            "correlation_display": revision_mark(alert.revision - (delivery.event != "opened")),
        }
        made = self._instance.create(config.table, wanted, _RECORD)
        if made["correlation_id"] != alert.id:
            raise NeedsOperator(
                f"ServiceNow inserted {made['number'] or 'a record'} without correlation_id: give the user access "
                "to that field, or updates find no record and repeated messages are inserted twice"
            )
        return made

    def _step(self, delivery: Delivery, record: Mapping[str, str]) -> dict[str, str]:
        """The note, the mark by which a repeated step is recognised, and the state where it is ours to set."""
        alert = delivery.alert
        note = work_note(alert)
        return {
            "work_notes": note,
            "correlation_display": revision_mark(alert.revision),
            **self._state(delivery, record, note),
        }

    def _state(self, delivery: Delivery, record: Mapping[str, str], note: str) -> dict[str, str]:
        """A record that people closed or moved on stays as it is."""
        config = self.config
        resolved = record["state"] == config.resolved_state
        over = resolved or record["active"] == "false"
        if delivery.event == "resolved":
            ours = {"state": config.resolved_state, "close_code": config.close_code, "close_notes": note}
            return {} if over else {**ours, **config.resolved_fields}
        if delivery.alert.status == "open":
            return {"state": config.reopened_state} if resolved and delivery.alert.changed else {}
        return {"state": config.acknowledged_state} if config.acknowledged_state and not over else {}

    def _references(self) -> dict[str, str]:
        """The sys_ids of the group and the caller, as far as they are set."""
        config = self.config
        wanted = {
            "assignment_group": ("sys_user_group", config.assignment_group, ("name",)),
            "caller_id": ("sys_user", config.caller_id, ("user_name", "email", "name")),
        }
        return {field: self._sys_id(*place) for field, place in wanted.items() if place[1]}

    def _sys_id(self, table: str, name: str, fields: tuple[str, ...]) -> str:
        if _SYS_ID.fullmatch(name):
            return name
        if name not in self._sys_ids:
            query = "^OR".join(f"{field}={name}" for field in fields)
            found = self._instance.find(table, query, ["sys_id", *fields], 2)
            fitting = [each for each in found if name.casefold() in [each[one].casefold() for one in fields]]
            if len(fitting) != 1:
                raise NeedsOperator(f"{table} has {'several' if fitting else 'no'} {name!r}: set the sys_id instead")
            self._sys_ids[name] = fitting[0]["sys_id"]
        return self._sys_ids[name]
