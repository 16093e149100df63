"""Who asks Azure Storage, and where: settings and the client that follows from them."""

from __future__ import annotations

import base64
from typing import Any, Self

from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ExponentialRetry
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig
from mantissa_core.vendor_api import BaseUrl, require_sendable
from pydantic import Field, SecretStr, model_validator

CONNECTIONS = 8
"""Blobs that are fetched at once."""
CHUNK = 32 * 1024 * 1024
"""Bytes that one request for a blob's content asks for."""


class Access(PluginConfig):
    """The settings that say who asks, and where: part of the settings of every plugin for Azure Storage."""

    account_url: BaseUrl = Field(json_schema_extra={"env": "AZURE_STORAGE_BLOB_URL"})
    """Blob endpoint of the storage account, such as https://example.blob.core.windows.net."""
    account_key: SecretStr | None = Field(default=None, json_schema_extra={"env": "AZURE_STORAGE_KEY"})
    """A key of the account; it counts before the others."""
    sas_token: SecretStr | None = Field(default=None, json_schema_extra={"env": "AZURE_STORAGE_SAS_TOKEN"})
    """A shared access signature with read and list on containers and blobs."""
    tenant_id: str = ""
    """The Entra tenant of the application that asks."""
    client_id: str = ""
    """Id of the application."""
    client_secret: SecretStr | None = None
    """A secret of the application."""
    authority: BaseUrl = "https://login.microsoftonline.com"
    """Where Entra ID gives tokens; another one for national clouds."""
    retries: int = Field(default=3, ge=0, le=10)
    """How often a request that failed is made again before the runtime takes over."""
    timeout: float = Field(default=60, gt=0, le=600)
    """Seconds to wait for a connection or an answer."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({bool(self.tenant_id), bool(self.client_id), bool(self.client_secret)}) > 1:
            raise ValueError("tenant_id, client_id and client_secret: all or none")
        if self.account_url.startswith("http:") and not self.account_key and not self.sas_token:
            raise ValueError("https, or account_key or sas_token: an access token travels with every request")
        return self


def service(access: Access) -> BlobServiceClient:
    """A client. Without a credential in the settings Azure's own sources count: environment, managed identity, CLI.

    Raises:
        NeedsOperator: the settings are of no use.
    """
    retry = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=access.retries, random_jitter_range=1)
    chosen = credential(access)
    try:
        return BlobServiceClient(
            access.account_url,
            credential=chosen,
            retry_policy=retry,
            connection_timeout=access.timeout,
            read_timeout=access.timeout,
            max_single_get_size=CHUNK,
            max_chunk_get_size=CHUNK,
            user_agent="mantissa-azure",
        )
    except ValueError:
        raise NeedsOperator(
            f"account_url: found {access.account_url}, expected https://<account>.blob.core.windows.net or the like: "
            "the account's name is part of a key's signature"
        ) from None


def credential(access: Access) -> Any:
    """The first that the settings have: key, signature, application; else Azure's own chain."""
    if access.account_key:
        return _key(access.account_key.get_secret_value())
    if access.sas_token:
        token = access.sas_token.get_secret_value().removeprefix("?")
        require_sendable(token, "sas_token")
        return token
    if access.client_secret:
        secret = access.client_secret.get_secret_value()
        return ClientSecretCredential(access.tenant_id, access.client_id, secret, authority=access.authority)
    return DefaultAzureCredential(authority=access.authority)


def _key(key: str) -> str:
    try:
        base64.b64decode(key, validate=True)
    except ValueError:
        raise NeedsOperator("account_key: found something else than base64: copy the key anew") from None
    return key
