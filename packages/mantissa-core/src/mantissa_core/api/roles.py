"""Who is calling, and what that person or program may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do; each may do what those before it may."""

    VIEWER = "viewer"
    """Read alerts, rules, the schema."""
    ANALYST = "analyst"
    """Query, ask, take alerts over, judge them."""
    ENGINEER = "engineer"
    """Change rules, schedules and integrations."""
    ADMIN = "admin"
    """Create and revoke tokens, read the audit log."""

    def includes(self, other: Role) -> bool:
        """Whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who proved who they are. ``tables`` are those that they may see; ``None``: all of them.

    ``id`` tells callers of one name apart: ``token/<id>`` or ``oidc/<subject>``.
    """

    id: str
    name: str
    role: Role
    tables: frozenset[str] | None = None

    def sees(self, table: str) -> bool:
        """Whether rows of a table may be shown to them."""
        return self.tables is None or table in self.tables

    def within(self, tables: Collection[str] | None) -> Caller:
        """The same caller, limited further to these tables."""
        if tables is None:
            return self
        left = frozenset(tables) if self.tables is None else self.tables & frozenset(tables)
        return Caller(self.id, self.name, self.role, left)
