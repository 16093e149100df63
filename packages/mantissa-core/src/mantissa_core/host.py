"""Running plugins. Every call is a hook call, so a policy can wrap any of them. The only module that calls pluggy."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pluggy

from . import catalog, contract, hookspecs
from .deadline import DeadlineExceeded, Workers
from .errors import MantissaError, PluginError
from .references import SecretSource
from .settings import configure, unfinished

K = TypeVar("K")

DEADLINE = 60.0
"""Seconds that a call may take unless ``SLOW`` or the label's ``deadline`` say otherwise."""

SLOW: Mapping[str, float | None] = {
    "listen": None,
    "run_query": 600.0,
    "read": 300.0,
    "decode": 300.0,
    "generate": 180.0,
    "generate_with_schema": 180.0,
    "stream": 180.0,  # for each piece
    "enrich": 10.0,
    "deliver": 45.0,  # below the outbox's lease: a message that is still under way is nobody else's
}

OPTIONAL = frozenset(
    {
        "check",
        "choices",
        "acknowledge",
        "estimate_query",
        "cancel_query",
        "generate_with_schema",
        "stream",
        "probe_action",
        "undo_action",
        "commands",
        "jobs",
        "detectors",
        "alert_created",
        "write_playbook",
    }
)
"""Hooks that a plugin of the kind may leave out."""

LEASED: Mapping[str, float] = {"deliver": 59.0, "alert_created": 45.0}
"""Hooks that end within the outbox's lease, whatever the label's ``deadline``: after it another process has a turn."""


@dataclass(frozen=True, slots=True)
class Running:
    """A plugin that has been started under a label."""

    kind: type
    name: str
    label: str
    plugin: object
    deadline: float | None

    @property
    def key(self) -> str:
        """Unique among all running plugins: a sink and a collector may share a label."""
        return _key(self.kind, self.label)


