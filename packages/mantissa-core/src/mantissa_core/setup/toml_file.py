"""Changing single sections of ``mantissa.toml``: comments, order and everything else stay as they are."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container, OutOfOrderTableProxy
from tomlkit.items import Comment, Item, Table, Whitespace

from mantissa_core.config import load
from mantissa_core.errors import ConfigError
from mantissa_core.references import stored_names
from mantissa_core.state import atomic_file

Changes = Mapping[tuple[str, str], Mapping[str, Any] | None]
"""New contents of sections ``[<section>.<label>]``; ``None`` takes one out."""


class TomlFile:
    """A configuration file. What is written was loaded first: a change that it would refuse leaves the file alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes that change the file this way out."""
        with atomic_file.locked(self.path):
            yield

    def values(self) -> dict[str, Any]:
        """What the file says.

        Raises:
            ConfigError: it is missing or no TOML.
        """
        load(self.path)
        return tomllib.loads(self._text())

    def secrets(self) -> set[str]:
        """The names of the secrets that the file refers to."""
        return stored_names(self.values())

    def change(self, changes: Changes) -> str:
        """The file's text with these sections changed, loaded and found right. Nothing is written.

        Raises:
            ConfigError: the configuration would be refused, or the file's layout is one that cannot be changed safely.
        """
        old = self._text()
        expected = _expected(tomllib.loads(old), changes)
        load({**expected, "home": str(self.path.parent)})
        for edit in (_edited, _appended):
            if (new := edit(old, changes)) is not None and _says(new, expected):
                return new
        sections = "\n".join(section_text(*place, values) for place, values in changes.items() if values is not None)
        raise ConfigError(str(self.path), "file", "a layout that is not understood", f"an edit by hand:\n{sections}")

    def write(self, text: str) -> None:
        """Replace the file; after a crash it is the old or the new. Its mode and owner stay."""
        atomic_file.replace(self.path, text.encode(), keep_access=True)

    def _text(self) -> str:
        return self.path.read_bytes().decode()


def section_text(section: str, label: str, values: Mapping[str, Any]) -> str:
    """A section as it stands in the file."""
    document = tomlkit.document()
    outer = tomlkit.table(is_super_table=True)
    outer.add(label, _table(values))
    document.add(section, outer)
    return tomlkit.dumps(document)


def names_sink(values: Mapping[str, Any], label: str) -> list[str]:
    """The routes and escalations that send alerts to a sink, as ``routes.night``."""
    return [
        f"{section}.{name}"
        for section in ("routes", "escalations")
        for name, content in values.get(section, {}).items()
        if any(label in each.get("to", ()) for each in (content, *content.get("steps", ())))
    ]


def _expected(values: dict[str, Any], changes: Changes) -> dict[str, Any]:
    result = copy.deepcopy(values)
    for (section, label), content in changes.items():
        labels = result.setdefault(section, {})
        if content is None:
            labels.pop(label, None)
        else:
            labels[label] = _plain(content)
        if not labels:
            del result[section]
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _says(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return {name: value for name, value in found.items() if value != {} or name in expected} == expected


def _appended(text: str, changes: Changes) -> str | None:
    """The new sections at the end: always possible where nothing else changes."""
    new = [section_text(*place, values) for place, values in changes.items() if values is not None]
    return "\n".join([f"{text.rstrip()}\n", *new]) if len(new) == len(changes) else None


def _edited(text: str, changes: Changes) -> str | None:
    document = tomlkit.parse(text)
    for (section, label), values in changes.items():
        labels = document.get(section)
        if isinstance(labels, OutOfOrderTableProxy) or not isinstance(labels, (Table, type(None))):
            return None
        if values is None:
            _remove(document, section, label)
        elif labels is None:
            return _appended(text, changes)
        elif label in labels:
            _replace(labels, label, values)
        else:
            _add(labels, label, values)
    return tomlkit.dumps(document)


def _add(labels: Table, label: str, values: Mapping[str, Any]) -> None:
    """Behind the last section of its kind, before the comments that follow that and tell of something else."""
    last = _last_table(labels)
    following = _take_following(last) if last is not None else []
    table = _table(values)
    if last is not None and following:
        last.add(tomlkit.nl())
    labels.add(label, table)
    _put(table, following or [tomlkit.nl()])


def _replace(labels: Table, label: str, values: Mapping[str, Any]) -> None:
    """Keys that stay keep their place and comment."""
    table = labels[label]
    if not isinstance(table, Table):
        labels[label] = _table(values)
        return
    following = _take_following(_last_table(table) or table)
    for name in [name for name in table if name not in values]:
        table.remove(name)
    for name, value in values.items():
        if name not in table or table[name] != value:
            table[name] = _item(value)
    _put(_last_table(table) or table, following)


def _remove(document: tomlkit.TOMLDocument, section: str, label: str) -> None:
    """The comments behind it, which tell of something else, go to what stands before it."""
    labels = document[section]
    if not isinstance(labels, Table) or label not in labels:
        return
    table = labels[label]
    following = _take_following(_last_table(table) or table) if isinstance(table, Table) else []
    labels.remove(label)
    before = _last_before(document, section, labels)
    if not labels:
        document.remove(section)
    if any(isinstance(each, Comment) for each in following):
        if before is None:
            raise ConfigError("mantissa.toml", section, "comments behind the first section", "an edit by hand")
        _put(before, following)


def _last_before(document: tomlkit.TOMLDocument, section: str, labels: Table) -> Table | None:
    """The table that is written last before the one that is gone, where that was the last of its section."""
    if (last := _last_table(labels)) is not None:
        return last
    found: Table | None = None
    for key, item in document.body:
        if key is not None and key.key == section:
            break
        if isinstance(item, Table):
            found = _last_table(item) or item
    return found


def _last_table(table: Table) -> Table | None:
    """The table inside of this one that is written last."""
    inner = [item for _, item in table.value.body if isinstance(item, Table)]
    return (_last_table(inner[-1]) or inner[-1]) if inner else None


def _take_following(table: Table) -> list[Item]:
    """Take away what stands behind the first blank line after the last key: it does not tell of this table."""
    body = table.value.body
    at = len(body)
    while at and isinstance(body[at - 1][1], (Comment, Whitespace)):
        at -= 1
    while at < len(body) and not isinstance(body[at][1], Whitespace):
        at += 1
    taken = [item for _, item in body[at:]]
    del body[at:]
    return taken


def _put(table: Table, items: list[Item]) -> None:
    body: Container = table.value
    for each in items:
        body.body.append((None, each))


def _table(values: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for name, value in values.items():
        table.add(name, _item(value))
    return table


def _item(value: Any) -> Item:
    """Tables inside of a section are written on one line."""
    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for name, each in value.items():
            inline.add(name, _item(each))
        return inline
    if isinstance(value, (list, tuple)):
        array = tomlkit.array()
        for each in value:
            array.append(_item(each))
        return array
    item: Item = tomlkit.item(value)
    return item
