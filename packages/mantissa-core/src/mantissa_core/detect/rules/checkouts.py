"""Rule packs that were fetched with git: ``<home>/rule-packs/<name>``, and ``<name>.json`` beside it with its origin.

The checkout is the pack as its author wrote it, licence included; it is replaced as a whole.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mantissa_core.detect.ir.compile import Placeholders
from mantissa_core.detect.workflow.origin import commit_of
from mantissa_core.errors import RuleError
from mantissa_core.state.atomic_file import replace as write

from .attributes import Stage
from .git import changed, check_ref, check_url, fetch
from .rule_set import RuleSet

FOLDER = "rule-packs"
FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A pack that was fetched: ``folders`` are those within it whose rules count; none is all of it."""

    name: str
    path: Path
    url: str
    ref: str
    folders: tuple[str, ...] = ()
    stage: Stage = Stage.ACTIVE

    @property
    def places(self) -> list[Path]:
        """The folders that rules are read from."""
        return [self.path / each for each in self.folders] or [self.path]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of fetching: the pack, its rules, the commits before and after.

    ``flaws`` are lines of its files that are not as the schema of Sigma documents wants them.
    """

    checkout: Checkout
    rules: RuleSet
    flaws: tuple[str, ...]
    before: str
    after: str


class Checkouts:
    """The fetched packs of one instance.

    ``placeholders`` are the settings', for trying whether rules load; ``others`` the rules whose ids are taken.
    """

    def __init__(self, home: Path, placeholders: Placeholders | None = None, others: RuleSet | None = None) -> None:
        self._folder, self._placeholders, self._others = home / FOLDER, placeholders, others or RuleSet()

    def __iter__(self) -> Iterator[Checkout]:
        """Every pack, by name, but those whose description is broken."""
        return (each for each in self._all().values() if isinstance(each, Checkout))

    @property
    def broken(self) -> Mapping[str, RuleError]:
        """By file the descriptions that cannot be read, and why."""
        return {str(file): each for file, each in self._all().items() if isinstance(each, RuleError)}

    def _all(self) -> Mapping[Path, Checkout | RuleError]:
        found: dict[Path, Checkout | RuleError] = {}
        for file in sorted(self._folder.glob("*.json")):
            try:
                found[file] = self._read(file)
            except RuleError as error:
                found[file] = error
        return found

    def get(self, name: str) -> Checkout:
        """The pack of that name.

        Raises:
            RuleError: there is none.
        """
        for each in self:
            if each.name == name:
                return each
        raise RuleError(
            f"there is no pack {name!r} that was fetched: 'mantissa rules packs list' shows those there are"
        )

    def add(self, url: str, ref: str, name: str, folders: Sequence[str], stage: Stage) -> Fetched:
        """Fetch a pack.

        Raises:
            RuleError: the name, the address, the ref or a folder is refused, the name is taken, or no rule loads.
            NeedsOperator: git could not fetch it.
        """
        check_url(url)
        check_ref(ref)
        name = name or _name_of(url)
        if not _NAME.fullmatch(name):
            raise RuleError(
                f"name: found {name!r}, expected lower-case letters, digits and . _ - (give one with --name)"
            )
        if self._file(name).exists():
            raise RuleError(f"there is a pack {name!r} already: update it, or give this one another name")
        checkout = Checkout(name, self._folder / name, url, ref, tuple(map(_folder_of, folders)), stage)
        return self._replaced(checkout)

    def update(self, name: str, ref: str | None = None, stage: Stage | None = None) -> Fetched:
        """Fetch a pack again, at another ref where one is given.

        Raises:
            RuleError: there is none of that name, files in it were changed here, or no rule loads any more.
            NeedsOperator: git could not fetch it.
        """
        known = self.get(name)
        if known.path.is_dir() and (files := changed(known.path)):
            told = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
            raise RuleError(
                f"{known.path}: changed here: {told}. Updating would lose that: keep your own rules in a folder of "
                "[rules] paths, and tune those of others with filters"
            )
        return self._replaced(
            Checkout(name, known.path, known.url, ref or known.ref, known.folders, stage or known.stage)
        )

    def remove(self, name: str) -> Checkout:
        """Forget a pack and delete its checkout.

        Raises:
            RuleError: there is none of that name.
        """
        known = self.get(name)
        self._file(name).unlink()
        shutil.rmtree(known.path, ignore_errors=True)
        return known

    def _replaced(self, checkout: Checkout) -> Fetched:
        """Fetch beside, try, and take the place of what is there: a failure leaves that."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh, former = (self._folder / f".{checkout.name}.{suffix}" for suffix in ("new", "old"))
        for leftover in (fresh, former):
            shutil.rmtree(leftover, ignore_errors=True)
        fetch(checkout.url, checkout.ref, fresh)
        try:
            rules = self._tried(checkout, fresh)
            before = commit_of(checkout.path) if checkout.path.is_dir() else None
            if before is not None:
                checkout.path.rename(former)
            fresh.rename(checkout.path)
            self._write(checkout)
        finally:
            for leftover in (fresh, former):
                shutil.rmtree(leftover, ignore_errors=True)
        return Fetched(checkout, rules, tuple(_flaws(rules, fresh)), before or "", commit_of(checkout.path) or "")

    def _tried(self, checkout: Checkout, fresh: Path) -> RuleSet:
        places = [fresh / each for each in checkout.folders] or [fresh]
        for place in places:
            if not place.is_dir() or not place.resolve().is_relative_to(fresh.resolve()):
                raise RuleError(f"the pack has no folder {place.relative_to(fresh)}")
        rules = RuleSet.load(packs=False, paths=places, placeholders=self._placeholders)
        if not rules.all and not rules.filters:
            why = next(iter(rules.broken.values()), "there is no rule file in it")
            raise RuleError(f"no rule of the pack loads: {str(why).replace(f'{fresh}/', '')}")
        self._refuse_taken(checkout, rules)
        return rules

    def _refuse_taken(self, checkout: Checkout, rules: RuleSet) -> None:
        """Two rules of one id are both refused at the next start: a pack must not end rules that run."""
        others = (each for each in (*self._others.all, *self._others.filters) if not _below(each.source, checkout.path))
        taken = {each.id: each.source for each in others}
        if found := [each.id for each in (*rules.all, *rules.filters) if each.id in taken]:
            many = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise RuleError(
                f"an id of the pack stands in another rule already: {found[0]} in {taken[found[0]]}{many}; "
                "remove that one first, or take other folders of the pack (--folder)"
            )

    def _write(self, checkout: Checkout) -> None:
        value = {
            "format": FORMAT,
            "url": checkout.url,
            "ref": checkout.ref,
            "folders": list(checkout.folders),
            "stage": str(checkout.stage),
        }
        write(self._file(checkout.name), f"{json.dumps(value, indent=2)}\n".encode())

    def _read(self, file: Path) -> Checkout:
        name = file.stem
        try:
            value: dict[str, Any] = json.loads(file.read_bytes())
            if value["format"] != FORMAT or not _NAME.fullmatch(name):
                raise ValueError("of another version")
            check_url(value["url"])
            folders = tuple(map(_folder_of, value["folders"]))
            return Checkout(name, self._folder / name, value["url"], value["ref"], folders, Stage(value["stage"]))
        except (OSError, ValueError, KeyError, TypeError, RuleError) as error:
            raise RuleError(f"{file}: cannot be read ({error}): remove it and add the pack again") from error

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _flaws(rules: RuleSet, folder: Path) -> Iterator[str]:
    from .schema import flaws_of

    texts = {each.source.partition(" (document ")[0]: each.text for each in (*rules.all, *rules.filters)}
    for file, flaw in flaws_of(texts):
        yield f"{Path(file).relative_to(folder)}:{flaw.line}: {flaw.message}"


def _below(source: str, folder: Path) -> bool:
    return source.startswith(f"{folder}/")


def _name_of(url: str) -> str:
    return url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git").lower()


def _folder_of(text: str) -> str:
    """A folder within a checkout: plain parts joined by slashes."""
    parts = text.strip("/").split("/")
    if any(not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_ .-]*", part) for part in parts):
        raise RuleError(f"folder: found {text!r}, expected one within the pack, such as rules/cloud")
    return "/".join(parts)
