"""``mantissa routes add``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import paragraph, print_json, say

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime
    from mantissa_core.setup.words.understand import Understood


@click.command("add", cls=Command)
@click.argument("words", nargs=-1, required=True)
@click.option("--timezone", metavar="ZONE", help="Where the clock hangs that hours and days mean. Default: UTC.")
@click.option("--yes", is_flag=True, help="Do not ask: save what is understood.")
@pass_session
@click.pass_context
def add_route(ctx: click.Context, session: Session, words: tuple[str, ...], timezone: str | None, yes: bool) -> None:
    """Say in plain words which alerts go where, such as "page on-call for critical, the rest to Slack #sec".

    What is understood is shown, as configuration and in words, before it is saved. What is not understood to the last
    word, or could mean two things, changes nothing: exit code 2.
    """
    from mantissa_core.setup.save import save_sections
    from mantissa_core.setup.toml_file import TomlFile
    from mantissa_core.setup.words.explain import explain
    from mantissa_core.setup.words.unclear import Unclear
    from mantissa_core.setup.words.understand import understand

    path, sentence = session.find(), " ".join(words)
    with session.runtime() as runtime:
        sections = TomlFile(path).values()
        try:
            found = understand(sentence, _instance(runtime, sections, sentence, timezone))
        except Unclear as error:
            raise click.UsageError(str(error)) from None
        meaning = explain(found.changes, sections)
        TomlFile(path).change(found.changes)  # refuses what the configuration would refuse, before anybody is asked
        if not session.json:
            _show(found, meaning, str(path))
        saved = yes or (not session.json and sys.stdin.isatty() and click.confirm("Save it?", default=True, err=True))
        if saved:
            save_sections(runtime, path, "routes", found.changes)
    if session.json:
        shown = {f"{section}.{label}": content for (section, label), content in found.changes.items()}
        corrected = [{"written": written, "read": read} for written, read in found.corrected]
        print_json({"sections": shown, "meaning": meaning, "corrected": corrected, "saved": saved})
    elif saved:
        say(f"\nSaved in {path}. A 'mantissa run' that is under way takes it up at its next start.")
    else:
        say("\nNot saved." + ("" if sys.stdin.isatty() else " Nobody could be asked: add --yes to save it."), err=True)
    ctx.exit(Exit.OK if saved else Exit.FINDINGS)


def _show(found: Understood, meaning: list[str], path: str) -> None:
    from mantissa_core.setup.toml_file import section_text

    for written, read in found.corrected:
        say(f"Read {written!r} as {read!r}.")
    say(f"This will stand in {path}:\n")
    for (section, label), content in found.changes.items():
        for line in section_text(section, label, content).splitlines():
            say(f"    {line}")
        say()
    for line in meaning:
        paragraph(line)


def _instance(runtime: Runtime, sections: Mapping[str, Any], sentence: str, timezone: str | None) -> Any:
    from mantissa_core.setup.words.understand import Instance

    called = _channels(runtime, sections) if "#" in sentence else {}
    return Instance(sections, [each.name for each in runtime.log_types], timezone or "", called)


def _channels(runtime: Runtime, sections: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the channels are called that sinks name by an id, as far as the sinks can look it up."""
    from mantissa_core.errors import MantissaError
    from mantissa_core.hookspecs import AlertSink

    called: dict[str, list[str]] = {}
    for label, section in sections.get("sinks", {}).items():
        channel = section.get("channel")
        if channel and not str(channel).startswith("#") and section.get("enabled", True):
            try:
                found = runtime.plugin(AlertSink, label).choices("channel")
            except MantissaError as error:
                say(f"{label}: its channel's name cannot be looked up: {getattr(error, 'reason', error)}", err=True)
                continue
            called[label] = [each.label for each in found if each.value == channel]
    return called
