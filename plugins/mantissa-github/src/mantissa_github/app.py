"""A GitHub App as the credential: its key signs for an access token of one installation, good for an hour.

Reference: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/
generating-an-installation-access-token-for-a-github-app.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from mantissa_core import web
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.vendor_api import AccessToken, Vendor, identity_of
from mantissa_core.vendor_api.jwt import private_key, signed
from pydantic import SecretStr

BACK, LIFE = 60, 540
"""Seconds that a token of the app begins before now, because clocks differ, and holds: GitHub allows ten minutes."""
HOUR = 3600.0
APP = Vendor(
    "GitHub",
    request_id="X-GitHub-Request-Id",
    remedies={
        401: "GitHub refuses the app's signature: check app_id, private_key and this machine's clock",
        403: "GitHub gives the app no token: the installation is suspended",
        404: "The GitHub App has no such installation: check installation_id",
        422: "GitHub gives the app no token for the installation: check its permissions",
    },
)


class Installation:
    """A grant of :class:`mantissa_core.vendor_api.OAuth`. ``clock`` counts seconds since 1970."""

    def __init__(
        self,
        http: httpx.Client,
        api_url: str,
        app_id: str,
        installation_id: int,
        pem: SecretStr,
        clock: Callable[[], float] = time.time,
    ) -> None:
        key = private_key(pem)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise NeedsOperator("private_key: GitHub signs with RSA keys only")
        self._http, self._app_id, self._key, self._clock = http, app_id, key, clock
        self._url = f"{api_url}/app/installations/{installation_id}/access_tokens"
        self.identity = identity_of(self._url, app_id)

    def fetch(self) -> AccessToken:
        """Sign as the app, and ask for a token of its installation.

        Raises:
            Retry: GitHub is unavailable or gave no token.
            NeedsOperator: it refuses.
        """
        now = int(self._clock())
        proof = signed({"iss": self._app_id, "iat": now - BACK, "exp": now + LIFE}, self._key)
        headers = {"Authorization": f"Bearer {proof}", "Accept": "application/vnd.github+json"}
        response = web.send(self._http, self._http.build_request("POST", self._url, headers=headers))
        if error := APP.refusal(response):
            raise error
        members = _members(response)
        token = members.get("token")
        if not isinstance(token, str) or not token:
            raise Retry(f"GitHub's answer has no token of the installation{APP.quoted(response)}")
        return AccessToken(token, _life(members.get("expires_at"), response))


def _members(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _life(expires_at: Any, response: httpx.Response) -> float:
    """Seconds until the token ends, by GitHub's own clock; an hour where it does not say."""
    try:
        end = datetime.fromisoformat(expires_at)
        seconds = (end - parsedate_to_datetime(response.headers["Date"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return HOUR
    return seconds if 0 < seconds <= HOUR else HOUR
