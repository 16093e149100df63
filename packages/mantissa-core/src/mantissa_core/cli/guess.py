"""What kind of log a file is: by where it lies, else by what its first records look like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from mantissa_core.errors import LogTypeError, MantissaError
from mantissa_core.hookspecs import Parser
from mantissa_core.model import Blob, LogType

LAYOUTS = (
    re.compile(r"/(?P<source>[^/]+)/raw/\d{4}/\d{2}/\d{2}/\d{2}/"),
    re.compile(r"/logs/(?P<source>[^/]+)/year=\d{4}/month=\d{2}/day=\d{2}/hour=\d{2}/"),
)
"""Folders that name the source: the raw archive's, and the older one of partitioned logs."""

SAMPLE = 20
"""Records of a file that are looked at."""
ENOUGH = 0.6
"""Share of the records' fields that the log type must declare. Vendors' formats overlap by a third at most."""
FEWEST = 3
"""Different fields that must be known: a name or two are in every log."""
AHEAD = 0.2
"""How far the best log type must be ahead of the second."""

Decoders = Callable[[str], Parser]


class Guesser:
    """Guesses log types. ``decoders`` gives a parser plugin by name."""

    def __init__(self, log_types: Iterable[LogType], decoders: Decoders) -> None:
        self._log_types, self._decoders = list(log_types), decoders

    def guess(self, file: Path) -> LogType:
        """The log type of ``file``.

        Raises:
            LogTypeError: no log type fits, or several do about as well; the message lists what there is.
        """
        return self._by_layout(file) or self._by_content(file)

    def _by_layout(self, file: Path) -> LogType | None:
        path = file.absolute().as_posix()
        for layout in LAYOUTS:
            if found := layout.search(path):
                return self.named(found["source"])
        return None

    def named(self, source: str) -> LogType | None:
        """The one log type that ``source`` may stand for: its name or table, a part of the name, a synonym."""
        word = source.lower()
        for names in (_names, _parts):
            if len(found := [each for each in self._log_types if word in names(each)]) == 1:
                return found[0]
        return None

    def _by_content(self, file: Path) -> LogType:
        samples = {name: self._sample(name, file) for name in {each.decoder for each in self._log_types}}
        scored = sorted(
            ((_likeness(each, samples[each.decoder]), each) for each in self._log_types),
            key=lambda pair: (-pair[0], pair[1].name),
        )
        if not scored or scored[0][0] < ENOUGH:
            raise LogTypeError(f"{file}: its records look like no known log type; {self._remedy()}")
        if len(scored) > 1 and scored[0][0] - scored[1][0] < AHEAD:
            raise LogTypeError(f"{file}: may be {scored[0][1].name} or {scored[1][1].name}; {self._remedy()}")
        return scored[0][1]

    def _remedy(self) -> str:
        return f"name one with --type: {', '.join(sorted(each.name for each in self._log_types))}"

    def _sample(self, decoder: str, file: Path) -> list[Mapping[str, Any]]:
        from mantissa_core.parse.compression import open_blob

        blob = open_blob(Blob(str(file), str(file), lambda: file.open("rb")))
        try:
            decoded = self._decoders(decoder).decode(blob)
            return list(islice((event for step in decoded for event in _objects(step.records)), SAMPLE))
        except MantissaError:
            return []  # this decoder cannot read it; another may


def _names(log_type: LogType) -> set[str]:
    return {log_type.name, log_type.table}


def _parts(log_type: LogType) -> set[str]:
    return {*log_type.name.split("."), *(word.lower() for word in log_type.synonyms)}


def _objects(records: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    for record in records:
        try:
            event = json.loads(record)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _likeness(log_type: LogType, events: list[Mapping[str, Any]]) -> float:
    """0 to 1: the share of the events' fields that the log type declares; 0 where those are too few to tell."""
    known = {path[0] for path in log_type.by_path}
    fields = [key for event in events for key in event]
    declared = [key for key in fields if key in known]
    return len(declared) / len(fields) if len(set(declared)) >= FEWEST else 0.0
