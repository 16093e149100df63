"""An instance, a destination that wants a credential, and a sink for everything that its Config may ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from mantissa_core import Runtime, catalog
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Choice, Delivery, Receipt, Severity
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from pydantic import Field, SecretStr

CONFIG = """# An instance.
[sinks.log]      # everything
plugin = "core.file"
path = "alerts.ndjson"

# --- Rules ---

[rules]
packs = false
"""
TOKEN = "t0ken-of-the-tests"


class Tickets:
    """Opens a ticket for each alert.

    More about it.
    """

    one_for_each_alert = True
    sent: ClassVar[list[Delivery]] = []

    class Config(PluginConfig):
        size: int = 3
        """How large."""
        token: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """The ``API`` token,
        as acme gives it."""
        project: Annotated[str, Field(min_length=1)]
        """Where tickets go."""
        kind: Literal["bug", "task"] = "task"
        """What they are."""
        quick: bool | None = None
        """Whether they are urgent."""
        watchers: tuple[str, ...] = ()
        """Who hears of them."""
        priorities: Mapping[Severity, str] = Field(default_factory=dict)
        """By severity."""
        passwords: Mapping[str, SecretStr] = Field(default_factory=dict)
        """Further ones."""
        folder: Path | None = None
        """Where."""
        factor: float = 1.5
        """How much."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def check(self) -> None:
        if self.config.token.get_secret_value() != TOKEN:
            raise NeedsOperator(f"acme refuses the token {self.config.token.get_secret_value()}: create another")

    @hookimpl
    def choices(self, setting: str) -> Sequence[Choice]:
        self.check()
        if setting == "kind" and self.config.project is None:
            raise NeedsOperator("answer 'project' first")
        return [Choice("SEC", "Security"), Choice("OPS", "Operations")] if setting == "project" else []

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        if self.config.kind == "bug" and delivery.event == "resolved":
            raise NeedsOperator("bugs cannot be resolved")
        self.sent.append(delivery)
        return Receipt("SEC-1", {"url": f"https://example.com/{self.config.token.get_secret_value()}"})


class Hook(FakeHTTP):
    """Takes what carries the right ``Authorization``."""

    def answer(self, request: Request) -> Answer:
        return Answer(204 if request.headers.get("authorization") == TOKEN else 401)


@pytest.fixture(autouse=True)
def tickets(monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """``acme.tickets`` as if it were installed; what it sent."""
    load, installed = catalog.load, catalog.installed
    made = catalog.Installed("mantissa.alert_sinks", "acme.tickets", "acme:Tickets", "acme", "1")
    monkeypatch.setattr(catalog, "load", lambda group, name: Tickets if name == made.name else load(group, name))
    monkeypatch.setattr(
        catalog, "installed", lambda group: [*([made] if group == made.group else []), *installed(group)]
    )
    monkeypatch.setattr(Tickets, "sent", [])
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Tickets.sent


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as fake:
        yield fake


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "mantissa.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def runtime(path: Path) -> Iterator[Runtime]:
    with Runtime.open(path) as opened:
        yield opened


def ticket_answers(**changes: Any) -> dict[str, Any]:
    """Answers that ``acme.tickets`` starts with."""
    return {"token": TOKEN, "project": "SEC", **changes}
