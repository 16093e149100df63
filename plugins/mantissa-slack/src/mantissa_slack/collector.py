"""Slack's audit logs of an Enterprise organisation, from the Audit Logs API.

Reference: https://docs.slack.dev/reference/audit-logs-api/methods-actions-reference. Entries come newest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Answer,
    Batch,
    Bearer,
    CursorRefused,
    Origin,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    in_body,
)
from pydantic import Field, SecretStr

LOGS = "/audit/v1/logs"
LARGEST_PAGE = 9999
"""Entries that Slack gives at most."""
REFUSED = "Slack refuses the token: it was revoked or is of another kind, install the app in the organisation anew"
NOT_ALLOWED = (
    "Slack does not let the token read the audit logs: the plan must be Enterprise, and the app must have the user "
    "scope auditlogs:read and be installed in the organisation (not in a workspace) by its owner"
)
SLACK = Vendor(
    "Slack",
    request_id="X-Slack-Req-Id",
    error_code="error",
    remedies={
        400: "Slack refuses the query",
        401: REFUSED,
        403: NOT_ALLOWED,
        404: "There is no Audit Logs API at this address: check api_url",
    },
)
REFUSALS = {
    "account_inactive": REFUSED,
    "invalid_auth": REFUSED,
    "invalid_authentication": REFUSED,
    "missing_authentication": REFUSED,
    "not_allowed_token_type": REFUSED,
    "not_authed": REFUSED,
    "token_expired": REFUSED,
    "token_revoked": REFUSED,
    "access_denied": NOT_ALLOWED,
    "feature_not_enabled": NOT_ALLOWED,
    "invalid_workspace": NOT_ALLOWED,
    "missing_scope": NOT_ALLOWED,
    "no_permission": NOT_ALLOWED,
    "org_login_required": NOT_ALLOWED,
    "team_not_authorized": NOT_ALLOWED,
    "user_not_authorized": NOT_ALLOWED,
}
"""What the operator must do about an error code that comes with status 200."""


class AuditLogs:
    """Collects the audit logs of one organisation."""

    class Config(PluginConfig):
        """Settings of ``slack.audit``."""

        token: SecretStr = Field(json_schema_extra={"env": "SLACK_AUDIT_TOKEN"})
        """User token (xoxp-…) of an app that the organisation's owner installed, with the scope auditlogs:read."""
        api_url: Origin = "https://api.slack.com"
        """Address of the API; of GovSlack https://api.slack-gov.com."""
        page_size: int = Field(default=1000, ge=1, le=LARGEST_PAGE)
        """Entries per request; Slack gives at most 9,999."""
        overlap_minutes: float = Field(default=10, ge=0, le=1440)
        """How late entries may appear: that much is read again at each poll, repeats are dropped by id."""
        requests_per_minute: float = Field(default=30, gt=0, le=600)
        """Slack allows 50 a minute for all who read the organisation's audit logs."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._page_size, self._overlap = config.page_size, timedelta(minutes=config.overlap_minutes)
        self._api = VendorClient(
            SLACK,
            config.api_url,
            Bearer(config.token),
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
            burst=10,
        )
        self._reader = WindowReader(SLACK.name, self._fetch, self._overlap, timedelta(seconds=1))

    @hookimpl
    def check(self) -> None:
        """Ask for one entry."""
        _entries(self._api.get(LOGS, {"limit": "1"}))

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream: the organisation has one log for all its workspaces."""
        return [Stream("audit", "slack.audit", overlap=self._overlap)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._reader.read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _fetch(self, walk: Walk) -> Batch:
        """A page of the entries from ``since`` to ``until``, both included.

        The bounds are sent with every page: the cursor alone would lead to the beginning of the log.
        """
        query = {"oldest": _second(walk.since), "latest": _second(walk.until), "limit": str(self._page_size)}
        if walk.cursor is None:
            answer = self._api.get(LOGS, query)
        else:
            answer = self._api.get(LOGS, {**query, "cursor": walk.cursor}, cursor_refused={400})
        return Batch(_entries(answer), in_body(answer, "response_metadata.next_cursor"))


def _entries(answer: Answer) -> list[dict[str, Any]]:
    """The page's entries. Slack's web API says ``ok: false`` with status 200 where others refuse."""
    if answer.at("ok") is not False:
        return answer.records("entries")
    code = answer.at("error")
    if code == "invalid_cursor":
        raise CursorRefused
    if isinstance(code, str) and code in REFUSALS:
        raise NeedsOperator(f"{REFUSALS[code]} ({code})")
    if code in ("ratelimited", "rate_limited"):
        raise Retry(f"Slack's rate limit is used up{answer.quoted}")
    raise Retry(f"Slack answered 200 with an error{answer.quoted}")


def _second(moment: datetime) -> str:
    return str(int(moment.timestamp()))
