"""The alert sink ``core.console``: a block of text per alert on the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any, Literal

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.alert import Alert, Delivery, Receipt
from mantissa_core.model.signal import Severity
from mantissa_core.recent import Recent

from .next_steps import next_steps
from .notes import notes
from .plain import plain
from .progress import progress
from .story import story

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_STYLES = {
    Severity.INFORMATIONAL: "dim",
    Severity.LOW: "cyan",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "bold red",
    Severity.CRITICAL: "bold white on red",
}
_VALUE, _TEXT = 300, 1000
_EVIDENCE = 3


class Console:
    """Prints alerts. A repeated key is printed once per process; after a restart it may appear again."""

    local = True

    class Config(PluginConfig):
        """Where and how to print."""

        stream: Literal["stdout", "stderr"] = "stdout"
        """The standard stream that gets the text."""
        color: Literal["auto", "always", "never"] = "auto"
        """``auto`` colours where the stream is a terminal and ``NO_COLOR`` is not set."""
        width: int | None = None
        """Columns; by default the terminal's own."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._printed: Recent[None] = Recent()

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Print the alert."""
        if delivery.key not in self._printed:
            self._print(delivery)
            self._printed[delivery.key] = None
        return Receipt(f"{self.config.stream}:{delivery.key}")

    def _print(self, delivery: Delivery) -> None:
        from rich.console import Console as Terminal

        stream: IO[str] = getattr(sys, self.config.stream)
        forced = {"auto": None, "always": True, "never": False}[self.config.color]
        terminal = Terminal(
            file=stream,
            force_terminal=forced,
            no_color=True if forced is False else None,
            width=self.config.width,
            highlight=False,
            markup=False,
            emoji=False,
        )
        terminal.print(block(delivery), crop=False)


def block(delivery: Delivery) -> Group:
    """An alert as rich text: what happened, the six answers, the evidence, and what to type next."""
    from rich.console import Group
    from rich.text import Text

    alert = delivery.alert
    head = Text.assemble(
        (f" {alert.severity.value.upper()} ", _STYLES[alert.severity]), " ", (plain(_cut(alert.summary, _TEXT)), "bold")
    )
    became = [("now", progress(delivery))] if delivery.event != "opened" else []
    look: dict[str, Any] = {"no_wrap": True, "overflow": "ignore"}  # what is to be copied is not wrapped
    steps = [Text.assemble((_label("next"), "dim"), each, **look) for each in next_steps(alert).values()]
    return Group(head, _table([*became, *_facts(alert), *_evidence(alert)]), *steps, Text())


def _facts(alert: Alert) -> list[tuple[str, str]]:
    return [
        *story(alert).lines(),
        ("rule", f"{alert.rule_name} ({alert.rule_id})"),
        *([("matches", f"{alert.count:,}")] if alert.count > 1 else []),
        *([("tags", ", ".join(alert.tags))] if alert.tags else []),
        *notes(alert),
    ]


def _evidence(alert: Alert) -> list[tuple[str, str]]:
    return [
        ("evidence", ", ".join(f"{name}={_value(value)}" for name, value in evidence.items()))
        for evidence in alert.evidence[:_EVIDENCE]
    ]


def _value(value: object) -> str:
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), _VALUE)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _label(name: str) -> str:
    return f"  {name:<11}"


def _table(lines: Iterable[tuple[str, str]]) -> Table:
    """Labels and texts. A long text goes on below itself, so that no part of it can pass for a line of ours."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid()
    table.add_column(width=len(_label("")), no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(Text(_label(name), "dim"), Text(plain(_cut(text, _TEXT))))
    return table
