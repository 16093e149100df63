"""The way to a Docker engine: its Unix socket, or TCP with a client certificate.

Reference: https://docs.docker.com/engine/security/protect-access/.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from mantissa_core.errors import NeedsOperator
from mantissa_core.vendor_api import base_url, identity_of

HOST_IN_SOCKET = "http://docker"
"""Stands for the host in requests over a socket, which has none."""


class Peer:
    """The connection itself is the credential: who may open the socket, or holds the key of the certificate."""

    def __init__(self, host: str) -> None:
        self.identity = identity_of("docker", host)

    def sign(self, request: httpx.Request) -> None:
        """There is nothing to add."""

    def renew(self, refused: httpx.Request) -> bool:
        """There is no other credential."""
        return False


def engine_host(text: str) -> str:
    """Check an engine's address: ``unix:///path``, or ``tcp://host:port``.

    Raises:
        ValueError: it is something else.
    """
    parts = urlsplit(text)
    if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
        return text
    if parts.scheme == "tcp" and parts.port and not parts.path.strip("/"):
        base_url(f"https://{parts.netloc}")
        return text
    raise ValueError("unix:///var/run/docker.sock or tcp://host:2376")


def address(host: str, folder: Path | None) -> str:
    """The address that requests are sent to."""
    parts = urlsplit(host)
    if parts.scheme == "unix":
        return HOST_IN_SOCKET
    return base_url(f"{'https' if folder else 'http'}://{parts.netloc}")


def transport(host: str, folder: Path | None) -> httpx.HTTPTransport:
    """Connections to an engine; ``folder`` holds ``ca.pem``, ``cert.pem`` and ``key.pem``.

    Raises:
        NeedsOperator: a file is missing or no certificate.
    """
    parts = urlsplit(host)
    if parts.scheme == "unix":
        return httpx.HTTPTransport(uds=parts.path)
    if folder is None:
        return httpx.HTTPTransport()
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem", password=_no_password)
    except (OSError, ssl.SSLError) as error:
        raise NeedsOperator(
            f"cert_path: {folder} needs ca.pem, cert.pem and key.pem, the key unencrypted ({type(error).__name__})"
        ) from None
    return httpx.HTTPTransport(verify=context)


def require_access(host: str) -> None:
    """Refuse a socket that this process may not open, before a request says no more than that it failed.

    Raises:
        NeedsOperator: who may open it.
    """
    path = urlsplit(host).path
    if host.startswith("unix:") and os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        raise NeedsOperator(f"this process may not open {path}: run it as a member of the group that owns the socket")


def _no_password() -> str:
    raise ssl.SSLError("the key is encrypted")
