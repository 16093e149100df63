"""Logins, queries and grants of a Snowflake account, from its SQL API.

Reference: https://docs.snowflake.com/en/developer-guide/sql-api/reference. The SQL API is HTTP and JSON: Snowflake's
connector would bring some dozens of packages to send four statements, and hides the partitions from which a reading
goes on after a kill.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal, Self

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Answer,
    Auth,
    BaseUrl,
    Batch,
    Bearer,
    OAuth,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    epoch_ms,
)
from pydantic import Field, SecretStr, StringConstraints, model_validator

from .key_pair import KeyPair
from .rows import Columns, columns_of, events_of
from .views import SCHEMA, VIEWS, View

STATEMENTS = "/api/v2/statements"
GONE = frozenset({404, 408, 422})
"""How Snowflake says that a result is not there: forgotten after a day, out of time, failed."""
GLANCES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each look at a statement that still runs; then the runtime comes back."""
ROLES = "GRANT DATABASE ROLE SNOWFLAKE.SECURITY_VIEWER and SNOWFLAKE.GOVERNANCE_VIEWER to it"
SNOWFLAKE = Vendor(
    "Snowflake",
    request_id="X-Snowflake-Request-Id",
    error_code="code",
    remedies={
        400: "Snowflake refuses the request",
        401: "Snowflake refuses the credential: check account, user, and the user's RSA_PUBLIC_KEY",
        403: "Snowflake does not let this address or user in: check network policies and whether the user is disabled",
        404: "There is no such Snowflake account: check account",
        422: "Snowflake refuses the statement",
    },
    code_remedies={
        "002003": f"Snowflake does not let the role read the view: {ROLES}",
        "003001": f"Snowflake does not let the role read the view: {ROLES}",
        "000606": "Snowflake has no warehouse for the statement: set warehouse, and GRANT USAGE ON WAREHOUSE",
        "390144": "Snowflake refuses the signed token: check account, user, the public key of the user and this "
        "machine's clock",
        "390189": "Snowflake does not let the user have the role: GRANT ROLE … TO USER",
        "390201": "Snowflake does not let the role use the warehouse: check it, and GRANT USAGE ON WAREHOUSE",
    },
)
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_$.-]{0,255}$")]
Kind = Literal["login", "query", "grants_to_users", "grants_to_roles"]