class Host:
    """Starts, calls and quarantines plugins.

    A plugin that fails to import, validate or start, or that does not answer in time, is in ``quarantine``
    under ``<kind>/<label>`` with its reason; every other one goes on.
    """

    def __init__(self, secrets: SecretSource | None = None, where: str = "settings") -> None:
        self._hooks = pluggy.PluginManager(hookspecs.PROJECT)
        for kind in (hookspecs.Plugin, *hookspecs.KINDS):
            if kind is not hookspecs.Policy:  # it has no hooks of its own
                self._hooks.add_hookspecs(kind)
        self._running: dict[str, Running] = {}
        self._workers = Workers()
        self._lock = threading.RLock()
        self._hidden: set[str] = set()
        self.secrets, self.where = secrets, where
        self.quarantine: dict[str, PluginError] = {}

    def start(
        self, kind: type, name: str, label: str, settings: Mapping[str, Any], key: str = "", *, unfinished: bool = False
    ) -> bool:
        """Import, configure and register one plugin. A failure quarantines it and nothing else.

        ``key`` is the dotted key of ``settings`` in the configuration, for errors. With ``unfinished`` a required
        setting may be missing and is ``None``. Returns whether it runs.
        """
        settings = dict(settings)
        deadline = settings.pop("deadline", None)
        try:
            create = functools.partial(self._create, kind, name, settings, key or label, unfinished)
            plugin = self._workers.call(create, DEADLINE)
            self._register(Running(kind, name, label, plugin, deadline))
        except DeadlineExceeded as error:
            self._quarantine(_key(kind, label), f"did not start: {error}")
        except BaseException as error:  # noqa: BLE001  # whatever a plugin does at import is contained
            reason = error.reason if isinstance(error, PluginError) else _describe(error)
            self._quarantine(_key(kind, label), reason)
        return _key(kind, label) in self._running

    def add(self, kind: type, label: str, plugin: object, name: str = "") -> None:
        """Register an object that is already configured (embedding, tests)."""
        self._register(Running(kind, name or type(plugin).__name__, label, plugin, None))

    def stop(self, kind: type, label: str) -> None:
        """Take a plugin away, and what it is in quarantine for; calls to its label fail until it is started again."""
        key = _key(kind, label)
        running = self._running.get(key)
        if running is not None and (close := getattr(running.plugin, "close", None)):
            with suppress(MantissaError):  # as when the host closes
                self._guarded(running, "close", close)
        with self._lock:
            self._forget(key)
            self.quarantine.pop(key, None)

    def use(self, policy: object, label: str) -> None:
        """Add a policy: hook wrappers around every other plugin's calls."""
        self._hooks.register(policy, name=f"policies/{label}")
        self._hooks.check_pending()

    def labels(self, kind: type) -> list[str]:
        """The labels of a kind that run, sorted."""
        return sorted(each.label for each in self._running.values() if each.kind is kind)

    def get(self, kind: type[K], label: str) -> K:
        """A typed stand-in for a running plugin: each method is a call through policies, deadline and checks.

        Raises:
            PluginError: at the call, where the label is unknown or in quarantine.
        """
        return cast(K, _Caller(self, kind, label))

    def all(self, kind: type[K]) -> dict[str, K]:
        """Every running plugin of a kind, by label."""
        return {label: self.get(kind, label) for label in self.labels(kind)}

    def check(self, kind: type, label: str) -> None:
        """Ask one plugin whether it could work now; silent where it cannot tell."""
        self.call(kind, label, "check", {})

    def is_quarantined(self, kind: type, label: str) -> bool:
        """Whether the plugin failed to start or did not answer in time."""
        return _key(kind, label) in self.quarantine

    def setting(self, kind: type, label: str, name: str) -> object:
        """What a running plugin's configuration has under a name, its defaults included; ``None`` where it has none."""
        running = self._running.get(_key(kind, label))
        return getattr(getattr(running.plugin, "config", None), name, None) if running else None

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep these values out of every error and quarantine reason."""
        self._hidden.update(secrets)

    def run(self, kind: type, label: str, what: str, function: Callable[[], Any], hint: Any) -> Any:
        """Call a function that a plugin handed out (a detector's), as guarded as a hook; ``hint`` is its return type.

        Raises:
            PluginError: as :meth:`call`.
        """
        running = self._find(kind, label)
        result = self._guarded(running, what, function)
        if problem := contract.mismatch(result, hint):
            raise PluginError(running.key, f"{what} {problem}")
        return result

    def call(self, kind: type, label: str, hook: str, arguments: Mapping[str, Any]) -> Any:
        """Call one hook of one plugin and validate the answer.

        Raises:
            MantissaError: what the plugin raised for the runtime to act on.
            PluginError: anything else it raised, an answer of the wrong type, or none in time.
        """
        running = self._find(kind, label)
        hint = contract.returns(hook)
        result = self._guarded(running, hook, functools.partial(self._relay, running, hook, arguments))
        if result is None and hook in OPTIONAL and contract.mismatch(None, hint):
            return ()
        if problem := contract.mismatch(result, hint):
            raise PluginError(running.key, f"{hook} {problem}")
        item = contract.items_of(hint)
        return result if item is None else self._walk(running, hook, result, item)

    def close(self) -> None:
        """Let every plugin that has a ``close`` method release what it holds, last started first."""
        for running in reversed(self._running.values()):
            if close := getattr(running.plugin, "close", None):
                with suppress(MantissaError):  # nothing can be done about a plugin that will not end
                    self._guarded(running, "close", close)
        self._running.clear()
        self._workers.close()

    def _create(self, kind: type, name: str, settings: dict[str, Any], key: str, partly: bool) -> object:
        plugin_class = catalog.load(kind.group, name)  # type: ignore[attr-defined]  # every kind has a group
        model = unfinished(plugin_class.Config, settings) if partly else plugin_class.Config
        config, hidden = configure(model, settings, self.secrets, self.where, key)
        self.hide(hidden)
        return plugin_class(config)

    def _register(self, running: Running) -> None:
        with self._lock:
            if running.key in self._running:
                raise PluginError(running.key, "is already running")
            missing = [
                hook
                for hook in contract.hooks_of(running.kind)
                if hook not in OPTIONAL and not hasattr(running.plugin, hook)
            ]
            if missing:
                raise PluginError(running.key, f"does not implement {', '.join(missing)}")
            self._hooks.register(running.plugin, name=running.key)
            try:
                self._hooks.check_pending()  # a misspelt hook is an error, not silence
            except pluggy.PluginValidationError:
                self._hooks.unregister(name=running.key)
                raise
            self._running[running.key] = running
            self.quarantine.pop(running.key, None)

    def _find(self, kind: type, label: str) -> Running:
        key = _key(kind, label)
        if key in self.quarantine:
            raise self.quarantine[key]
        if key not in self._running:
            raise PluginError(key, f"is not running (running: {', '.join(self.labels(kind)) or 'none'})")
        return self._running[key]

    def _relay(self, running: Running, hook: str, arguments: Mapping[str, Any]) -> Any:
        others = [each.plugin for each in self._running.values() if each is not running]
        return self._hooks.subset_hook_caller(hook, remove_plugins=others)(**arguments)

    def _walk(self, running: Running, hook: str, iterator: Iterator[Any], item: Any) -> Iterator[Any]:
        """Yield an iterator hook's items, each under the deadline of its own."""
        end = object()
        try:
            while (value := self._guarded(running, hook, functools.partial(next, iterator, end))) is not end:
                if problem := contract.mismatch(value, item):
                    raise PluginError(running.key, f"{hook} yielded garbage: {problem}")
                yield value
        finally:
            if (close := getattr(iterator, "close", None)) and running.key not in self.quarantine:
                self._guarded(running, hook, close)

    def _guarded(self, running: Running, hook: str, function: Callable[[], Any]) -> Any:
        seconds = running.deadline if running.deadline is not None else SLOW.get(hook, DEADLINE)
        if hook in LEASED:
            seconds = min(seconds or DEADLINE, LEASED[hook])
        try:
            return self._workers.call(function, seconds)
        except DeadlineExceeded as error:
            self._quarantine(running.key, f"{hook}: {error}")
            raise self.quarantine[running.key] from None
        except MantissaError as error:
            error.args = tuple(self._hide(each) if isinstance(each, str) else each for each in error.args)
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # SystemExit too: a plugin may not end the process
            reason = self._hide(f"{hook} failed: {_describe(error)}")
            raise PluginError(running.key, f"{reason} [{running.name}]") from None

    def _quarantine(self, key: str, reason: str) -> None:
        self.quarantine[key] = PluginError(key, self._hide(reason))
        self._forget(key)

    def _forget(self, key: str) -> None:
        self._running.pop(key, None)
        if self._hooks.has_plugin(key):
            self._hooks.unregister(name=key)

    def _hide(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return text


class _Caller:
    """Forwards the methods of a kind to :meth:`Host.call`, positional arguments by the names in the hookspec."""

    def __init__(self, host: Host, kind: type, label: str) -> None:
        self._host, self._kind, self._label = host, kind, label

    def __getattr__(self, hook: str) -> Callable[..., Any]:
        if hook not in contract.hooks_of(self._kind):
            raise AttributeError(hook)
        names = _parameters(self._kind, hook)

        def call(*arguments: Any, **keywords: Any) -> Any:
            return self._host.call(
                self._kind, self._label, hook, {**dict(zip(names, arguments, strict=False)), **keywords}
            )

        return call

    def __repr__(self) -> str:
        return f"<{self._kind.__name__} {self._label}>"


@functools.cache
def _parameters(kind: type, hook: str) -> tuple[str, ...]:
    code = getattr(kind, hook).__code__
    return tuple(code.co_varnames[1 : code.co_argcount])


def _key(kind: type, label: str) -> str:
    return f"{kind.group.removeprefix('mantissa.')}/{label}"  # type: ignore[attr-defined]  # every kind has a group


def _describe(error: BaseException) -> str:
    return str(error) if isinstance(error, MantissaError) else f"{type(error).__name__}: {error}"
