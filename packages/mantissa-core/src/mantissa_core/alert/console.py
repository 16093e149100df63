"""The alert sink ``core.console``: a block of text per alert on the terminal."""

from __future__ import annotations

import json
import re
import sys
from collections import OrderedDict
from typing import IO, TYPE_CHECKING, Literal

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.alert import Alert, Delivery, Receipt
from mantissa_core.model.signal import Severity

from .plain import plain

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

_STYLES = {
    Severity.INFORMATIONAL: "dim",
    Severity.LOW: "cyan",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "bold red",
    Severity.CRITICAL: "bold white on red",
}
_REMEMBERED = 1000
_VALUE = 300
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
        self._printed: OrderedDict[str, None] = OrderedDict()

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Print the alert."""
        if delivery.key not in self._printed:
            self._print(delivery)
            self._printed[delivery.key] = None
            while len(self._printed) > _REMEMBERED:
                self._printed.popitem(last=False)
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
        terminal.print(block(delivery.alert, delivery.event), crop=False)


def block(alert: Alert, event: str = "opened") -> Group:
    """An alert as rich text: what, who, from where, when, the evidence, and what to type next."""
    from rich.console import Group
    from rich.text import Text

    head = Text.assemble(
        (f" {alert.severity.value.upper()} ", _STYLES[alert.severity]), " ", (plain(alert.summary), "bold")
    )
    if event != "opened":
        head.append(f" ({event})", "dim")
    facts = [_line(name, value) for name, value in _facts(alert)]
    return Group(head, *facts, *_evidence(alert), *_next_steps(alert), Text())


def _facts(alert: Alert) -> list[tuple[str, str]]:
    first, last = (f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in (alert.first_seen, alert.last_seen))
    who = [("who", "user"), ("from", "src_ip"), ("to", "dst_ip"), ("what", "action"), ("target", "target")]
    return [
        ("rule", f"{alert.rule_name} ({alert.rule_id})"),
        *((label, ", ".join(alert.entities[name])) for label, name in who if alert.entities.get(name)),
        ("when", first if first == last else f"{first} to {last}"),
        *([("events", f"{alert.count} matches")] if alert.count > 1 else []),
        *([("tags", ", ".join(alert.tags))] if alert.tags else []),
    ]


def _evidence(alert: Alert) -> list[Text]:
    lines = []
    for evidence in alert.evidence[:_EVIDENCE]:
        text = ", ".join(f"{name}={_value(value)}" for name, value in evidence.items())
        lines.append(_line("evidence", text))
    return lines


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"


def _next_steps(alert: Alert) -> list[Text]:
    """Commands to copy. Only identifiers of our own making get in: the reader pastes them into a shell."""
    steps = [f"mantissa alerts show {alert.id}"] if re.fullmatch(r"[0-9A-Za-z_-]+", alert.id) else []
    event = next((each for each in alert.event_ids if re.fullmatch(r"[0-9a-f]{32}", each)), None)
    if event and re.fullmatch(r"[a-z][a-z0-9_]*", alert.table):
        steps.append(f"mantissa query \"SELECT * FROM {alert.table} WHERE m_id = '{event}'\"")
    return [_line("next", step, wrap=False) for step in steps]


def _line(label: str, value: str, *, wrap: bool = True) -> Text:
    """A labelled line; what is to be copied is not wrapped."""
    from rich.text import Text

    label = f"  {label:<9}"
    return Text.assemble((label, "dim"), plain(value), no_wrap=not wrap, overflow=None if wrap else "ignore")
