"""A service account that acts as an administrator, by domain-wide delegation.

Reference: https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
"""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig
from mantissa_core.vendor_api import AccessToken, JWTBearer, Origin, TokenEndpoint, Vendor, base_url
from mantissa_core.vendor_api.jwt import private_key
from pydantic import BaseModel, Field, SecretStr, ValidationError

LIFE = 3600
"""Seconds that an assertion holds; Google allows an hour."""


class Administrator(PluginConfig):
    """The settings that say who asks, and where: part of the settings of every plugin for the Admin SDK."""

    subject: str = Field(min_length=3, pattern="@", json_schema_extra={"env": "GOOGLE_WORKSPACE_SUBJECT"})
    """E-mail address of an administrator, as whom the service account reads."""
    service_account_key: SecretStr | None = Field(
        default=None, json_schema_extra={"env": "GOOGLE_WORKSPACE_SERVICE_ACCOUNT_KEY"}
    )
    """The content of the service account's key file."""
    credentials_file: Path | None = Field(default=None, json_schema_extra={"env": "GOOGLE_APPLICATION_CREDENTIALS"})
    """The service account's key file, where its content is not given."""
    api_url: Origin = "https://admin.googleapis.com"
    """Address of the API."""


class Key(BaseModel):
    """What of a service account's key file is needed."""

    client_email: str
    private_key: SecretStr
    private_key_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address


def key_of(settings: Administrator) -> Key:
    """The key that the settings hold, or name.

    Raises:
        NeedsOperator: there is none, or it is of no use.
    """
    if settings.service_account_key is not None:
        return key_in(settings.service_account_key, "service_account_key")
    if settings.credentials_file is not None:
        return key_file(settings.credentials_file)
    raise NeedsOperator("service_account_key or credentials_file: found neither")


def key_in(text: SecretStr, setting: str) -> Key:
    """Read a key file's content.

    Raises:
        NeedsOperator: it is something else; nothing of it is quoted.
    """
    try:
        key = Key.model_validate(json.loads(text.get_secret_value()))
        return key.model_copy(update={"token_uri": base_url(key.token_uri)})
    except (ValueError, ValidationError, RecursionError):
        raise NeedsOperator(
            f"{setting}: found no key of a service account in JSON: create a key and copy the file"
        ) from None


def key_file(path: Path) -> Key:
    """Read a key file.

    Raises:
        NeedsOperator: it cannot be read, or is something else.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NeedsOperator(f"credentials_file: {path} cannot be read ({type(error).__name__})") from None
    return key_in(SecretStr(text), f"credentials_file ({path})")


class Delegated(JWTBearer):
    """An access token of the service account in the name of ``settings.subject``, good for ``scope``."""

    def __init__(self, settings: Administrator, scope: str, vendor: Vendor, http: httpx.Client) -> None:
        key = key_of(settings)
        endpoint = TokenEndpoint(vendor, key.token_uri, http)
        claims = {"iss": key.client_email, "sub": settings.subject, "scope": scope, "aud": key.token_uri}
        super().__init__(endpoint, claims, private_key(key.private_key), key_id=key.private_key_id or None, life=LIFE)
        self._scope = scope

    def fetch(self) -> AccessToken:
        """Ask for a token; a refusal says what delegation needs."""
        try:
            return super().fetch()
        except NeedsOperator as error:
            raise NeedsOperator(
                f"{error}: 'subject' must be an administrator of the domain, the service account's client id must have "
                f"domain-wide delegation for {self._scope}, and this machine's clock must be right"
            ) from None
