"""Compiled rules kept between starts: compiling thousands takes seconds, reading them a fraction of one.

One file of plain data, an entry for each rule file: found by a hash of the file's text, the placeholders' values and
everything that takes part in compiling, so an entry is never out of date. A file that cannot be read as exactly that
is ignored and written anew. Whoever can write to the cache decides what rules mean, as with the rules themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from mantissa_core.detect.ir.codec import StoredNode, restored, stored
from mantissa_core.model import Severity
from mantissa_core.model.log_type import LogSource
from mantissa_core.state.atomic_file import replace

from .attributes import Stage

if TYPE_CHECKING:
    from mantissa_core.detect.ir.compile import Placeholders

    from .rule import Rule

COMPILER = ("rules", "ir", "correlate")
"""The packages of :mod:`mantissa_core.detect` whose text decides what a rule compiles to."""

DISTRIBUTIONS = ("mantissa-core", "pysigma", "google-re2", "pyyaml")
"""The packages whose versions do."""

LARGEST = 1 << 28
"""Bytes of a cache file that are read; what is larger was not written here."""

_log = structlog.get_logger(__name__)


class StoredRule(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A rule without its text and place, which the file itself tells."""

    id: str
    name: str
    title: str
    severity: Severity
    logsource: tuple[str | None, str | None, str | None]
    ir: StoredNode
    description: str
    author: str
    tags: tuple[str, ...]
    references: tuple[str, ...]
    falsepositives: tuple[str, ...]
    fields: tuple[str, ...]
    group_by: tuple[str, ...]
    warnings: tuple[str, ...]
    keeps: tuple[str, ...]
    silent: bool
    stage: Stage
    owner: str
    modified: str
    alert_window: float | None


_decoder = msgspec.msgpack.Decoder(dict[str, tuple[StoredRule, ...]])


class RuleCache:
    """The compiled rules of rule files that hold nothing but plain rules. For one load at a time."""

    def __init__(self, file: Path, placeholders: Placeholders | None = None) -> None:
        self._file = file
        self._stamp = f"{_compiler()}\n{json.dumps(placeholders or {}, sort_keys=True, default=str)}\n".encode()
        self._stored = _read(file)
        self._used: dict[str, tuple[StoredRule, ...]] = {}

    def get(self, text: str, source: str) -> list[Rule] | None:
        """The rules of a file with this text, or ``None`` where they must be compiled."""
        key = self._key(text)
        if (found := self._stored.get(key)) is None:
            return None
        self._used[key] = found
        many = len(found) > 1
        places = [f"{source} (document {number})" if many else source for number in range(1, len(found) + 1)]
        return [_rule(each, text, place) for each, place in zip(found, places, strict=True)]

    def keep(self, text: str, rules: Sequence[Rule]) -> None:
        """Remember what a file's text compiled to: one plain rule for each of its documents."""
        self._used[self._key(text)] = tuple(map(_stored_rule, rules))

    def save(self) -> None:
        """Write what was used since the cache was made, if that is not what the file holds.

        Other processes see the former file or the new one. A place that takes no file is reported, and no error.
        """
        if self._used.keys() == self._stored.keys():
            return
        try:
            replace(self._file, msgspec.msgpack.encode(self._used))
        except (OSError, OverflowError) as error:  # the latter: a number beyond 64 bits
            _log.info("compiled rules are not kept", file=str(self._file), error=str(error))
            return
        self._stored = self._used

    def _key(self, text: str) -> str:
        return hashlib.sha256(self._stamp + text.encode()).hexdigest()


def _rule(found: StoredRule, text: str, source: str) -> Rule:
    from .rule import Rule

    product, service, category = found.logsource
    return Rule(
        id=found.id,
        name=found.name,
        title=found.title,
        severity=found.severity,
        logsource=LogSource(product=product, service=service, category=category),
        ir=restored(found.ir),
        text=text,
        source=source,
        description=found.description,
        author=found.author,
        tags=found.tags,
        references=found.references,
        falsepositives=found.falsepositives,
        fields=found.fields,
        group_by=found.group_by,
        warnings=found.warnings,
        keeps=found.keeps,
        silent=found.silent,
        stage=found.stage,
        owner=found.owner,
        modified=found.modified,
        alert_window=None if found.alert_window is None else timedelta(seconds=found.alert_window),
    )


def _stored_rule(rule: Rule) -> StoredRule:
    source = rule.logsource
    return StoredRule(
        id=rule.id,
        name=rule.name,
        title=rule.title,
        severity=rule.severity,
        logsource=(source.product, source.service, source.category),
        ir=stored(rule.ir),
        description=rule.description,
        author=rule.author,
        tags=rule.tags,
        references=rule.references,
        falsepositives=rule.falsepositives,
        fields=rule.fields,
        group_by=rule.group_by,
        warnings=rule.warnings,
        keeps=rule.keeps,
        silent=rule.silent,
        stage=rule.stage,
        owner=rule.owner,
        modified=rule.modified,
        alert_window=None if rule.alert_window is None else rule.alert_window.total_seconds(),
    )


@cache
def _compiler() -> str:
    """Changes with whatever may change what a rule compiles to."""
    digest = hashlib.sha256()
    for name in DISTRIBUTIONS:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for folder in COMPILER:
        modules = resources.files("mantissa_core.detect").joinpath(folder).iterdir()
        for module in sorted(modules, key=lambda each: each.name):
            if module.name.endswith(".py"):
                digest.update(module.read_bytes())
    return digest.hexdigest()


def _read(file: Path) -> dict[str, tuple[StoredRule, ...]]:
    try:
        if file.stat().st_size > LARGEST:
            return {}
        return _decoder.decode(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, RecursionError, ValueError) as error:
        _log.info("compiled rules are made anew", file=str(file), error=str(error))
        return {}
