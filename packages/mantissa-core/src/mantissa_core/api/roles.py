"""What a person or program may do."""

from __future__ import annotations

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
