"""``mantissa sinks add``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import print_json, say

from .ask import ask, choose_type
from .given import given

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime
    from mantissa_core.setup.draft import Draft
    from mantissa_core.setup.trial import Validation


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the command line asks for."""

    label: str | None
    test: bool
    yes: bool
    replace: bool


@click.command("add", cls=Command)
@click.argument("type_", metavar="TYPE")
@click.option("--label", help="Its name in mantissa.toml. Default: from its type.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting; KEY.NAME=VALUE of a table.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="KEY=SOURCE",
    help="A credential: env:NAME, secret://NAME, or '-' to read it from standard input and store it.",
)
@click.option("--no-test", is_flag=True, help="Send no test message.")
@click.option("--replace", is_flag=True, help="Replace a sink of that label.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the options as they are, and save.")
@pass_session
@click.pass_context
def add_sink(
    ctx: click.Context,
    session: Session,
    type_: str,
    label: str | None,
    settings: Sequence[str],
    secrets: Sequence[str],
    no_test: bool,
    replace: bool,
    yes: bool,
) -> None:
    """Set a destination up: ask for its settings, send a test message, and save it in mantissa.toml.

    TYPE is a plugin's name, or its beginning (slack, pagerduty). What --set and --secret say is not asked for.
    Credentials are stored as secrets; the file only refers to them.

    Exit code 3 where the test message did not arrive: nothing was saved.
    """
    from mantissa_core.setup.question import questions

    asking = sys.stdin.isatty() and not yes and not session.json
    chosen = choose_type(type_, asking)
    with session.runtime() as runtime:
        asked = questions(chosen)
        answers = given(asked, settings, secrets)
        if asking:
            answers = ask(runtime, chosen, asked, answers)
        wish = _Wish(label, not no_test, yes, replace)
        ctx.exit(_add(session, runtime, chosen, answers, wish, asking))


def _add(
    session: Session, runtime: Runtime, sink_type: str, answers: dict[str, Any], wish: _Wish, asking: bool
) -> Exit:
    from mantissa_core.setup.save import prepare, save
    from mantissa_core.setup.sink_types import new_label
    from mantissa_core.setup.toml_file import TomlFile
    from mantissa_core.setup.trial import validate_draft

    path = session.find()
    label = wish.label or _label(new_label(sink_type, runtime.settings.sinks), asking)
    new, _ = prepare(runtime, TomlFile(path), sink_type, label, answers, replace=wish.replace)
    if not session.json:
        _show(new, str(path))
    found = validate_draft(runtime, new, send_test=wish.test)
    if not session.json:
        _tell(found)
    saved = found.success and (wish.yes or (asking and click.confirm("Save it?", default=True, err=True)))
    if saved:
        save(runtime, path, sink_type, label, answers, replace=wish.replace)
    if session.json:
        section = {"label": label, "section": new.section, "secrets": sorted(new.secrets)}
        print_json({**section, "validation": found, "saved": saved})
    elif saved:
        say(f"Saved as {label} in {path}. A 'mantissa run' that is under way takes it up at its next start.")
    elif found.success and not asking:
        say("Not saved: nobody could be asked. Add --yes to save it.", err=True)
    else:
        say("Not saved.", err=True)
    return Exit.OK if saved else Exit.OPERATOR if not found.success else Exit.FINDINGS


def _label(proposal: str, asking: bool) -> str:
    return str(click.prompt("Label of the new sink", default=proposal, err=True)) if asking else proposal


def _show(new: Draft, path: str) -> None:
    from mantissa_core.setup.toml_file import section_text

    say(f"This will stand in {path}:\n")
    for line in section_text("sinks", new.label, new.section).splitlines():
        say(f"    {line}")
    for name in sorted(new.secrets):
        say(f"\nStored as a secret: {name}")
    say()


def _tell(found: Validation) -> None:
    latency = found.details.get("latency_ms")
    took = f" ({latency:.0f} ms)" if latency is not None else ""
    say(f"{'ok' if found.success else 'problem'}: {found.message}{took}")
