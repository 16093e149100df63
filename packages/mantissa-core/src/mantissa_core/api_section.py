"""``[api]`` of ``mantissa.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class OidcSection(_Section):
    """``[api.oidc]``: bearer tokens of an identity provider."""

    issuer: str = Field(pattern=r"^https?://\S+$")
    """What a token's ``iss`` must be, such as ``https://login.example.com/``."""
    audience: str = Field(min_length=1)
    """What a token's ``aud`` must be or hold."""
    jwks_url: str = Field(pattern=r"^https?://\S+$")
    """Where the provider's keys are."""
    role_claim: str = "roles"
    """The claim that holds the caller's groups or roles; dots lead into objects (``realm_access.roles``)."""
    roles: Mapping[str, Literal["viewer", "analyst", "engineer", "admin"]]
    """A value of that claim, and the role that it stands for. Of several the highest counts; without any, no access."""
    scope_claim: str | None = None
    """The claim that holds what a token is for, such as ``scope``: scopes of the API. None: all that its role may."""
    name_claim: str = "email"
    """The claim that is written down as who did something; ``sub`` where a token has none."""

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        host = (urlsplit(value).hostname or "").lower()
        if urlsplit(value).scheme != "https" and host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("an https:// address, but on this machine")
        return value


class ApiSection(_Section):
    """``[api]``: the HTTP API of ``mantissa serve``."""

    host: str = "127.0.0.1"
    """The address that it listens on."""
    port: int = Field(8765, ge=0, le=65_535)
    """The port that it listens on."""
    tls_certificate: Path | None = None
    """A certificate chain in PEM. Needed, with its key, where ``host`` is not on this machine alone."""
    tls_key: Path | None = Field(None, validate_default=True)
    """Its private key in PEM, unencrypted."""
    behind_proxy: bool = False
    """Listens without TLS on other addresses, because a proxy in front of it adds TLS."""
    cors_allowed_origin: str | None = Field(None, pattern=r"^https?://[^\s/*]+$")
    """The one origin whose pages may call the API, such as ``https://siem.example.com``; none by default.
    ``CORS_ALLOWED_ORIGIN`` overrides it."""
    requests_per_minute: int = Field(600, ge=1)
    """Requests that one caller may make in a minute."""
    max_body_kilobytes: int = Field(1024, ge=1, le=65_536)
    """The longest body that is taken."""
    tables: Mapping[Literal["viewer", "analyst", "engineer", "admin"], tuple[str, ...]] = Field(default_factory=dict)
    """The only tables that a role may see, by role; all by default."""
    oidc: OidcSection | None = None
    """Lets in who has a token of an identity provider."""

    @field_validator("tls_key")
    @classmethod
    def _both(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("tls_certificate") is None):
            raise ValueError("tls_certificate and tls_key, or neither")
        return key