class AccountUsage:
    """Collects the history of one account."""

    class Config(PluginConfig):
        """Settings of ``snowflake.account_usage``."""

        account: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,255}$")] = Field(
            json_schema_extra={"env": "SNOWFLAKE_ACCOUNT"}
        )
        """The account's identifier: organisation and account name with a hyphen, or locator and region."""
        user: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
            json_schema_extra={"env": "SNOWFLAKE_USER"}
        )
        """The user whose key signs."""
        private_key: SecretStr | None = Field(default=None, json_schema_extra={"env": "SNOWFLAKE_PRIVATE_KEY"})
        """The user's private key, RSA in PEM without a passphrase."""
        token: SecretStr | None = Field(default=None, json_schema_extra={"env": "SNOWFLAKE_TOKEN"})
        """A programmatic access token, in place of the key."""
        role: Name = Field(default="", json_schema_extra={"env": "SNOWFLAKE_ROLE"})
        """The role to act in; the user's default role where none is given."""
        warehouse: Name = Field(default="", json_schema_extra={"env": "SNOWFLAKE_WAREHOUSE"})
        """The warehouse to compute with; the user's default warehouse where none is given."""
        views: tuple[Kind, ...] = Field(default=("login", "query", "grants_to_users", "grants_to_roles"), min_length=1)
        """Which views are read."""
        margin_minutes: float = Field(default=30, ge=0, le=1440)
        """How much later than Snowflake says rows may appear: its latency and that much are read again at each poll."""
        statement_timeout: int = Field(default=600, ge=10, le=86_400)
        """Seconds after which Snowflake gives a statement up."""
        url: BaseUrl | None = None
        """Address of the account, where it is not https://<account>.snowflakecomputing.com."""
        timeout: float = Field(default=60, gt=0, le=300)
        """Seconds to wait for an answer; Snowflake answers a statement within 45."""

        @model_validator(mode="after")
        def _one_credential(self) -> Self:
            if (self.private_key is None) == (self.token is None):
                raise ValueError("private_key or token")
            return self

    def __init__(self, config: Config) -> None:
        auth, kind = _credential(config)
        self._views: dict[str, View] = {name: VIEWS[name] for name in config.views}
        self._margin = timedelta(minutes=config.margin_minutes)
        self._session = {"role": config.role, "warehouse": config.warehouse}
        self._statement_timeout = config.statement_timeout
        self._results: dict[str, _Result] = {}
        self._api = VendorClient(
            SNOWFLAKE,
            config.url or f"https://{config.account.lower().replace('_', '-')}.snowflakecomputing.com",
            auth,
            timeout=config.timeout,
            headers={"X-Snowflake-Authorization-Token-Type": kind},
        )
        self._readers: dict[str, WindowReader] = {
            name: WindowReader(SNOWFLAKE.name, partial(self._fetch, view), view.latency + self._margin)
            for name, view in self._views.items()
        }

    @hookimpl
    def check(self) -> None:
        """Read one row of every view that is collected."""
        for view in self._views.values():
            try:
                self._submit(f"SELECT 1 FROM {SCHEMA}.{view.name} LIMIT 1", [])  # a name of ours
            except NeedsOperator as error:
                raise NeedsOperator(f"{view.name}: {error}") from None

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """A stream for each view."""
        return [Stream(name, view.log_type, overlap=view.latency + self._margin) for name, view in self._views.items()]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the result that ``state`` left unfinished, then ask for what it does not cover of ``window``."""
        return self._readers[stream.name].read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _fetch(self, view: View, walk: Walk) -> Batch:
        """A partition of a result. The cursor is the statement's handle and the partition's number.

        A statement that still runs gives an empty page: its handle is in the state, and it is not sent again.
        """
        if walk.cursor is None:
            answer = self._submit(view.statement, [epoch_ms(walk.since), epoch_ms(walk.until)] * view.bounds)
            handle = _handle(answer)
            if answer.response.status_code == 202:
                return Batch((), f"{handle}:0")
            return self._partition(view, answer, handle, 0)
        handle, _, number = walk.cursor.rpartition(":")
        return self._partition(view, self._await(handle, int(number)), handle, int(number))

    def _submit(self, statement: str, bounds: Sequence[int]) -> Answer:
        """Send a statement; what it is about is bound, not pasted."""
        body = {
            "statement": statement,
            "timeout": self._statement_timeout,
            "bindings": {
                str(place): {"type": "FIXED", "value": str(value)} for place, value in enumerate(bounds, start=1)
            },
            **{name: value for name, value in self._session.items() if value},
        }
        return self._api.request("POST", STATEMENTS, body=body)

    def _await(self, handle: str, number: int) -> Answer:
        """Ask for a partition until the statement has ended."""
        for seconds in (*GLANCES, None):
            query = {"partition": str(number)}
            answer = self._api.get(f"{STATEMENTS}/{handle}", query, cursor_refused=GONE)
            if answer.response.status_code != 202:
                return answer
            if seconds is not None:
                time.sleep(seconds)
        raise Retry("Snowflake still works on the statement", after=15)

    def _partition(self, view: View, answer: Answer, handle: str, number: int) -> Batch:
        """The rows of a partition. The first one alone says the columns, and how many partitions there are."""
        known = self._results.get(view.name)
        if number == 0:
            known = _Result.read(answer, handle)
        elif known is None or known.handle != handle:  # another process began this walk
            known = _Result.read(self._await(handle, 0), handle)
        self._results[view.name] = known
        following = number + 1
        return Batch(
            events_of(answer, known.columns), f"{handle}:{following}" if following < known.partitions else None
        )


@dataclass(frozen=True, slots=True)
class _Result:
    """What the first partition says of a result."""

    handle: str
    columns: Columns
    partitions: int

    @classmethod
    def read(cls, answer: Answer, handle: str) -> Self:
        partitions = answer.at("resultSetMetaData.partitionInfo")
        return cls(handle, columns_of(answer), len(partitions) if isinstance(partitions, list) else 1)


def _credential(config: AccountUsage.Config) -> tuple[Auth, str]:
    if config.private_key is not None:
        return OAuth(KeyPair(config.account, config.user, config.private_key)), "KEYPAIR_JWT"
    return Bearer(config.token or SecretStr("")), "PROGRAMMATIC_ACCESS_TOKEN"


def _handle(answer: Answer) -> str:
    handle = answer.at("statementHandle")
    if not isinstance(handle, str) or not handle.replace("-", "").isalnum():
        raise Retry(f"Snowflake's answer has no handle of the statement{answer.quoted}")
    return handle
