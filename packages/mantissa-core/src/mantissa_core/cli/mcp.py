"""``mantissa mcp``: the instance for programs that speak the Model Context Protocol."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from mantissa_core.errors import NeedsOperator

from .command import Command, Session, pass_session
from .output import say
from .serve import refuse_plaintext

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime


@click.command("mcp", cls=Command)
@click.option("--role", type=click.Choice(["viewer", "analyst"]), help="What the client may do. Default: analyst.")
@click.option("--tables", multiple=True, metavar="TABLE", help="Only this table; may be repeated, or a,b,c.")
@click.option("--http", is_flag=True, help="Answer over HTTP, with tokens, in place of standard input and output.")
@click.option("--host", metavar="ADDRESS", help="With --http: listen there. Default: mcp.host, 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), help="With --http: default mcp.port, 8766; 0 takes a free one.")
@pass_session
def command(
    session: Session, role: str | None, tables: tuple[str, ...], http: bool, host: str | None, port: int | None
) -> None:
    """Let an AI assistant look into the instance, by the Model Context Protocol.

    The assistant starts this command itself (docs/mcp.md has the lines for its
    configuration) and gets tools that only read: schema, ask, query, estimate,
    alerts, alert, rules, rule and sources. Every call is in 'mantissa audit'.

    \b
      mantissa -C /var/lib/mantissa mcp
      mantissa -C /var/lib/mantissa mcp --role viewer --tables okta_system
      mantissa mcp --http --port 8766

    A viewer reads alerts, rules and the schema; an analyst also asks and
    queries. Over HTTP the token says both ('mantissa tokens create').
    """
    _check(http=http, only_http=(host, port), only_stdio=(role, *tables))
    if find_spec("mcp") is None:
        raise NeedsOperator("'mantissa mcp' needs the protocol's SDK: pip install 'mantissa-core[mcp]'")
    if http:
        _serve_http(session, host, port)
        return
    from mantissa_core.api.roles import Role
    from mantissa_core.mcp.stdio import serve

    if sys.stdin.isatty() and not session.quiet:
        say("An assistant starts this, and speaks to it here: docs/mcp.md. Ctrl-C stops.", err=True)
    with session.runtime() as runtime:
        serve(runtime, Role(role or "analyst"), _known(runtime, tables))


def _check(*, http: bool, only_http: tuple[object, ...], only_stdio: tuple[object, ...]) -> None:
    if http and any(each is not None for each in only_stdio):
        raise click.UsageError("--role and --tables are not for --http: the caller's token says both")
    if not http and any(each is not None for each in only_http):
        raise click.UsageError("--host and --port need --http")


def _known(runtime: Runtime, given: tuple[str, ...]) -> frozenset[str] | None:
    """The tables that the client is limited to; a name that is none would hide everything without a word."""
    if not given:
        return None
    wanted = {name.strip() for each in given for name in each.split(",") if name.strip()}
    there = {*runtime.lake.tables(), *(each.table for each in runtime.log_types)}
    if unknown := sorted(wanted - there):
        known = "'mantissa schema show' lists them; a view is limited by its tables"
        raise click.BadParameter(f"there is no table {', '.join(unknown)} ({known})", param_hint="--tables")
    return frozenset(wanted)


def _serve_http(session: Session, host: str | None, port: int | None) -> None:
    from mantissa_core.api.app import refuse_development
    from mantissa_core.mcp.http import serve

    settings, home = session.settings()
    refuse_development(os.environ)
    chosen = {"host": settings.mcp.host if host is None else host, "port": settings.mcp.port if port is None else port}
    own = settings.api.model_copy(update=chosen)
    refuse_plaintext(own, str(session.find()))
    with session.runtime(log_level=settings.log.level) as runtime:

        def started(address: str) -> None:
            if not session.quiet and not session.json:
                say(f"Serving {home} at {address}. Ctrl-C stops.", err=True)

        serve(runtime, own, started)
