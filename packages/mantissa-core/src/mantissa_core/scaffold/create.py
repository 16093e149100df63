"""Writing a new plugin's package: a template, renamed, put in place as a whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from mantissa_core.errors import ConfigError

from . import kinds
from .names import Names


def create(kind: str, name: str, target: Path) -> list[Path]:
    """Write the package of a plugin ``name`` (``vendor.thing``) of ``kind`` into the folder ``target``.

    Returns the files that were written, sorted.

    Raises:
        ConfigError: the kind or the name is none, or ``target`` is there and is not an empty folder.
    """
    template, names = kinds.find(kind), Names.parse(name)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigError("command line", "--into", f"{target}, where something is already", "a new or an empty folder")
    contents = _renamed(_read(files(__package__) / "templates" / template), names)
    _put(contents, target)
    return sorted(target / path for path in contents)


def _read(folder: Traversable) -> dict[PurePosixPath, str]:
    return {path: file.read_text("utf-8") for path, file in _walk(folder, PurePosixPath())}


def _walk(folder: Traversable, below: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    """Every file of a template. What Python or a tool left behind in it (caches) is none."""
    for each in folder.iterdir():
        if each.is_file() and not each.name.endswith(".pyc"):
            yield below / each.name, each
        elif each.is_dir() and not each.name.startswith((".", "__")):
            yield from _walk(each, below / each.name)


def _renamed(template: dict[PurePosixPath, str], names: Names) -> dict[PurePosixPath, str]:
    class_name = names.class_name(template.values())
    return {
        PurePosixPath(names.rename(str(path), class_name)): names.rename(text, class_name)
        for path, text in template.items()
    }


def _put(contents: dict[PurePosixPath, str], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mantissa-", dir=target.parent) as beside:
        package = Path(beside) / "package"
        for path, text in contents.items():
            file = package / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
        if target.exists():
            target.rmdir()
        package.rename(target)
