"""What a token is for: a part of what its role may do, never more."""

from __future__ import annotations

from enum import StrEnum

from .roles import Role


class Scope(StrEnum):
    """A part of the API."""

    SCHEMA_READ = "schema:read"
    METRICS_READ = "metrics:read"
    ASK = "ask"
    """Questions, conversations, saved questions."""
    QUERY = "query"
    """Statements in SQL."""
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    RULES_READ = "rules:read"
    """Schedules among them."""
    RULES_WRITE = "rules:write"
    INTEGRATIONS_READ = "integrations:read"
    INTEGRATIONS_WRITE = "integrations:write"
    TOKENS = "tokens"
    AUDIT_READ = "audit:read"

    @property
    def role(self) -> Role:
        """The least role that has it."""
        return _ROLES.get(self, Role.VIEWER)


_ROLES = {
    Scope.ASK: Role.ANALYST,
    Scope.QUERY: Role.ANALYST,
    Scope.ALERTS_WRITE: Role.ANALYST,
    Scope.RULES_WRITE: Role.ENGINEER,
    Scope.INTEGRATIONS_WRITE: Role.ENGINEER,
    Scope.TOKENS: Role.ADMIN,
    Scope.AUDIT_READ: Role.ADMIN,
}
