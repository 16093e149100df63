"""Saving a sink: its secrets in the secret store, its section in ``mantissa.toml``, and who did it in the audit trail.

Each step may be the last before a crash. Secrets come first, under names that nothing refers to yet; then the file is
replaced whole; then secrets go that nothing refers to any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mantissa_core.errors import ConfigError, MantissaError, PluginError
from mantissa_core.references import stored_names
from mantissa_core.state import audit

from .draft import Draft, draft
from .toml_file import Changes, TomlFile
from .trial import validate_draft

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

PARTITION = "setup"
"""Partition of the state store that holds the audit trail of the configuration."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What went with a sink. ``kept`` are secrets that it used and that were not stored for it alone."""

    label: str
    secrets: tuple[str, ...]
    kept: tuple[str, ...]


def save(
    runtime: Runtime,
    path: Path,
    sink_type: str,
    label: str,
    answers: Mapping[str, Any],
    *,
    replace: bool = False,
    by: str = "",
) -> Draft:
    """Save a sink in the configuration file at ``path``; what runs knows it after a restart.

    ``answers`` are the plugin's settings, credentials among them, and ``severity_filter``. ``by`` is who did it, by
    default the account of this process.

    Raises:
        ConfigError: the label is taken and ``replace`` is not set, or a setting is wrong; nothing was changed.
        PluginError: the sink is not installed or does not start with these settings; nothing was changed.
        SecretError: the secret store cannot write; nothing was changed.
    """
    file = TomlFile(path)
    with file.locked():
        new, text = prepare(runtime, file, sink_type, label, answers, replace=replace)
        if not (found := validate_draft(runtime, new, send_test=False, check=False)).success:
            raise PluginError(f"sinks/{label}", found.message)
        old = _own_secrets(file, label)
        facts = {"plugin": new.plugin, "settings": sorted(new.section)}
        with (
            _stored(runtime, new),
            _audited(runtime, label, "replaced" if label in _sinks(file) else "added", by, facts),
        ):
            file.write(text)
        _forget(runtime, old - file.secrets())
        return new


def prepare(
    runtime: Runtime, file: TomlFile, sink_type: str, label: str, answers: Mapping[str, Any], *, replace: bool = False
) -> tuple[Draft, str]:
    """What :func:`save` would write: the sink, and the whole file's new text."""
    new = draft(sink_type, label, answers, file.secrets())
    if label in _sinks(file) and not replace:
        raise ConfigError(str(file.path), f"sinks.{label}", "a sink of that name", "another label, or to replace it")
    return new, file.change({("sinks", label): new.section})


def remove(runtime: Runtime, path: Path, label: str, *, by: str = "") -> Removed:
    """Take a sink out of the configuration, and forget the secrets that were stored for it alone.

    Raises:
        ConfigError: there is none of that name.
    """
    file = TomlFile(path)
    with file.locked():
        _known(file, label)
        text = file.change({("sinks", label): None})
        used, own = stored_names(_sinks(file)[label]), _own_secrets(file, label)
        with _audited(runtime, label, "removed", by, {}):
            file.write(text)
        gone = own - file.secrets()
        _forget(runtime, gone)
    return Removed(label, tuple(sorted(gone)), tuple(sorted(used - gone)))


def switch(runtime: Runtime, path: Path, label: str, enabled: bool, *, by: str = "") -> None:
    """Enable or disable a sink.

    Raises:
        ConfigError: there is none of that name.
    """
    file = TomlFile(path)
    with file.locked():
        section = {**_known(file, label), "enabled": enabled}
        text = file.change({("sinks", label): section})
        with _audited(runtime, label, "enabled" if enabled else "disabled", by, {}):
            file.write(text)


def save_sections(runtime: Runtime, path: Path, subject: str, changes: Changes, *, by: str = "") -> None:
    """Save sections that hold no secrets, such as routes, all or none of them.

    Raises:
        ConfigError: the configuration would be refused; nothing was changed.
    """
    file = TomlFile(path)
    with file.locked():
        text = file.change(changes)
        facts = {"sections": [f"{section}.{label}" for section, label in changes]}
        with _audited(runtime, subject, "saved", by, facts, kind=""):
            file.write(text)


def _sinks(file: TomlFile) -> Mapping[str, Any]:
    found: Mapping[str, Any] = file.values().get("sinks", {})
    return found


def _known(file: TomlFile, label: str) -> Mapping[str, Any]:
    sinks = _sinks(file)
    if label not in sinks:
        known = f"one of {', '.join(sinks)}" if sinks else "one: there is no [sinks] section"
        raise ConfigError(str(file.path), f"sinks.{label}", "nothing", known)
    found: Mapping[str, Any] = sinks[label]
    return found


def _own_secrets(file: TomlFile, label: str) -> set[str]:
    """The secrets that were stored for a sink, by their name."""
    return {each for each in stored_names(_sinks(file).get(label, {})) if each.startswith(f"sinks/{label}/")}


def _forget(runtime: Runtime, names: set[str]) -> None:
    for name in sorted(names):
        runtime.secrets.delete_secret(name)


@contextmanager
def _stored(runtime: Runtime, new: Draft) -> Iterator[None]:
    """Store the secrets of a sink, and take them back where it is not saved."""
    try:
        for name, value in new.secrets.items():
            runtime.secrets.put_secret(name, value, None)
        yield
    except (OSError, MantissaError):
        _forget(runtime, set(new.secrets))
        raise


@contextmanager
def _audited(
    runtime: Runtime, subject: str, action: str, by: str, facts: Mapping[str, Any], kind: str = "sink/"
) -> Iterator[None]:
    """Note a change before it is made: one that failed is noted as such, none goes unnoted."""

    def note(done: str) -> None:
        who = by or audit.this_user()
        runtime.state.commit(PARTITION, [audit.entry(f"{kind}{subject}", done, who, datetime.now(UTC), **facts)])

    note(action)
    try:
        yield
    except (OSError, MantissaError):
        note(f"not {action}")
        raise
