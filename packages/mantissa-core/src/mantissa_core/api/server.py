"""The server under the application."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from mantissa_core.errors import ConfigError, NeedsOperator

from .app import create_app
from .oidc import Oidc

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from mantissa_core.api_section import ApiSection
    from mantissa_core.runtime import Runtime

CONNECTIONS = 200
"""At once; those beyond get 503."""
PATIENCE = 10
"""Seconds that requests get to end when the server is stopped."""


def serve(runtime: Runtime, section: ApiSection, started: Callable[[str], None] = lambda _: None) -> None:
    """Answer until SIGTERM or SIGINT. ``started`` hears the address once it is listened on.

    Raises:
        NeedsOperator: the address cannot be listened on. ConfigError: the certificate cannot be used.
    """
    provider = Oidc(section.oidc) if section.oidc else None
    listen(create_app(runtime, provider=provider), runtime.home, section, started)


def listen(app: Starlette, home: Path, section: ApiSection, started: Callable[[str], None]) -> None:
    """Answer with an application, as :func:`serve` does."""
    certificate, key = (home / each if each else None for each in (section.tls_certificate, section.tls_key))
    config = uvicorn.Config(
        app,
        host=section.host,
        port=section.port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=PATIENCE,
        timeout_keep_alive=15,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError among them
        raise ConfigError(str(home), "api.tls_certificate", "files that cannot be used",
                          f"a certificate and its key in PEM ({error.strerror})") from error  # fmt: skip
    with _listening(section.host, section.port) as listener:
        scheme, port = "https" if certificate else "http", listener.getsockname()[1]
        host = f"[{section.host}]" if ":" in section.host else section.host
        started(f"{scheme}://{host}:{port}")
        uvicorn.Server(config).run([listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(CONNECTIONS)
    except OSError as error:
        listener.close()
        raise NeedsOperator(f"api: cannot listen on {host}:{port}: {error.strerror or error}") from error
    return listener
