"""API tokens: 256 random bits, shown once, kept as a salted hash.

State partition ``api``: ``token/<id>`` holds a token's name, role, tables, scopes, salt, hash and expiry. Each change
is committed with its audit entry (subject ``token/<name>``).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mantissa_core.errors import MantissaError
from mantissa_core.model import Put
from mantissa_core.state import State, audit

from .caller import Caller
from .roles import Role
from .scopes import Scope

PARTITION = "api"
PREFIX = "mlog"
"""What tokens begin with, so that scanners of leaked secrets can tell them."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_TOKEN = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")
_DUMMY_SALT = "00" * 16


class TokenError(MantissaError):
    """A token cannot be made or revoked as asked."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; its value is not. ``tables`` and ``scopes`` limit it; ``None``: not at all."""

    id: str
    name: str
    role: Role
    tables: frozenset[str] | None
    scopes: frozenset[Scope] | None
    created: datetime
    created_by: str
    expires: datetime | None

    def caller(self) -> Caller:
        """Who shows it."""
        return Caller(f"token/{self.id}", self.name, self.role, self.tables, self.scopes)


class Tokens:
    """The tokens in a state store."""

    def __init__(self, state: State, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock

    def create(
        self,
        name: str,
        role: Role,
        *,
        tables: Collection[str] | None = None,
        scopes: Collection[Scope] | None = None,
        lifetime: timedelta | None = None,
        by: str,
    ) -> tuple[Token, str]:
        """Make a token, and return it with its value, which is kept nowhere.

        Raises:
            TokenError: the name cannot be one, a valid token has it already, or the role does not have a scope.
        """
        if not NAME.fullmatch(name):
            raise TokenError("name: expected up to 64 letters, digits, '_', '-', '.' or '@'")
        if any(each.name == name for each in self.all()):
            raise TokenError(f"there is a token {name} already: revoke it first, or choose another name")
        if beyond := sorted(each for each in scopes or () if not role.includes(each.role)):
            raise TokenError(f"the role {role} does not have the scope {beyond[0]}: that takes {beyond[0].role}")
        now, secret, salt = self._clock(), secrets.token_urlsafe(32), secrets.token_hex(16)
        expires = now + lifetime if lifetime else None
        limited = frozenset(tables) if tables is not None else None
        meant = frozenset(scopes) if scopes is not None else None
        made = Token(secrets.token_hex(8), name, role, limited, meant, now, by, expires)
        document = {**_document(made), "salt": salt, "hash": _hash(salt, secret)}
        told = audit.entry(f"token/{name}", "created", by, now, id=made.id, **_told(made))
        self._state.commit(PARTITION, [Put(_key(made.id), document, expires), told], {_key(made.id): 0})
        return made, f"{PREFIX}_{made.id}_{secret}"

    def all(self) -> list[Token]:
        """Those that are valid, by name."""
        found = (_token(each.value) for each in self._state.scan(PARTITION, "token/"))
        now = self._clock()
        return sorted((each for each in found if _valid(each, now)), key=lambda each: each.name)

    def revoke(self, name: str, *, by: str) -> Token:
        """Make a token worthless, at once; by its name or id.

        Raises:
            TokenError: there is none.
        """
        found = next((each for each in self.all() if name in (each.name, each.id)), None)
        if found is None:
            raise TokenError(f"there is no token {name}; 'mantissa tokens list' shows those there are")
        told = audit.entry(f"token/{found.name}", "revoked", by, self._clock(), id=found.id)
        self._state.commit(PARTITION, [Put(_key(found.id), None), told])
        return found

    def caller(self, text: str) -> Caller | None:
        """Who shows this text; ``None`` where it is no valid token. Looked up at each call: a revoked one is out."""
        parts = _TOKEN.fullmatch(text)
        if parts is None:
            return None
        document = self._state.get(PARTITION, _key(parts[1]))
        known: Mapping[str, Any] = document.value if document else {"salt": _DUMMY_SALT, "hash": ""}
        right = hmac.compare_digest(_hash(known["salt"], parts[2]), known["hash"])
        if document is None or not right:
            return None
        found = _token(document.value)
        return found.caller() if _valid(found, self._clock()) else None


def _hash(salt: str, secret: str) -> str:
    """One round is enough: the secret has 256 random bits, so there is nothing to guess."""
    return hmac.new(bytes.fromhex(salt), secret.encode(), hashlib.sha256).hexdigest()


def _key(token_id: str) -> str:
    return f"token/{token_id}"


def _valid(token: Token, now: datetime) -> bool:
    return token.expires is None or now < token.expires


def _told(token: Token) -> dict[str, Any]:
    return {
        "role": token.role.value,
        "tables": sorted(token.tables) if token.tables is not None else None,
        "scopes": sorted(token.scopes) if token.scopes is not None else None,
        "expires": token.expires.isoformat() if token.expires else None,
    }


def _document(token: Token) -> dict[str, Any]:
    about = {"id": token.id, "name": token.name, "created_by": token.created_by}
    return {**about, **_told(token), "created": token.created.isoformat()}


def _token(value: Mapping[str, Any]) -> Token:
    return Token(
        value["id"],
        value["name"],
        Role(value["role"]),
        frozenset(value["tables"]) if value["tables"] is not None else None,
        _scopes(value.get("scopes")),  # tokens of before there were scopes have none
        datetime.fromisoformat(value["created"]),
        value["created_by"],
        datetime.fromisoformat(value["expires"]) if value["expires"] else None,
    )


def _scopes(names: Collection[str] | None) -> frozenset[Scope] | None:
    """Those that this version knows; one that it does not know is nothing that the token may do."""
    return frozenset(Scope(each) for each in names if each in set(Scope)) if names is not None else None
