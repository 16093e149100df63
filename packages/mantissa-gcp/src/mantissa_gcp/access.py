"""Who asks Google Cloud: settings, and the access tokens that follow from them.

Google's library finds the credential and fetches the tokens; the requests are ours, like those to every vendor.
Reference: https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import google.auth
from google.auth import aws as amazon
from google.auth import exceptions, identity_pool
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig
from mantissa_core.vendor_api import AccessToken, OAuth, identity_of
from pydantic import Field, SecretStr

OTHERS = (
    "set credentials or GOOGLE_APPLICATION_CREDENTIALS, run 'gcloud auth application-default login', or run where "
    "Google's metadata server is"
)


class Identity(PluginConfig):
    """The settings that say who asks: part of the settings of every plugin for Google Cloud."""

    credentials: SecretStr | None = None
    """Key of a service account, or a configuration of workload identity federation, as JSON. Without it, Google's own
    sources count: GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, the metadata server."""
    timeout: float = Field(default=60, gt=0, le=600)
    """Seconds to wait for an answer."""


class Access(Identity):
    """Part of the settings of every collector of Google Cloud."""

    other_log_type: str = "generic.json"
    """What the entries of logs are that have no log type of their own."""


def auth(access: Identity, scope: str) -> OAuth:
    """The scheme for requests. ``scope`` is what the tokens are good for.

    Raises:
        NeedsOperator: ``credentials`` is of no use.
    """
    return OAuth(GoogleGrant(access.credentials, scope))


class GoogleGrant:
    """Access tokens from whatever credential there is; which one is found out when the first token is needed."""

    def __init__(self, key: SecretStr | None, scope: str) -> None:
        text = key.get_secret_value() if key else ""
        self._scopes = [f"https://www.googleapis.com/auth/{scope}"]
        self._credentials: Any = given(text, self._scopes) if text else None
        self._request = Request()
        self.identity = identity_of("google", text, scope)

    def fetch(self) -> AccessToken:
        """Ask for a token. Raises ``Retry`` and ``NeedsOperator``, which repeat nothing of the credential."""
        try:
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=self._scopes, request=self._request)
            self._credentials.refresh(self._request)
        except exceptions.DefaultCredentialsError:
            raise NeedsOperator(f"Google finds no credential, or one that is of no use: {OTHERS}") from None
        except exceptions.TransportError:
            raise Retry("Google's token server, or the metadata server, cannot be reached") from None
        except exceptions.GoogleAuthError as error:
            raise _refused(error) from None
        except ValueError:  # google-auth tells so of keys that it cannot read; the text may quote them
            raise NeedsOperator("Google's credential holds a key that cannot be read: create a new one") from None
        return AccessToken(self._credentials.token, _seconds_left(self._credentials.expiry))


def given(text: str, scopes: list[str]) -> Any:
    """The credential that ``text`` describes. Errors do not quote it.

    Raises:
        NeedsOperator: it is no JSON, of another kind, or incomplete.
    """
    info = _object(text)
    try:
        if info.get("type") == "service_account":
            return service_account.Credentials.from_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]
        if info.get("type") == "external_account":
            return _federated(info, scopes)
    except (ValueError, KeyError, TypeError, exceptions.GoogleAuthError):
        raise NeedsOperator("credentials: incomplete, or with a key that cannot be read: create them anew") from None
    raise NeedsOperator("credentials: found JSON of another type, expected service_account or external_account")


def _federated(info: Mapping[str, Any], scopes: list[str]) -> Any:
    """Workload identity federation. The configuration names a file, an address or AWS; no program is run for it."""
    source = info["credential_source"]
    if "executable" in source:
        raise NeedsOperator("credentials: found a credential_source that runs a program, expected a file, url or AWS")
    if not all(isinstance(info.get(key), str) for key in ("audience", "subject_token_type", "token_url")):
        raise ValueError("a part is missing that google-auth would look for later")
    kind: Any = amazon.Credentials if "environment_id" in source else identity_pool.Credentials
    return kind.from_info(info, scopes=scopes)


def _object(text: str) -> Mapping[str, Any]:
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        raise NeedsOperator("credentials: found no JSON object: store the key's file as it was downloaded")
    return info


def _refused(error: exceptions.GoogleAuthError) -> Retry | NeedsOperator:
    """Only OAuth's code is repeated: the rest of the answer is not ours."""
    answer = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    code = answer.get("error")
    said = f" ({code})" if isinstance(code, str) and code.replace("_", "").isalpha() else ""
    if error.retryable:
        return Retry(f"Google gives no access token for now{said}")
    causes = "a key that was deleted or has expired, a token's file that is missing, a clock that is wrong"
    return NeedsOperator(f"Google gives no access token{said}: check the credential ({causes})")


def _seconds_left(expiry: datetime | None) -> float | None:
    """google-auth's times are UTC without a zone."""
    return None if expiry is None else max((expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds(), 1.0)
