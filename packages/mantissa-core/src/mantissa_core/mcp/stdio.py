"""Over standard input and output: for a client that starts the server itself. Its user is the system's."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.stdio import stdio_server

from mantissa_core.api.caller import Caller
from mantissa_core.api.roles import Role
from mantissa_core.state.audit import this_user

from .lines import Lines
from .server import Who, build

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime


def serve(runtime: Runtime, role: Role, tables: Collection[str] | None) -> None:
    """Answer until standard input ends, SIGTERM or SIGINT. Standard output gets the protocol and nothing else."""
    name = this_user()
    who = Who(Caller(f"os/{name}", name, role, frozenset(tables) if tables is not None else None), name)
    incoming = os.dup(0)
    with open(os.devnull, "rb") as nothing:  # what is started from here reads no message
        os.dup2(nothing.fileno(), 0)
    anyio.run(_serve, runtime, who, incoming)


async def _serve(runtime: Runtime, who: Who, incoming: int) -> None:
    server = build(runtime, lambda _: who)
    lines: Any = Lines(incoming)  # all that the SDK does with its file is to iterate
    async with anyio.create_task_group() as group:
        group.start_soon(_stop_at_signal, group.cancel_scope)
        async with stdio_server(stdin=lines) as (messages, answers):
            await server.run(messages, answers, server.create_initialization_options())
        group.cancel_scope.cancel()


async def _stop_at_signal(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":  # there Ctrl-C ends the process
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return
