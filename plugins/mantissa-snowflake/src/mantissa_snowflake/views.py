"""What is read of the schema ACCOUNT_USAGE: a statement for each view, and how late Snowflake fills it.

Reference: https://docs.snowflake.com/en/sql-reference/account-usage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

SCHEMA = "SNOWFLAKE.ACCOUNT_USAGE"


@dataclass(frozen=True, slots=True)
class View:
    """``latency`` is what Snowflake allows itself; ``bounds`` how often the window's two ends are bound."""

    log_type: str
    name: str
    statement: str
    latency: timedelta
    bounds: int = 1


def _history(name: str, time: str) -> str:
    return f"SELECT * FROM {SCHEMA}.{name} WHERE {_within(time)} ORDER BY {time}"  # names of ours


def _grants(name: str) -> str:
    """A grant is one row, which is changed when it is revoked: two events, each at its own time."""
    parts = [
        f"SELECT '{event}' AS GRANT_EVENT, {time} AS EVENT_TIME, g.* FROM {SCHEMA}.{name} AS g WHERE {_within(time)}"
        for event, time in (("GRANT", "CREATED_ON"), ("REVOKE", "DELETED_ON"))
    ]
    return " UNION ALL ".join(parts) + " ORDER BY 2"


def _within(time: str) -> str:
    return f"{time} >= TO_TIMESTAMP_LTZ(?, 3) AND {time} < TO_TIMESTAMP_LTZ(?, 3)"


VIEWS = {
    "login": View("snowflake.login", "LOGIN_HISTORY", _history("LOGIN_HISTORY", "EVENT_TIMESTAMP"), timedelta(hours=2)),
    # By the end: a statement appears when it has ended, and may run for days.
    "query": View("snowflake.query", "QUERY_HISTORY", _history("QUERY_HISTORY", "END_TIME"), timedelta(minutes=45)),
    "grants_to_users": View(
        "snowflake.grant", "GRANTS_TO_USERS", _grants("GRANTS_TO_USERS"), timedelta(hours=2), bounds=2
    ),
    "grants_to_roles": View(
        "snowflake.grant", "GRANTS_TO_ROLES", _grants("GRANTS_TO_ROLES"), timedelta(hours=2), bounds=2
    ),
}
"""By the stream's name."""
