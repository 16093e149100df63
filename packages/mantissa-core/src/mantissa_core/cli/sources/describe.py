"""``mantissa sources describe``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.labels import labels_of
from mantissa_core.cli.output import duration, facts, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.model import LogType, Stream
    from mantissa_core.runtime import Runtime


@click.command("describe", cls=Command)
@click.argument("label")
@pass_session
def describe_source(session: Session, label: str) -> None:
    """Show the settings of the source LABEL, its streams, and the columns of its log types.

    Credentials are shown as the references that stand in mantissa.toml.
    """
    from mantissa_core.hookspecs import Collector

    with session.runtime() as runtime:
        labels_of(runtime, label)
        streams = list(runtime.plugin(Collector, label).streams())
        log_types = [runtime.log_types.get(name) for name in dict.fromkeys(each.log_type for each in streams)]
        settings = _settings(runtime, label)
    if session.json:
        print_json(
            {"label": label, **settings, "streams": streams, "log_types": [_document(each) for each in log_types]}
        )
        return
    facts([("label", label), *((name, value) for name, value in settings.items() if name != "settings")])
    facts(settings["settings"].items(), indent=2)
    say()
    rows = [(each.name, each.log_type, *_times(each)) for each in streams]
    table(["STREAM", "LOG TYPE", "READ", "OVERLAP", "DELAY"], rows)
    for log_type in log_types:
        say(f"\n{log_type.name}: {log_type.title}, table {log_type.table}")
        columns = [(each.column, each.type, each.spellings[0], each.description) for each in log_type.columns]
        table(["COLUMN", "TYPE", "FIELD", "DESCRIPTION"], columns, fixed=["TYPE"])


def _settings(runtime: Runtime, label: str) -> dict[str, Any]:
    section = runtime.settings.collectors[label]
    own = {name: value for name, value in section.settings.items() if name != "deadline"}
    return {"plugin": section.plugin, "every": duration(section.every), "settings": own}


def _times(stream: Stream) -> tuple[str, str, str]:
    if not stream.windowed:
        return "from where it stopped", "", ""
    return "by time", duration(stream.overlap.total_seconds()), duration(stream.delay.total_seconds())


def _document(log_type: LogType) -> dict[str, Any]:
    columns = [
        {"column": each.column, "type": each.type, "path": each.spellings[0], "description": each.description}
        for each in log_type.columns
    ]
    return {"name": log_type.name, "title": log_type.title, "table": log_type.table, "columns": columns}
