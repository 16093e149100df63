"""``mantissa rules packs``: where the rules come from."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Group, Session, pass_session
from mantissa_core.cli.output import number, plural, print_json, say, table
from mantissa_core.cli.progress import progress
from mantissa_core.detect.rules.attributes import Stage

if TYPE_CHECKING:
    from mantissa_core.detect.rules.checkouts import Checkouts, Fetched
    from mantissa_core.detect.rules.packs import Pack
    from mantissa_core.runtime import Runtime

SHORT_COMMIT = 12
SHOWN = 10
"""Flaws that are printed; --json has all."""
_STAGES = click.Choice([str(each) for each in Stage])


@click.group("packs", cls=Group)
def packs() -> None:
    """List rule packs; fetch and update them with git."""


@packs.command("list")
@pass_session
def list_packs(session: Session) -> None:
    """List the packs that rules come from: installed packages, fetched ones, and the paths of the settings."""
    from mantissa_core.detect.rules.packs import pack_of
    from mantissa_core.detect.rules.stages import PARTITION
    from mantissa_core.state.audit import entries

    with session.runtime() as runtime:
        known, rules = runtime.packs, runtime.rules
        changes = {each.name: list(entries(runtime.state, PARTITION, f"pack/{each.name}")) for each in known}
    homes = (pack_of(each.source, known) for each in (*rules.all, *rules.filters))
    counts = Counter(each.places for each in homes if each)
    broken = Counter(each.places for source in rules.broken if (each := pack_of(source, known)))
    if session.json:
        print_json([_document(each, counts[each.places], broken[each.places], changes[each.name]) for each in known])
        return
    rows = [
        (each.name, each.kind, _version(each), str(each.stage), each.owner, each.licence,
         number(counts[each.places]), number(broken[each.places]))
        for each in known
    ]  # fmt: skip
    counted = ["RULES", "BROKEN"]
    table(
        ["NAME", "KIND", "VERSION", "STAGE", "OWNER", "LICENCE", *counted], rows, right=counted, fixed=["NAME", "KIND"]
    )


@packs.command("add")
@click.argument("url")
@click.option("--ref", default="HEAD", show_default=True, metavar="REF", help="Branch, tag or commit.")
@click.option("--name", default="", metavar="NAME", help="What to call it. Default: the last part of the address.")
@click.option("--folder", "folders", multiple=True, metavar="FOLDER", help="Only the rules below it; repeat it.")
@click.option("--stage", type=_STAGES, default="active", show_default=True, help="shadow puts its rules on trial.")
@pass_session
def add_pack(session: Session, url: str, ref: str, name: str, folders: tuple[str, ...], stage: str) -> None:
    """Fetch a rule pack with git. Its rules run from now on; 'mantissa run' takes them up at its next start.

    URL begins with https://, ssh:// or file:// and holds no credential: git's credential helper or an SSH key do that.
    The checkout lies in rule-packs/ of the instance's home, with its licence. Nothing in it is run.
    """
    with session.runtime() as runtime:
        with progress(session, "Fetching"):
            done = _checkouts(runtime).add(url, ref, name, folders, Stage(stage))
        _audit(runtime, "added", done.checkout.name, url=url, ref=ref, commit=done.after, stage=stage)
    _show(session, done)


@packs.command("update")
@click.argument("name")
@click.option("--ref", metavar="REF", help="Another branch, tag or commit. Default: the same as before.")
@click.option("--stage", type=_STAGES, help="Put its rules on trial, or end that.")
@pass_session
def update_pack(session: Session, name: str, ref: str | None, stage: str | None) -> None:
    """Fetch a pack again and replace it as a whole. Refused where files in it were changed."""
    with session.runtime() as runtime:
        with progress(session, "Fetching"):
            done = _checkouts(runtime).update(name, ref, Stage(stage) if stage else None)
        facts = {"ref": done.checkout.ref, "before": done.before, "commit": done.after}
        _audit(runtime, "updated", name, **facts, stage=str(done.checkout.stage))
    _show(session, done)


@packs.command("rm")
@click.argument("name")
@pass_session
def remove_pack(session: Session, name: str) -> None:
    """Remove a fetched pack: its rules no longer run, its checkout is deleted. Their signals and alerts stay."""
    with session.runtime() as runtime:
        gone = _checkouts(runtime).remove(name)
        _audit(runtime, "removed", name, url=gone.url)
    if session.json:
        print_json({"name": gone.name, "url": gone.url})
    else:
        say(f"{gone.name} ({gone.url}) removed.")


def _checkouts(runtime: Runtime) -> Checkouts:
    from mantissa_core.detect.rules.checkouts import Checkouts

    return Checkouts(runtime.home, runtime.settings.rules.placeholders, runtime.rules)


def _audit(runtime: Runtime, action: str, name: str, **facts: str) -> None:
    from mantissa_core.detect.rules.stages import PARTITION
    from mantissa_core.state.audit import entry, this_user

    runtime.state.commit(PARTITION, [entry(f"pack/{name}", action, this_user(), datetime.now(UTC), **facts)])


def _document(each: Pack, rules: int, broken: int, changes: list[Any]) -> dict[str, Any]:
    return {
        "name": each.name,
        "kind": each.kind,
        "version": each.version,
        "places": each.places,
        "owner": each.owner,
        "stage": str(each.stage),
        "licence": each.licence,
        "url": each.url,
        "ref": each.ref,
        "rules": rules,
        "broken": broken,
        "changes": changes,
    }


def _version(each: Pack) -> str:
    return each.version[:SHORT_COMMIT] if each.kind == "git" else each.version


def _show(session: Session, done: Fetched) -> None:
    checkout, rules = done.checkout, done.rules
    if session.json:
        print_json(
            {
                "name": checkout.name,
                "before": done.before or None,
                "commit": done.after,
                "rules": len(rules.all),
                "filters": len(rules.filters),
                "broken": {source: str(error) for source, error in rules.broken.items()},
                "flaws": done.flaws,
                "stage": str(checkout.stage),
            }
        )
        return
    was = f" (before: {done.before[:SHORT_COMMIT]})" if done.before and done.before != done.after else ""
    say(f"{checkout.name}: commit {done.after[:SHORT_COMMIT]}{was}, {plural(len(rules.all), 'rule')}.")
    if rules.broken:
        say(f"{plural(len(rules.broken), 'file')} did not load: {session.command} rules list --broken")
    for each in done.flaws[:SHOWN]:
        say(f"{each} [schema]")
    if len(done.flaws) > SHOWN:
        say(f"  … {len(done.flaws) - SHOWN} more: {session.command} rules lint {checkout.path}")
    if checkout.stage is Stage.SHADOW:
        say("Its rules are on trial: they record signals and open no alerts.")
