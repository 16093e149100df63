"""Where a tree of rules comes from: its licence, and its commit where it is a git checkout."""

from __future__ import annotations

import re
from pathlib import Path

from mantissa_core.errors import RuleError

LARGEST = 1 << 20
"""Bytes that are read of a licence or of a file of git's."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LICENCE = re.compile(
    r"Detection Rule License(?: \(DRL\))?(?: [0-9.]*[0-9])?|MIT License|Apache License,?\s+Version [0-9.]*[0-9]"
    r"|GNU (?:AFFERO |LESSER )?GENERAL PUBLIC LICENSE|BSD \d-Clause License",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"refs/[A-Za-z0-9_./+-]+")


def licence_of(tree: Path) -> Path | None:
    """The licence that applies to ``tree``: in it, or above it up to the top of its git checkout."""
    top = _checkout(tree) or tree
    for folder in (tree, *tree.parents):
        for file in sorted(folder.glob("LICEN[CS]E*")):
            if file.is_file() and not file.is_symlink() and file.stat().st_size <= LARGEST:
                return file
        if folder == top:
            break
    return None


def licence_name(file: Path) -> str:
    """What the licence calls itself: a name that is known, else its first line."""
    text = _text(file)
    if found := _LICENCE.search(text):
        return " ".join(found[0].split())
    return next((line.strip("# \t") for line in text.splitlines() if line.strip("# \t")), file.name)


def commit_of(tree: Path) -> str | None:
    """The commit that is checked out, read from git's files: no program runs in a folder of somebody else's."""
    if (top := _checkout(tree)) is None:
        return None
    folder = _git_folder(top / ".git")
    head = _line(folder / "HEAD")
    if not head.startswith("ref: "):
        return head if _COMMIT.fullmatch(head) else None
    name = head.removeprefix("ref: ")
    if not _REFERENCE.fullmatch(name) or ".." in name:
        return None
    common = folder / (_line(folder / "commondir") or ".")
    found = _line(folder / name) or _line(common / name) or _packed(common / "packed-refs", name)
    return found if _COMMIT.fullmatch(found) else None


def _checkout(tree: Path) -> Path | None:
    return next((folder for folder in (tree, *tree.parents) if (folder / ".git").exists()), None)


def _git_folder(entry: Path) -> Path:
    """A work tree's ``.git`` is a file that names the folder."""
    return entry if entry.is_dir() else entry.parent / _line(entry).removeprefix("gitdir: ")


def _packed(file: Path, name: str) -> str:
    for line in _text(file).splitlines():
        commit, _, reference = line.partition(" ")
        if reference == name:
            return commit
    return ""


def _line(file: Path) -> str:
    return next(iter(_text(file).splitlines()), "").strip()


def _text(file: Path) -> str:
    """The beginning of a file's text; nothing where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def inside(folder: Path, name: str) -> Path:
    """The path of ``name`` (parts joined by ``/``) below ``folder``.

    Raises:
        RuleError: it leads elsewhere, or has characters that names of rule files have no use for.
    """
    if not re.fullmatch(r"(?:[A-Za-z0-9_][A-Za-z0-9_ .,()+@-]*/)*[A-Za-z0-9_][A-Za-z0-9_ .,()+@-]*", name):
        raise RuleError(f"{name!r}: not a name for a rule file: letters, digits and _ - + . , @ ( ) only")
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise RuleError(f"{name!r}: leads out of {folder}")
    return path
