"""One run of the command line: its global options, and the instance that it works on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mantissa_core.errors import ConfigError, MantissaError

if TYPE_CHECKING:
    from mantissa_core.config import Settings
    from mantissa_core.runtime import Runtime

FILE = "mantissa.toml"


class Broken(MantissaError):
    """``--strict``: something of the instance is broken. ``reasons`` has one line for each."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass
class Session:
    """The global options. Nothing is opened until it is asked for."""

    home: str | None = None
    json: bool = False
    quiet: bool = False
    log_level: str | None = None
    strict: bool = False

    @property
    def command(self) -> str:
        """How a person would call the same instance again, for hints."""
        return f"mantissa -C {shlex.quote(self.home)}" if self.home is not None else "mantissa"

    @property
    def debug(self) -> bool:
        """Whether tracebacks are wanted."""
        return self.log_level == "debug"

    def find(self) -> Path:
        """The configuration file: the one that was named, or the nearest at or above the current folder.

        Raises:
            ConfigError: there is none.
        """
        if self.home is not None:
            path = Path(self.home).expanduser().resolve()
            return path if path.suffix == ".toml" and not path.is_dir() else path / FILE
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / FILE).is_file():
                return folder / FILE
        raise ConfigError(
            str(here),
            FILE,
            "none here or in a folder above",
            "an instance: 'mantissa init' makes one, 'mantissa -C PATH …' names another",
        )

    def settings(self) -> tuple[Settings, Path]:
        """The validated settings and the home folder, without starting anything."""
        from mantissa_core.config import load

        return load(self.find())

    @contextmanager
    def runtime(self, log_level: str = "warning") -> Iterator[Runtime]:
        """The instance, opened and closed again. ``log_level`` counts where the command line names none."""
        from mantissa_core.runtime import Runtime

        settings, _ = self.settings()
        self.set_up_log(settings.log.format, log_level)
        with Runtime.open(self.find()) as runtime:
            yield runtime
            if self.strict:
                refuse_broken(runtime)

    def set_up_log(self, form: Any = "console", level: str = "warning") -> None:
        """Send the log to standard error, at the level of the command line or at ``level``."""
        from mantissa_core.log import configure_logging

        configure_logging(form, self.log_level or level)


def refuse_broken(runtime: Runtime) -> None:
    """With ``--strict``, what is broken fails the command.

    Raises:
        Broken: a plugin is in quarantine, or a rule or log type that was looked at did not load.
    """
    reasons = [str(error) for error in runtime.host.quarantine.values()]
    for part in ("rules", "log_types"):
        if part in runtime.__dict__:  # cached: what was not used is not judged
            reasons += [str(error) for error in getattr(runtime, part).broken.values()]
    if reasons:
        raise Broken(reasons)
