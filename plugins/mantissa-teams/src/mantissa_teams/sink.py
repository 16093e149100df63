"""The alert sink ``teams.workflow``: Adaptive Cards through a workflow that waits for webhook requests.

References: https://support.microsoft.com/office/8ae491c7-0394-4861-ba59-055e33f75498 (the template),
https://learn.microsoft.com/connectors/teams (limits), https://learn.microsoft.com/azure/logic-apps/logic-apps-http-endpoint
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated

import httpx
from mantissa_core import web
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Delivery, Receipt
from mantissa_core.recent import Recent
from pydantic import AfterValidator, Field, SecretStr

from .card import encoded, message

_ANSWER = 64 * 1024
_NEW_ONE = "copy the workflow's address anew, all of it"
REMEDIES: Mapping[str, str] = {
    "DirectApiAuthorizationRequired": f"the address lacks its signature: {_NEW_ONE}",
    "DirectApiInvalidAuthorizationScheme": f"the address has another signature: {_NEW_ONE}",
    "AuthorizationFailed": f"the signature is no longer valid: {_NEW_ONE}",
    "MissingApiVersionParameter": f"the address is cut: {_NEW_ONE}",
    "WorkflowNotFound": "the workflow was deleted: create a new one",
    "WorkflowTriggerIsNotEnabled": "the workflow is switched off: switch it on in the Workflows app",
    "TriggerInputSchemaMismatch": "it wants something else: use the template 'Send webhook alerts to a channel'",
    "RequestEntityTooLarge": "the message is too large",
}


def _workflow(value: SecretStr) -> SecretStr:
    """The address of a workflow. Errors do not quote it."""
    try:
        url = httpx.URL(value.get_secret_value())
    except httpx.InvalidURL:
        raise ValueError("the address of a workflow: https://…") from None
    if re.search(r"(^|\.)(webhook\.office\.com|outlook\.office(365)?\.com)$", url.host):
        raise ValueError(
            "the address of a workflow; this one is of an Office 365 connector, which Microsoft has retired: in Teams "
            "choose Workflows, 'Send webhook alerts to a channel'"
        )
    if not url.host or (url.scheme != "https" and url.host != "127.0.0.1"):
        raise ValueError("the address of a workflow: https://…")
    if not url.params.get("sig"):
        raise ValueError(
            "an address with its signature (sig=…): let anyone trigger the workflow, save it, copy it whole"
        )
    return value


class Teams:
    """Posts each message to the channel or chat of one workflow.

    A workflow drops no repeats and cannot change what it posted: after a time-out, or a crash between its answer and
    our commit, a message comes twice.
    """

    per_minute = 30

    class Config(PluginConfig):
        """Settings of ``teams.workflow``."""

        webhook_url: Annotated[SecretStr, AfterValidator(_workflow)] = Field(
            json_schema_extra={"env": "TEAMS_WEBHOOK_URL"}
        )
        """Address of the workflow: whoever has it can post, so it is a secret."""
        timeout: float = Field(default=15.0, gt=0, le=45)
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._posted: Recent[None] = Recent()

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Post the message, unless this process posted it. The workflow takes it (202) and posts it later."""
        if delivery.key not in self._posted:
            self._post(delivery)
            self._posted[delivery.key] = None
        return Receipt(delivery.key)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self.config.timeout)

    def _post(self, delivery: Delivery) -> None:
        request = self._client.build_request(
            "POST",
            self.config.webhook_url.get_secret_value(),
            content=encoded(message(delivery)),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )
        response = web.send(self._client, request, _ANSWER)
        if response.is_success and "html" in response.headers.get("Content-Type", ""):
            raise Retry(f"{web.origin(request)} answered with a page, as no workflow does: a proxy's?")
        code = self._code(response)
        if (response.is_client_error and response.status_code not in (408, 425, 429)) or (response.is_success and code):
            raise NeedsOperator(f"Teams' workflow refuses the message: {self._reason(response, code)}")
        web.raise_for_status(response, self._secrets())

    def _reason(self, response: httpx.Response, code: str) -> str:
        if remedy := REMEDIES.get(code):
            return f"{remedy} ({code})"
        said = web.excerpt(response.text, self._secrets())
        return f"{response.status_code} {response.reason_phrase}: {said}".rstrip(": ")

    def _code(self, response: httpx.Response) -> str:
        """The code of ``{"error": {"code": …, "message": …}}``; empty where there is none."""
        try:
            error = response.json()["error"]
            return web.excerpt(str(error["code"]), self._secrets(), 60)
        except (ValueError, KeyError, TypeError):
            return ""

    def _secrets(self) -> list[str]:
        """The address and the parts of it by which one could post."""
        text = self.config.webhook_url.get_secret_value()
        url = httpx.URL(text)
        raw = re.search(r"[?&]sig=([^&]+)", text)
        return [text, str(url), url.raw_path.decode(), url.params["sig"], *([raw[1]] if raw else [])]
