"""Rules of others, brought into a folder of ours: as they are, with their licence, and again when they change.

The manifest ``mantissa-import.json`` says where each file came from and what it was. What the operator changed since is
never overwritten or deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mantissa_core.errors import RuleError

from .import_plan import Plan
from .origin import commit_of, inside, licence_name, licence_of

MANIFEST = "mantissa-import.json"
FORMAT = 1


@dataclass
class Imported:
    """What changed in the folder, by file name, and what did not although the tree would have it so (``kept``)."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    licence: str = ""
    commit: str | None = None


def import_tree(tree: Path, into: Path, plan: Plan, *, dry_run: bool = False) -> Imported:
    """Make ``into`` hold the planned files of ``tree``. Doing it again changes nothing.

    Raises:
        RuleError: the tree has no licence, the folders lie in each other, or the manifest is damaged or another tree's.
    """
    tree, into = tree.resolve(), into.resolve()
    if into == tree or into.is_relative_to(tree) or tree.is_relative_to(into):
        raise RuleError(f"{into} and {tree} lie in each other: import into a folder of its own")
    if (licence := licence_of(tree)) is None:
        raise RuleError(f"{tree} has no file LICENSE in it or above it: rules without a licence are not imported")
    known = _known(into, tree)
    result = Imported(licence=licence_name(licence), commit=commit_of(tree))
    files: dict[str, Any] = {}
    wanted = {name: each.content for name, each in plan.chosen.items()}
    wanted[licence.name] = licence.read_bytes()
    for name, content in sorted(wanted.items()):
        if _put(into, name, content, known.get(name), result, dry_run=dry_run):
            files[name] = {"sha256": _sum(content), **(plan.chosen[name].facts if name in plan.chosen else {})}
        elif name in known:
            files[name] = known[name]
    for name in sorted(set(known) - set(wanted)):
        if not _remove(into, name, known[name], result, dry_run=dry_run):
            files[name] = known[name]
    if not dry_run:
        _write(into, {"source": str(tree), "commit": result.commit, "licence": result.licence, "files": files})
    return result


def _known(into: Path, tree: Path) -> Mapping[str, Any]:
    """What the manifest says was brought in before."""
    file = into / MANIFEST
    if not file.exists():
        return {}
    try:
        manifest = json.loads(file.read_bytes())
        source, files = manifest["source"], manifest["files"]
        usable = manifest["format"] == FORMAT and all(isinstance(each["sha256"], str) for each in files.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(f"{file} is damaged ({error}): restore it, or import into a new folder") from error
    if not usable:
        raise RuleError(f"{file} has a format that this version does not know: import into a new folder")
    if source != str(tree):
        raise RuleError(f"{into} holds rules of {source}: import {tree} into a folder of its own")
    for name in files:
        inside(into, name)
    return dict(files)


def _put(
    into: Path, name: str, content: bytes, known: Mapping[str, Any] | None, result: Imported, *, dry_run: bool
) -> bool:
    """Write one file; whether it is now as the tree has it."""
    path = inside(into, name)
    there = path.read_bytes() if path.is_file() else None
    if there == content:
        result.unchanged.append(name)
        return True
    if there is not None and (known is None or _sum(there) != known["sha256"]):
        result.kept[name] = "changed here" if known else "was here before"
        return False
    if there is None and known is not None:
        result.kept[name] = "deleted here"
        return False
    (result.added if there is None else result.changed).append(name)
    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    return True


def _remove(into: Path, name: str, known: Mapping[str, Any], result: Imported, *, dry_run: bool) -> bool:
    """Delete a file that the tree no longer has; whether it is gone."""
    path = inside(into, name)
    if path.is_file():
        if _sum(path.read_bytes()) != known["sha256"]:
            result.kept[name] = "changed here, no longer in the tree"
            return False
        result.removed.append(name)
        if not dry_run:
            path.unlink()
    return True


def _write(into: Path, manifest: Mapping[str, Any]) -> None:
    into.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **manifest}, ensure_ascii=False, indent=2, sort_keys=True)
    _replace(into / MANIFEST, f"{text}\n".encode())


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename: a crash leaves the old file or the new one."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
