"""What is installed: plugins by kind and name, log types and rule packs. The only module that knows stevedore.

Nothing is imported until it is asked for by name, and nothing runs because it is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import attrgetter
from typing import Any

from stevedore.exception import MultipleMatches
from stevedore.extension import error_on_conflict
from stevedore.named import NamedExtensionManager

from .errors import PluginError

LOG_TYPES = "mantissa.log_types"
RULE_PACKS = "mantissa.rule_packs"
SQL_DIALECTS = "mantissa.sql_dialects"


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin that could be loaded: its name, and the distribution that brought it."""

    group: str
    name: str
    target: str
    distribution: str
    version: str


class _Drivers(NamedExtensionManager[Any]):
    """Named drivers, read from live metadata.

    Stevedore's own listing goes through a cache on disk that misses a plugin reinstalled within two minutes and
    forgets which distribution an entry point came from. Sorting puts equal names side by side, where its
    conflict check sees them.
    """

    def list_entry_points(self) -> list[EntryPoint]:
        return sorted(entry_points(group=self.namespace), key=attrgetter("name"))


def installed(group: str) -> list[Installed]:
    """Every plugin in ``group``, by name, without importing any of them."""
    listed = _Drivers(group, names=(), on_missing_entrypoints_callback=None).list_entry_points()
    return [_describe(group, entry) for entry in listed]


def load(group: str, name: str) -> type[Any]:
    """Import one plugin.

    Raises:
        PluginError: it is not installed, two distributions claim the name, or its import fails in any way.
    """
    _refuse_duplicates(group, name)
    failures: list[BaseException] = []
    try:
        drivers = _Drivers(
            group,
            names=(name,),
            conflict_resolver=error_on_conflict,
            on_load_failure_callback=lambda _manager, _entry, error: failures.append(error),
            on_missing_entrypoints_callback=None,
        )
        if name in drivers:
            plugin = drivers[name].plugin
            if not isinstance(plugin, type):
                raise PluginError(name, f"its entry point is a {type(plugin).__name__}, expected a class")
            return plugin
    except (MultipleMatches, AssertionError, SystemExit) as error:  # stevedore lets these through
        failures.append(error)
    if failures:
        raise PluginError(name, f"could not be imported: {failures[0]!r}") from failures[0]
    names = ", ".join(each.name for each in installed(group)) or "none"
    raise PluginError(name, f"is not installed in {group} (installed: {names})")


def data(group: str) -> list[tuple[Installed, Traversable]]:
    """The folders of a data group (log types, rule packs), by name. An entry point's target is a package.

    A package that cannot be imported is left out, with a warning: the others are not its business.
    """
    found: list[tuple[Installed, Traversable]] = []
    for each in installed(group):
        try:
            found.append((each, folder(each)))
        except PluginError as error:
            _warn(each, error)
    return found


def folder(entry: Installed) -> Traversable:
    """The folder of one entry of a data group.

    Raises:
        PluginError: its target is no package, or importing that fails in any way.
    """
    where = f"{entry.distribution} {entry.version}, entry point {entry.name} of {entry.group}"
    try:
        package = import_module(entry.target)
        if not hasattr(package, "__path__"):
            raise PluginError(where, f"{entry.target} is a module, expected a package with data files")
        return files(package)
    except PluginError:
        raise
    except (Exception, SystemExit) as error:  # whatever it does at import
        raise PluginError(where, f"{entry.target} could not be imported: {error!r}") from error


def _warn(entry: Installed, error: PluginError) -> None:
    import structlog

    log = structlog.get_logger(__name__)
    log.warning("data left out", distribution=entry.distribution, entry_point=entry.name, reason=error.reason)


def _refuse_duplicates(group: str, name: str) -> None:
    claims: Sequence[Installed] = [each for each in installed(group) if each.name == name]
    if len({(claim.distribution, claim.target) for claim in claims}) > 1:
        both = " and ".join(f"{claim.distribution} {claim.version}" for claim in claims)
        raise PluginError(name, f"is claimed by {both}: both are refused, uninstall one")


def _describe(group: str, entry: EntryPoint) -> Installed:
    dist = entry.dist
    return Installed(group, entry.name, entry.value, dist.name if dist else "?", dist.version if dist else "?")
