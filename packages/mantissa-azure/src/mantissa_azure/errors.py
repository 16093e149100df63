"""What Azure's libraries raise, as what the runtime does next.

Codes: https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-error-codes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import httpx
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from mantissa_core import web
from mantissa_core.errors import NeedsOperator, Retry

_REMEDIES = {
    "AccountIsDisabled": "the storage account is disabled",
    "AuthenticationFailed": "the account key or the SAS is wrong or has expired, or this machine's clock is",
    "InvalidAuthenticationInfo": "the access token is not accepted: check tenant_id, and that account_url is Azure's",
    "KeyBasedAuthenticationNotPermitted": "the account accepts no keys: use client_secret or a managed identity",
    "NoAuthenticationInformation": "it takes a credential: set account_key, sas_token or client_secret",
    "ContainerNotFound": "the container does not exist: check containers and account_url",
    "BlobArchived": "a blob is archived: rehydrate it, or set since to a later day",
    "AuthorizationSourceIPMismatch": "the SAS or the account's firewall does not admit this machine's address",
    "InvalidUri": "there is no such account at this address: check account_url",
}
_DENIED = frozenset(
    {
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "AuthorizationResourceTypeMismatch",
        "AuthorizationServiceMismatch",
        "InsufficientAccountPermissions",
        "PublicAccessNotPermitted",
    }
)
_CODE = re.compile(r"[A-Za-z0-9]{1,64}")
_AADSTS = re.compile(r"AADSTS[0-9]{1,9}")


class GoneError(Exception):
    """The blob is not there any more."""


@contextmanager
def translated(place: str, needs: str) -> Iterator[None]:
    """Turn errors of Azure into ``Retry``, ``NeedsOperator`` and :class:`GoneError`.

    ``place`` says what was read, ``needs`` which permission that takes. Nothing of a request or an answer but the
    error's code is in the messages.
    """
    try:
        yield
    except HttpResponseError as error:
        if error.status_code is None and isinstance(error, ClientAuthenticationError):
            raise _no_token(place, error) from None
        raise _from_answer(place, needs, error) from None
    except AzureError as error:
        raise Retry(f"{place}: {type(error).__name__}: no complete answer of Azure's") from None
    except (ValueError, TypeError, KeyError, AttributeError):  # the library makes sense of any page with status 200
        raise Retry(f"{place}: the answer is not Azure's") from None


def _from_answer(place: str, needs: str, error: HttpResponseError) -> Exception:
    code, status = _code(error), error.status_code or 0
    if code == "BlobNotFound":
        return GoneError()
    if remedy := _REMEDIES.get(code):
        return NeedsOperator(f"{place}: {remedy} ({code})")
    if status == HTTPStatus.TOO_MANY_REQUESTS or code == "ServerBusy":
        return Retry(f"{place}: Azure throttles ({code or status})", after=_after(error))
    if status in (0, HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return Retry(f"{place}: the answer is incomplete, or not Azure's")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT):
        return Retry(f"{place}: {code or status}", after=_after(error))
    if status in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        return Retry(f"{place}: the blob was replaced while it was read ({code or status})")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or code in _DENIED:
        return NeedsOperator(f"{place}: access is denied; the identity needs {needs} ({code or status})")
    return NeedsOperator(f"{place}: Azure refuses the request ({code or status})")


def _code(error: HttpResponseError) -> str:
    """Azure's error code: from a header, as answers without a body have it, or the library's reading of the body."""
    found = _header(error, "x-ms-error-code") or getattr(error, "error_code", None)
    text = str(getattr(found, "value", found) or "")
    return text if _CODE.fullmatch(text) else ""


def _after(error: HttpResponseError) -> float | None:
    return web.retry_after(httpx.Headers({"Retry-After": _header(error, "Retry-After")}))


def _header(error: HttpResponseError, name: str) -> str:
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    return str(headers.get(name) or "")


def _no_token(place: str, error: ClientAuthenticationError) -> NeedsOperator:
    told = _AADSTS.search(str(error))
    if told:
        remedy = "Entra ID gives no access token: check tenant_id, client_id and client_secret, which may have expired"
        return NeedsOperator(f"{place}: {remedy} ({told[0]})")
    return NeedsOperator(
        f"{place}: no credential is set and Azure's own sources (environment, managed identity, Azure CLI) give none: "
        "set account_key, sas_token or client_secret"
    )
