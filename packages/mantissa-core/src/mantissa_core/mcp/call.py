"""One call of a tool: who calls with which client, and what there is to answer with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mantissa_core.api.caller import Caller
from mantissa_core.state import audit

if TYPE_CHECKING:
    from mantissa_core.mcp_section import McpSection
    from mantissa_core.runtime import Runtime


@dataclass(frozen=True)
class Call:
    """``owner`` is whose conversations a question may go on with; ``execution_id`` what the call is cancelled by.

    ``facts`` are what a handler has to tell the audit log besides who, when and with which client.
    """

    runtime: Runtime
    caller: Caller
    owner: str
    client: str
    execution_id: str
    facts: dict[str, Any] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the client wants no answer any more."""

    @property
    def limits(self) -> McpSection:
        """How much a result may hold."""
        return self.runtime.settings.mcp

    def note(self, tool: str, outcome: str) -> None:
        """Write down who called what, and what became of it."""
        now, told = datetime.now(UTC), {"client": self.client, "caller": self.caller.id, **self.facts}
        if "sql" in told:
            sql = str(told.pop("sql"))
            entry = audit.query_entry(self.caller.name, now, sql, outcome, tool=tool, **told)
        else:
            entry = audit.tool_entry(self.caller.name, now, tool, outcome, **told)
        self.runtime.state.commit(audit.PARTITION, [entry])
