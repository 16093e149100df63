"""The query worker: ``python -m mantissa_core.query.worker``, a process that can be killed without harm.

It reads requests from standard input and answers on standard output, until the input ends. It holds no secret and
no handle to anything but the files it is told of, and it caps its own memory.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import duckdb
import pyarrow as pa

from mantissa_core.errors import QueryError

from .database import Answer, Database, Definition
from .footers import Footers
from .frames import read_frame, table_from_bytes, table_to_bytes, write_frame
from .guard import Statement, check, first_line
from .limits import Limits

_DATABASES = 4
_DEFINITIONS = 10_000
_HEADROOM = 3 << 30  # address space of the interpreter, its libraries and thread stacks

Ask = Callable[[list[str]], list[dict[str, Any]]]


class Worker:
    """Serves requests one after another. ``limits`` hold for each database it keeps."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": "false"})
        self._footers = Footers()
        self._definitions: dict[tuple[str, str], Definition] = {}
        self._databases: OrderedDict[tuple[tuple[str, str], ...], Database] = OrderedDict()

    def answer(self, request: Mapping[str, Any], parameters: Mapping[str, Any], ask: Ask) -> Answer | tuple[int, int]:
        """Run or estimate; ``ask`` fetches the definitions of tables by name.

        Raises:
            QueryError: the statement is refused or fails.
        """
        statement = check(self._parser, request["sql"], request["tables"], request["known"])
        database = self._database(statement, request["tables"], ask)
        if request["op"] == "estimate":
            return database.estimate(statement, parameters)
        return database.run(statement, parameters, request["max_rows"])

    def _database(self, statement: Statement, digests: Mapping[str, str], ask: Ask) -> Database:
        """The database for the tables in use, as of these digests."""
        definitions = {
            each.name: each for name in sorted(statement.tables) for each in self._needed(name, digests, ask)
        }
        key = tuple((name, digests[name]) for name in definitions)
        if key not in self._databases:
            self._databases[key] = Database(definitions.values(), self._limits, self._footers)
            if len(self._databases) > _DATABASES:
                self._databases.popitem(last=False)[1].close()
        self._databases.move_to_end(key)
        return self._databases[key]

    def _needed(
        self, name: str, digests: Mapping[str, str], ask: Ask, above: tuple[str, ...] = ()
    ) -> Iterator[Definition]:
        """The tables below a view, then the view itself."""
        if name in above:
            raise QueryError(f"the view {name} is defined by itself: {' -> '.join((*above, name))}")
        definition = self._definition(name, digests[name], ask)
        if definition.sql is not None:
            for below in sorted(check(self._parser, definition.sql, digests).tables):
                yield from self._needed(below, digests, ask, (*above, name))
        yield definition

    def _definition(self, name: str, digest: str, ask: Ask) -> Definition:
        if (name, digest) not in self._definitions:
            if len(self._definitions) > _DEFINITIONS:
                self._definitions.clear()
            self._definitions[name, digest] = Definition(**ask([name])[0])
        return self._definitions[name, digest]


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the requests end. The first one carries the limits."""
    hello, _ = read_frame(requests)
    _cap_memory(hello["memory_bytes"])
    worker = Worker(Limits(**hello["limits"]))

    def ask(names: list[str]) -> list[dict[str, Any]]:
        write_frame(answers, {"status": "need", "names": names})
        tables: list[dict[str, Any]] = read_frame(requests)[0]["tables"]
        return tables

    write_frame(answers, {"status": "ready"})
    while True:
        try:
            request, body = read_frame(requests)
        except EOFError:
            return
        try:
            result = worker.answer(request, _parameters(body), ask)
            _reply(answers, result)
        except QueryError as error:
            write_frame(answers, {"status": "error", "message": str(error)})
        except (MemoryError, duckdb.Error, pa.ArrowException) as error:
            write_frame(answers, {"status": "error", "message": first_line(str(error)) or type(error).__name__})


def _reply(answers: IO[bytes], result: Answer | tuple[int, int]) -> None:
    if isinstance(result, Answer):
        header = {"status": "rows", "truncated": result.truncated, "scanned": result.scanned}
        write_frame(answers, header, table_to_bytes(result.rows))
    else:
        write_frame(answers, {"status": "estimate", "bytes": result[0], "files": result[1]})


def _parameters(body: bytes) -> dict[str, Any]:
    rows: list[dict[str, Any]] = table_from_bytes(body).to_pylist() if body else []
    return rows[0] if rows else {}


def _cap_memory(size: int) -> None:
    """Let an allocation that the engine does not count fail here instead of taking the machine down."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = 2 * size + _HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    """Serve on the standard streams, which nothing else may write to."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # DuckDB advises another call for speed; that one cannot take a limit and parameters in one go.
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
    pa.set_cpu_count(1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
