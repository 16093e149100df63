"""``mantissa init``: a commented configuration to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from mantissa_core.errors import ConfigError

from .command import Command, Session, pass_session
from .output import print_json, say
from .session import FILE


@click.command("init", cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Overwrite a mantissa.toml that is there; the old one becomes .bak.")
@pass_session
def command(session: Session, folder: Path | None, force: bool) -> None:
    """Write a commented mantissa.toml to FOLDER (default: -C, or the current folder).

    Every key that is not commented out has its default value. Nothing else is made: lake and state appear when
    they are first used.
    """
    path = write_config(folder or Path(session.home or "."), template(), force=force)
    if session.json:
        print_json({"config": path})
        return
    say(f"Wrote {path}.")
    if not session.quiet:
        where = "" if path.parent == Path.cwd() else f" -C {path.parent}"
        say(f"Next: edit it, then 'mantissa{where} doctor' and 'mantissa{where} run'.")


def template() -> str:
    """The commented configuration."""
    return (files(__package__) / "mantissa.template.toml").read_text("utf-8")


def write_config(folder: Path, text: str, *, force: bool = False) -> Path:
    """Write ``text`` as the folder's configuration and return the file's path.

    Raises:
        ConfigError: there is one already, and ``force`` is off.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = (folder / FILE).resolve()
    if path.exists():
        if not force:
            raise ConfigError(str(path), "file", "a configuration", "none yet; --force overwrites it")
        path.replace(path.with_name(f"{FILE}.bak"))
    path.write_text(text, "utf-8")
    return path
