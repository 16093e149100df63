"""Who asks AWS, and where: settings and the clients that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import boto3
import botocore.session
import msgspec
from botocore.config import Config as ClientConfig
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import PluginConfig
from pydantic import Field, SecretStr, ValidationInfo, field_validator

CONNECTIONS = 8
"""Connections per client: as many objects are fetched at once."""


class Access(PluginConfig):
    """The settings that say who asks, and where: part of the settings of every plugin for AWS."""

    region: str = ""
    """Region of the resource; without it, AWS's own configuration counts."""
    endpoint_url: str = ""
    """Address of another service that speaks the same protocol, or of a VPC endpoint."""
    secret_access_key: SecretStr | None = None
    """Secret of the access key."""
    access_key_id: str = Field(default="", validate_default=True)
    """Access key; without it, AWS's own sources count (environment, profile, instance or container role)."""
    role_arn: str = ""
    """Role to assume."""
    external_id: str = ""
    """External id that the role's trust policy asks for."""
    timeout: float = Field(default=60, gt=0, le=600)
    """Seconds to wait for a connection or an answer."""

    # Validators stand on fields that are no secrets: an error quotes what it refuses.
    @field_validator("access_key_id")
    @classmethod
    def _with_its_secret(cls, key: str, info: ValidationInfo) -> str:
        if "secret_access_key" in info.data and bool(key) != bool(info.data["secret_access_key"]):
            raise ValueError("access_key_id and secret_access_key: both or neither")
        return key

    @field_validator("external_id")
    @classmethod
    def _with_its_role(cls, external_id: str, info: ValidationInfo) -> str:
        if external_id and not info.data.get("role_arn"):
            raise ValueError("external_id only with role_arn")
        return external_id


def client(service: str, access: Access, attempts: int | None = None) -> Any:
    """A boto3 client. Without an access key AWS's own chain counts: environment, profile, instance, container.
    ``attempts`` at a request are made at most; without it, as many as AWS's own configuration says.

    Raises botocore's errors, where the settings or the environment are of no use.
    """
    secret = access.secret_access_key
    session = boto3.Session(
        botocore_session=_botocore(),
        aws_access_key_id=access.access_key_id or None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=access.region or None,
    )
    if access.role_arn:
        session = _in_role(session, access)
    config = ClientConfig(
        connect_timeout=access.timeout,
        read_timeout=access.timeout,
        max_pool_connections=CONNECTIONS,
        retries={"total_max_attempts": attempts} if attempts else None,
    )
    made = session.client(service, endpoint_url=access.endpoint_url or None, config=config)
    if "json" in made.meta.service_model.resolved_protocol:
        made.meta.events.register("before-parse", _must_be_json)
    return made


@cache
def _descriptions() -> Loader:
    """Descriptions of AWS's services: reading one takes longer than a request, one reading serves every client."""
    return Loader()


def _botocore() -> botocore.session.Session:
    session = botocore.session.Session()
    session.register_component("data_loader", _descriptions())
    return session


def _must_be_json(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """botocore takes an answer that is cut for an empty one: a queue without messages, a list at its end."""
    if response_dict["status_code"] != HTTPStatus.OK or not response_dict["body"]:
        return
    try:
        msgspec.json.decode(response_dict["body"], type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Retry(f"{operation_model.name}: the answer is cut, or not from AWS: {error}") from None


def _in_role(session: boto3.Session, access: Access) -> boto3.Session:
    """A session whose credentials are those of the role, renewed as they expire."""
    source = session.get_credentials()
    if source is None:
        raise NoCredentialsError
    arguments = {"RoleSessionName": "mantissa", **({"ExternalId": access.external_id} if access.external_id else {})}
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session.client,
        source_credentials=source,
        role_arn=access.role_arn,
        extra_args=arguments,
    )
    inner = _botocore()
    inner._credentials = DeferredRefreshableCredentials(  # boto3 offers no public way to set these
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return boto3.Session(botocore_session=inner, region_name=session.region_name)
