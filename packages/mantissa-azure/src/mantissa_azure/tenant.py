"""Who asks Microsoft's APIs, and where: settings, and the access tokens that follow from them.

Reference: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

from typing import Annotated

import httpx
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig
from mantissa_core.vendor_api import (
    AccessToken,
    ClientCredentials,
    OAuth,
    Origin,
    TokenEndpoint,
    Vendor,
    require_sendable,
)
from pydantic import Field, SecretStr, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,100}$")]
ENTRA = Vendor(
    "Entra ID",
    request_id="x-ms-request-id",
    remedies={404: "Entra ID knows no such tenant: check tenant_id, and login_url for a national cloud"},
)


class Application(PluginConfig):
    """The settings that say who asks: part of the settings of every plugin for Microsoft's APIs."""

    tenant_id: Id = Field(json_schema_extra={"env": ["AZURE_TENANT_ID", "TENANT_ID"]})
    """Id or domain of the tenant."""
    client_id: Id = Field(json_schema_extra={"env": "AZURE_CLIENT_ID"})
    """Application (client) id of the app registration."""
    client_secret: SecretStr = Field(json_schema_extra={"env": "AZURE_CLIENT_SECRET"})
    """Value of a client secret of it."""
    login_url: Origin = "https://login.microsoftonline.com"
    """Address where Entra ID gives tokens; national clouds have their own."""


class Tenant(Application):
    """Who asks Microsoft Graph, and where."""

    graph_url: Origin = "https://graph.microsoft.com"
    """Address of Microsoft Graph; national clouds have their own."""


def sign_in(application: Application, api_url: str, http: httpx.Client) -> OAuth:
    """The scheme for requests to ``api_url``, whose tokens are fetched over ``http``.

    Raises:
        NeedsOperator: ``client_secret`` is of no use.
    """
    require_sendable(application.client_secret.get_secret_value(), "client_secret")
    endpoint = TokenEndpoint(ENTRA, f"{application.login_url}/{application.tenant_id}/oauth2/v2.0/token", http)
    scope = {"scope": f"{api_url}/.default"}
    return OAuth(_Application(endpoint, application.client_id, application.client_secret, extra=scope))


class _Application(ClientCredentials):
    """Says which settings a refusal is about; Entra ID's own words are not repeated."""

    def fetch(self) -> AccessToken:
        try:
            return super().fetch()
        except NeedsOperator as error:
            raise NeedsOperator(
                f"{error}: tenant_id, client_id and client_secret must belong together; client_secret is the secret's "
                "value, not its id, and it expires"
            ) from None
