"""The backend's end of a worker process: start it, ask it, kill it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from mantissa_core.errors import QueryError

from .frames import read_frame, table_to_bytes, write_frame
from .limits import Limits

# The worker needs to find Python's libraries, and nothing else of ours: no credential is among these.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


class WorkerProcess:
    """One worker. Used by one caller at a time; :meth:`kill` may come from any thread."""

    def __init__(self, limits: Limits, memory_bytes: int) -> None:
        self._reason = "the query process ended: the query probably needed more memory than it may use"
        self._killed = False
        self._process = subprocess.Popen(  # our own interpreter and module
            [sys.executable, "-P", "-m", "mantissa_core.query.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl+C is for the caller, which stops the worker itself
        )
        self.exchange({"limits": asdict(limits), "memory_bytes": memory_bytes}, None, {})

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def exchange(
        self,
        request: Mapping[str, Any],
        parameters: Mapping[str, Any] | None,
        definitions: Mapping[str, Mapping[str, Any]],
        timeout: float | None = None,
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer's header and body, handing out definitions as asked.

        Raises:
            QueryError: the statement was refused or failed, took longer than ``timeout`` seconds or was killed.
        """
        body = _row(parameters) if parameters else b""
        timer = (
            threading.Timer(timeout, self.kill, (f"the query took longer than {timeout:.3g} s",)) if timeout else None
        )
        try:
            if timer:
                timer.daemon = True
                timer.start()
            answer, rows = self._converse(request, body, definitions)
        except (EOFError, OSError):
            self.kill()
            raise QueryError(self._reason) from None
        finally:
            if timer:
                timer.cancel()
        if answer["status"] == "error":
            raise QueryError(answer["message"])
        return answer, rows

    def kill(self, reason: str | None = None) -> None:
        """End the process at once; whoever waits for it gets ``QueryError`` with the reason."""
        self._reason = reason or self._reason
        self._killed = True
        self._process.kill()

    def close(self) -> None:
        """End the process and free what belongs to it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):  # a request that was under way when the process died cannot be flushed
                    stream.close()

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return not self._killed and self._process.poll() is None

    def _converse(
        self, request: Mapping[str, Any], body: bytes | pa.Buffer, definitions: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, Any], bytes]:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise EOFError
        write_frame(requests, request, body)
        while True:
            answer, rows = read_frame(answers)
            if answer["status"] != "need":
                return answer, rows
            write_frame(requests, {"tables": [definitions[name] for name in answer["names"]]})


def _row(parameters: Mapping[str, Any]) -> pa.Buffer:
    """The parameters as a table of one row: their types survive the way."""
    columns: Sequence[pa.Array] = [_value(name, value) for name, value in parameters.items()]
    return table_to_bytes(pa.Table.from_arrays(columns, names=list(parameters)))


def _value(name: str, value: Any) -> pa.Array:
    try:
        return pa.array([value])
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise QueryError(f"the parameter ${name} cannot be sent: {error}") from None
