"""One request, as the handlers get it: who calls, what was sent, and what there is to answer with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from mantissa_core.model import Put
from mantissa_core.state import audit

from .roles import Caller

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

    from .asking import Asks
    from .executions import Executions
    from .tokens import Tokens

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Services:
    """What lives as long as the server."""

    runtime: Runtime
    tokens: Tokens
    executions: Executions
    asks: Asks


@dataclass(frozen=True)
class Call:
    """A request that was let in; ``path`` holds the parts of its path, ``body`` and ``query`` are validated."""

    services: Services
    caller: Caller
    path: Mapping[str, str]
    body: BaseModel | None = None
    query: BaseModel | None = None

    @property
    def runtime(self) -> Runtime:
        """The instance."""
        return self.services.runtime

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
