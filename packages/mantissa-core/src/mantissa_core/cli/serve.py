"""``mantissa serve``: the API over HTTP."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING

import click

from mantissa_core.errors import ConfigError

from .command import Command, Session, pass_session
from .output import say

if TYPE_CHECKING:
    from mantissa_core.api_section import ApiSection


@click.command("serve", cls=Command)
@click.option("--host", metavar="ADDRESS", help="Listen there. Default: api.host, 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Default: api.port, 8765; 0 takes a free one.")
@pass_session
def command(session: Session, host: str | None, port: int | None) -> None:
    """Answer the HTTP API until stopped, beside 'mantissa run' or alone.

    Every request shows a token ('mantissa tokens create'). Addresses that others can reach take TLS
    (api.tls_certificate, api.tls_key), or a proxy that adds it (api.behind_proxy).
    """
    from mantissa_core.api.app import refuse_development
    from mantissa_core.api.server import serve

    settings, home = session.settings()
    refuse_development(os.environ)
    own = settings.api.model_copy(
        update={key: value for key, value in {"host": host, "port": port}.items() if value is not None}
    )
    refuse_plaintext(own, str(session.find()))
    with session.runtime(log_level=settings.log.level) as runtime:

        def started(address: str) -> None:
            if not session.quiet and not session.json:
                say(f"Serving {home} at {address}. Ctrl-C stops.", err=True)

        serve(runtime, own, started)


def refuse_plaintext(section: ApiSection, where: str) -> None:
    """Tokens do not go over a network in plain text.

    Raises:
        ConfigError: the address is not this machine's alone, and there is neither TLS nor a proxy.
    """
    if section.tls_certificate or section.behind_proxy or is_loopback(section.host):
        return
    expected = "a loopback address, or tls_certificate and tls_key, or behind_proxy = true where a proxy adds TLS"
    raise ConfigError(where, "api.host", repr(section.host), expected)


def is_loopback(host: str) -> bool:
    """Whether only this machine gets there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
