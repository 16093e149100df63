"""GitHub's audit log of an enterprise or an organisation, from its REST API.

Reference: https://docs.github.com/en/enterprise-cloud@latest/rest/enterprise-admin/audit-log,
https://docs.github.com/en/enterprise-cloud@latest/rest/orgs/orgs#get-the-audit-log-for-an-organization and, for the
limits, https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api import (
    Auth,
    BaseUrl,
    Batch,
    Bearer,
    OAuth,
    RateLimit,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    in_link,
)
from mantissa_core.vendor_api.http import http_client
from pydantic import Field, SecretStr, StringConstraints, model_validator

from .app import Installation

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,100}$")]
PER_MINUTE = 25
"""GitHub allows 1,750 requests an hour for the audit log, for each user and address."""
GITHUB = Vendor(
    "GitHub",
    request_id="X-GitHub-Request-Id",
    rate_limit=RateLimit("X-RateLimit-Remaining", "X-RateLimit-Reset", "epoch"),
    remedies={
        401: "GitHub refuses the token: it was revoked or has expired, create a new one",
        403: "GitHub does not let the credential read the audit log: a token needs the scope read:audit_log and single "
        "sign-on, an app the organisation's permission Administration (read)",
        404: "GitHub knows no such enterprise or organisation, or the token may not read its audit log "
        "(scope read:audit_log, of an owner)",
        422: "GitHub refuses the query",
    },
)


class AuditLog:
    """Collects the audit log of one enterprise or organisation."""

    class Config(PluginConfig):
        """Settings of ``github.audit``."""

        enterprise: Name = Field(default="", json_schema_extra={"env": "GITHUB_ENTERPRISE"})
        """The enterprise, as its address has it; its log holds that of its organisations."""
        org: Name = Field(default="", json_schema_extra={"env": "GITHUB_ORG"})
        """The organisation, where no enterprise is given."""
        token: SecretStr | None = Field(default=None, json_schema_extra={"env": "GITHUB_TOKEN"})
        """A classic personal access token of an owner, with the scope read:audit_log."""
        app_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{0,100}$")] = Field(
            default="", json_schema_extra={"env": "GITHUB_APP_ID"}
        )
        """In place of the token: the client id or the id of a GitHub App."""
        installation_id: int | None = Field(default=None, ge=1, json_schema_extra={"env": "GITHUB_INSTALLATION_ID"})
        """The app's installation in the organisation."""
        private_key: SecretStr | None = Field(default=None, json_schema_extra={"env": "GITHUB_PRIVATE_KEY"})
        """The app's private key, in PEM."""
        api_url: BaseUrl = "https://api.github.com"
        """Address of the REST API; GitHub Enterprise Server has it at https://<host>/api/v3."""
        include: Literal["all", "web", "git"] = "all"
        """Events of the web, of Git, or all."""
        page_size: int = Field(default=100, ge=1, le=100)
        """Events per request; GitHub gives at most 100."""
        overlap_minutes: float = Field(default=15, ge=0, le=1440)
        """How late events may appear: that much is read again at each poll, repeats are dropped by id."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

        @model_validator(mode="after")
        def _one_of_them(self) -> Self:
            if not self.enterprise and not self.org:
                raise ValueError("enterprise or org")
            app = (self.app_id or None, self.installation_id, self.private_key)
            if any(app) and not all(app):
                raise ValueError("app_id, installation_id and private_key: all three")
            if (self.token is None) != all(app):
                raise ValueError("token, or app_id, installation_id and private_key")
            return self

    def __init__(self, config: Config) -> None:
        owner = f"enterprises/{config.enterprise}" if config.enterprise else f"orgs/{config.org}"
        self._path = f"/{owner}/audit-log"
        self._query = {"include": config.include, "order": "asc", "per_page": str(config.page_size)}
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._tokens = http_client("mantissa-github", config.timeout)
        self._api = VendorClient(
            GITHUB,
            config.api_url,
            self._credential(config),
            timeout=config.timeout,
            per_minute=PER_MINUTE,
            burst=100,
            headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        )
        self._reader = WindowReader(GITHUB.name, self._fetch, self._overlap, timedelta(seconds=1))

    @hookimpl
    def check(self) -> None:
        """Read one event."""
        self._api.get(self._path, {"per_page": "1"}).records()

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream: GitHub has one log for all kinds of events."""
        return [Stream("audit", "github.audit", overlap=self._overlap)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        return self._reader.read(window, state)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._tokens.close()

    def _credential(self, config: Config) -> Auth:
        if config.token is not None:
            return Bearer(config.token)
        key, installation = config.private_key or SecretStr(""), config.installation_id or 0
        return OAuth(Installation(self._tokens, config.api_url, config.app_id, installation, key))

    def _fetch(self, walk: Walk) -> Batch:
        """A page of the events created from ``since`` to ``until``, both included, whole seconds."""
        query = {**self._query, "phrase": f"created:{_second(walk.since)}..{_second(walk.until)}"}
        if walk.cursor is None:
            answer = self._api.get(self._path, query)
        else:
            answer = self._api.get(self._path, {**query, "after": walk.cursor}, cursor_refused={400, 422})
        return Batch(answer.records(), in_link(answer, "after"))


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
