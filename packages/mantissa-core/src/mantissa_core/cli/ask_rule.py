"""``mantissa ask --rule`` and ``questions save-as-rule``: a rule from words, printed or saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Session
from .exit_codes import Exit
from .output import plural, print_json, say
from .progress import progress

if TYPE_CHECKING:
    from mantissa_core.ask.parse import Abstained
    from mantissa_core.ask.rule import RuleDraft
    from mantissa_core.runtime import Runtime


def write_rule(
    session: Session, runtime: Runtime, words: str, zone: str | None, user: str, name: str | None, file: Path | None,
    *, sql: bool,
) -> Exit:  # fmt: skip
    """Make a rule of the words; print it, or save it under a name or in a file."""
    with progress(session, "Writing the rule"):
        made = runtime.rule_from(words, zone=zone, user=user, sql=sql)
    return told(session, runtime, made, user, name, file)


def write_playbook(session: Session, runtime: Runtime, words: str, zone: str | None, user: str) -> Exit:
    """Have a module write a playbook from the words, and print it."""
    from mantissa_core.ask.parse import Abstained

    made = runtime.playbook_from(words, zone=zone, user=user)
    if isinstance(made, Abstained):
        _abstained(session, made, "playbook")
        return Exit.USAGE
    if session.json:
        print_json({"status": "succeeded", "playbook": made.text, "explanation": made.explanation,
                    "assumptions": list(made.assumptions)})  # fmt: skip
        return Exit.OK
    click.echo(made.text, nl=not made.text.endswith("\n"))
    if not session.quiet:
        say(f"\n{made.explanation}", err=True)
        for each in made.assumptions:
            say(f"  assumed: {each}", err=True)
    return Exit.OK


def told(
    session: Session, runtime: Runtime, made: RuleDraft | Abstained, user: str, name: str | None, file: Path | None
) -> Exit:
    """Print the rule, or save it and say where; say what was understood, or why there is none."""
    from mantissa_core.ask.parse import Abstained

    if isinstance(made, Abstained):
        _abstained(session, made)
        return Exit.USAGE
    path = runtime.save_rule(made, name or "", file, user=user) if name or file else None
    if session.json:
        print_json({**made.document(), "status": "succeeded", "file": str(path) if path else None})
        return Exit.OK
    if path is None:
        click.echo(made.text, nl=False)
    if not session.quiet:
        _explained(session, made, path)
    return Exit.OK


def _abstained(session: Session, made: Abstained, what: str = "rule") -> None:
    if session.json:
        print_json({"status": "abstained", "reason": made.reason, "suggestions": list(made.suggestions)})
        return
    say(f"No {what}: {made.reason.rstrip('.')}.", err=True)
    if made.suggestions:
        say("\nWhat is understood:", err=True)
        for each in made.suggestions:
            say(f"  {each}", err=True)


def _explained(session: Session, made: RuleDraft, path: Path | None) -> None:
    say(f"{'' if path else chr(10)}{made.explanation}", err=True)
    for each in made.assumptions:
        say(f"  assumed: {each}", err=True)
    tests = f"{plural(len(made.tests), 'test')} passed" if made.tests else "no tests could be made up for it"
    if path is None:
        say(f"\n{tests}. Save it with its tests: --save NAME.", err=True)
    else:
        again = "" if not made.tests else f" Try it on stored events: {session.command} rules backtest {made.id[:8]}"
        say(f"\nSaved as {path}; {tests}.{again}", err=True)
