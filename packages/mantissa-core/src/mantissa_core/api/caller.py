"""Who is calling, and what that person or program may do and see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from .roles import Role
from .scopes import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who proved who they are.

    ``id`` tells callers of one name apart: ``token/<id>`` or ``oidc/<subject>``. ``tables`` are those that they may
    see, ``scopes`` what they may do of what their role may; ``None``: all of them.
    """

    id: str
    name: str
    role: Role
    tables: frozenset[str] | None = None
    scopes: frozenset[Scope] | None = None

    def sees(self, table: str) -> bool:
        """Whether rows of a table may be shown to them."""
        return self.tables is None or table in self.tables

    def has(self, scope: Scope) -> bool:
        """Whether their token is for that."""
        return self.scopes is None or scope in self.scopes

    def may(self, scope: Scope) -> bool:
        """Whether both their role and their token let them."""
        return self.role.includes(scope.role) and self.has(scope)

    def within(self, tables: Collection[str] | None) -> Caller:
        """The same caller, limited further to these tables."""
        if tables is None:
            return self
        left = frozenset(tables) if self.tables is None else self.tables & frozenset(tables)
        return replace(self, tables=left)
