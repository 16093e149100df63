"""``mantissa sources drift``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.labels import labels_of
from mantissa_core.cli.output import moment, number, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mantissa_core.collect.drift import Drift
    from mantissa_core.runtime import Runtime


@click.command("drift", cls=Command)
@click.argument("label", required=False)
@click.option("--values", is_flag=True, help="Show a value of each field, from the newest events that have it.")
@pass_session
def show_drift(session: Session, label: str | None, values: bool) -> None:
    """Show the fields that are not as their log type declares, and the columns that would hold them.

    Nothing of them is lost: they are in the column m_extra, where rules find them more slowly. LABEL is a source, or
    what 'mantissa ingest' was told as one.
    """
    from mantissa_core.collect.drift import drift_of
    from mantissa_core.collect.propose import proposal

    with session.runtime() as runtime:
        found = sorted(drift_of(runtime.state, label), key=lambda each: (each.source, each.log_type, -each.events))
        if label is not None and not found:
            labels_of(runtime, label)
        proposals = {name: proposal(runtime.log_types.get(name), _of(found, name)) for name in _known(runtime, found)}
        examples = _examples(runtime, found) if values else {}
    if session.json:
        shown = [_document(each, examples) for each in found]
        print_json({"fields": shown, "columns": {name: each for name, each in proposals.items() if each}})
        return
    if not found:
        say("Every event was as its log type declares.")
        return
    _show(found, examples, values)
    for name, columns in proposals.items():
        if columns:
            say(f"\nTo give them columns, add to 'columns:' of the log type {name}:\n\n{_yaml(columns)}")


def _show(found: Sequence[Drift], examples: dict[int, Any], values: bool) -> None:
    heads = ["SOURCE", "LOG TYPE", "FIELD", "IS", "TYPE", "EVENTS", "LAST"]
    rows: list[tuple[object, ...]] = []
    for each in found:
        why = "not declared" if each.kind == "unknown" else "of another type"
        row = (each.source, each.log_type, each.path, why, each.type, number(each.events), moment(each.last))
        rows.append((*row, examples.get(id(each), "")) if values else row)
    table([*heads, "VALUE"] if values else heads, rows, right=["EVENTS"], cut={"VALUE": 40})


def _known(runtime: Runtime, found: Sequence[Drift]) -> list[str]:
    return [name for name in dict.fromkeys(each.log_type for each in found) if name in runtime.log_types]


def _of(found: Sequence[Drift], log_type: str) -> list[Drift]:
    return [each for each in found if each.log_type == log_type]


def _examples(runtime: Runtime, found: Sequence[Drift]) -> dict[int, Any]:
    from mantissa_core.collect.propose import example

    tables = set(runtime.lake.tables())
    values = {}
    for each in found:
        name = each.log_type.replace(".", "_")
        if name in tables and (value := example(runtime.lake.table(name), each)) is not None:
            values[id(each)] = value
    return values


def _document(drift: Drift, examples: dict[int, Any]) -> dict[str, Any]:
    import msgspec

    document: dict[str, Any] = msgspec.structs.asdict(drift)
    return {**document, "value": examples[id(drift)]} if id(drift) in examples else document


def _yaml(columns: Sequence[dict[str, str]]) -> str:
    import yaml

    return "\n".join(
        f"  - {yaml.safe_dump(each, default_flow_style=True, sort_keys=False).strip()}" for each in columns
    )
