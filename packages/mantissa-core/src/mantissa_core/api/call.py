"""One request, as the handlers get it: who calls, what was sent, and what there is to answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from mantissa_core.model import Put
from mantissa_core.state import audit

from .caller import Caller
from .file import JSON
from .problem import Problem
from .scopes import Scope

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

    from .executions import Executions
    from .tokens import Tokens

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Services:
    """What lives as long as the server."""

    runtime: Runtime
    tokens: Tokens
    executions: Executions


@dataclass(frozen=True)
class Call:
    """A request that was let in; ``path`` holds the parts of its path, ``body`` and ``query`` are validated.

    ``media_type`` is what the answer should come as.
    """

    services: Services
    caller: Caller
    path: Mapping[str, str]
    body: BaseModel | None = None
    query: BaseModel | None = None
    media_type: str = JSON

    @property
    def runtime(self) -> Runtime:
        """The instance."""
        return self.services.runtime

    def require(self, scope: Scope) -> None:
        """Go on only where the token is for that.

        Raises:
            Problem: 403.
        """
        if not self.caller.has(scope):
            raise not_for(self.caller, [scope])

    def sent(self, model: type[M]) -> M:
        """The body."""
        assert isinstance(self.body, model)  # the route's own  # noqa: S101
        return self.body

    def asked(self, model: type[M]) -> M:
        """The query parameters."""
        assert isinstance(self.query, model)  # noqa: S101
        return self.query

    def note(self, partition: str, subject: str, action: str, **facts: Any) -> None:
        """Write down who does what, before it is done."""
        entry = audit.entry(subject, action, self.caller.name, datetime.now(UTC), caller=self.caller.id, **facts)
        self._commit(partition, entry)

    def note_query(self, sql: str, outcome: str, **facts: Any) -> None:
        """Write down who asked what."""
        entry = audit.query_entry(self.caller.name, datetime.now(UTC), sql, outcome, caller=self.caller.id, **facts)
        self._commit(audit.PARTITION, entry)

    def _commit(self, partition: str, entry: Put) -> None:
        self.runtime.state.commit(partition, [entry])


def not_for(caller: Caller, wanted: Sequence[Scope]) -> Problem:
    """403: the token is for other things (RFC 6750, section 3.1)."""
    names, has = " or ".join(wanted), ", ".join(sorted(caller.scopes or ())) or "none"
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(wanted)}"'
    return Problem(403, f"this takes the scope {names}, the token has {has}", headers={"WWW-Authenticate": challenge})
