"""``mantissa tokens``: who may use the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from .command import Group, Session, pass_session
from .output import moment, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.api.scopes import Scope
    from mantissa_core.api.tokens import Token

ROLES = ("viewer", "analyst", "engineer", "admin")


@click.group("tokens", cls=Group)
def command() -> None:
    """Create, list and revoke tokens for the API of 'mantissa serve'.

    A token is shown once, when it is created; what is stored cannot be turned back into it.
    """


@command.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What it may do.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Only this of what the role may; repeatable.")
@click.option("--table", "tables", multiple=True, metavar="TABLE", help="Only this table; repeatable.")
@click.option("--expires", metavar="LENGTH", help="How long it is valid: 90d, 12h. Default: until it is revoked.")
@pass_session
def create_token(
    session: Session, name: str, role: str, scopes: tuple[str, ...], tables: tuple[str, ...], expires: str | None
) -> None:
    """Create a token and print it, this once.

    viewer reads alerts, rules and the schema; analyst also queries, asks and settles alerts; engineer also changes
    rules, schedules and integrations; admin also manages tokens and reads the audit log.

    Scopes: schema:read, metrics:read, ask, query, alerts:read, alerts:write, rules:read, rules:write,
    integrations:read, integrations:write, tokens, audit:read.
    """
    from mantissa_core.api.roles import Role
    from mantissa_core.api.tokens import Tokens
    from mantissa_core.state.audit import this_user

    lifetime, meant = _lifetime(expires), _scopes(scopes, role)
    with session.runtime() as runtime:
        made, value = Tokens(runtime.state).create(
            name, Role(role), tables=tables or None, scopes=meant, lifetime=lifetime, by=this_user()
        )
    if session.json:
        print_json({**token_document(made), "token": value})
        return
    say(value)
    if not session.quiet:
        until = f"valid until {moment(made.expires)} UTC" if made.expires else "valid until it is revoked"
        what = f"{role} ({', '.join(scopes)})" if scopes else role
        say(f"{what}, {until}. It is shown this once. Send it as 'Authorization: Bearer …'.", err=True)


@command.command("list")
@pass_session
def list_tokens(session: Session) -> None:
    """List the valid tokens, never their values."""
    from mantissa_core.api.tokens import Tokens

    with session.runtime() as runtime:
        found = Tokens(runtime.state).all()
    if session.json:
        print_json([token_document(each) for each in found])
    elif found:
        rows = [
            (each.name, str(each.role), sorted(each.scopes) if each.scopes is not None else "all",
             sorted(each.tables) if each.tables is not None else "all",
             moment(each.created), each.created_by, moment(each.expires) or "never")
            for each in found
        ]  # fmt: skip
        table(
            ["NAME", "ROLE", "SCOPES", "TABLES", "CREATED (UTC)", "BY", "EXPIRES (UTC)"], rows, fixed=["NAME", "ROLE"]
        )
    else:
        say(f"There are no tokens. {session.command} tokens create --help")


@command.command("revoke")
@click.argument("name")
@pass_session
def revoke_token(session: Session, name: str) -> None:
    """Make the token NAME worthless, at once."""
    from mantissa_core.api.tokens import Tokens
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        gone = Tokens(runtime.state).revoke(name, by=this_user())
    if session.json:
        print_json({"name": gone.name, "revoked": True})
    else:
        say(f"Revoked {gone.name}.")


def token_document(token: Token) -> dict[str, Any]:
    """A token as JSON, without its value."""
    return {
        "id": token.id,
        "name": token.name,
        "role": str(token.role),
        "scopes": sorted(token.scopes) if token.scopes is not None else None,
        "tables": sorted(token.tables) if token.tables is not None else None,
        "created": token.created,
        "created_by": token.created_by,
        "expires": token.expires,
    }


def _scopes(names: tuple[str, ...], role: str) -> list[Scope] | None:
    from mantissa_core.api.roles import Role
    from mantissa_core.api.scopes import Scope

    if unknown := sorted(set(names) - set(Scope)):
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(Scope)}", param_hint="--scope")
    found = [Scope(each) for each in names]
    if beyond := [each for each in found if not Role(role).includes(each.role)]:
        raise click.BadParameter(f"{beyond[0]} takes the role {beyond[0].role}", param_hint="--scope")
    return found or None


def _lifetime(text: str | None) -> timedelta | None:
    from mantissa_core.config import seconds

    if text is None:
        return None
    try:
        found = float(seconds(text))
        return timedelta(seconds=found) if found > 0 else _refuse(text)
    except (ValueError, OverflowError):
        return _refuse(text)


def _refuse(text: str) -> timedelta:
    raise click.BadParameter(f"{text!r} is no length of time such as 90d or 12h", param_hint="--expires")
