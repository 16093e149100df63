"""Tokens: listed, made, revoked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.api.problem import Problem
from mantissa_core.api.scopes import Scope
from mantissa_core.api.tokens import Token


def tokens(call: Call) -> models.TokensReply:
    """The valid tokens, without their values."""
    return models.TokensReply(tokens=[_token(each) for each in call.services.tokens.all()])


def create_token(call: Call) -> models.TokenReply:
    """Make a token; its value is in this answer alone."""
    body = call.sent(models.TokenBody)
    scopes = _narrowed(call, body.scopes)
    lifetime = timedelta(days=body.expires_in_days) if body.expires_in_days else None
    made, value = call.services.tokens.create(
        body.name, body.role, tables=body.tables, scopes=scopes, lifetime=lifetime, by=call.caller.name
    )
    return _token(made).model_copy(update={"token": value})


def revoke_token(call: Call) -> models.TokenReply:
    """Make a token worthless, at once."""
    known = {each.id: each for each in call.services.tokens.all()}
    if call.path["id"] not in known:
        raise Problem(404, "there is no such token", remedy="GET /tokens lists those there are")
    return _token(call.services.tokens.revoke(call.path["id"], by=call.caller.name))


def _narrowed(call: Call, wanted: Collection[Scope] | None) -> Collection[Scope] | None:
    """Nobody makes a token that may do more than their own."""
    own = call.caller.scopes
    if own is None or wanted is None:
        return wanted if own is None else own
    if missing := sorted(set(wanted) - own):
        raise Problem(403, f"scopes: your token has none of {', '.join(missing)}", place="body: scopes")
    return wanted


def _token(each: Token) -> models.TokenReply:
    return models.TokenReply(
        id=each.id,
        name=each.name,
        role=each.role,
        tables=sorted(each.tables) if each.tables is not None else None,
        scopes=sorted(each.scopes) if each.scopes is not None else None,
        created=each.created,
        created_by=each.created_by,
        expires=each.expires,
    )
