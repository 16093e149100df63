"""``mantissa routes add``: what is understood is shown and saved, what is not changes nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mantissa_core import config

from .conftest import Run, documents

SINKS = """
[sinks.hook]      # everything urgent
plugin = "core.webhook"
url = "https://example.com/alerts"

[sinks.screen]
plugin = "core.console"
"""


class _WithRoutes(config.Settings):
    """The sections that routes are saved in."""

    routes: Mapping[str, Any] = {}
    escalations: Mapping[str, Any] = {}


@pytest.fixture(autouse=True)
def routed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "routes" not in config.Settings.model_fields:
        monkeypatch.setattr(config, "Settings", _WithRoutes)
    with (home / "mantissa.toml").open("a") as file:
        file.write(SINKS)


def test_a_route_is_shown_in_both_languages_and_saved(home: Path, mantissa_at: Run) -> None:
    before = (home / "mantissa.toml").read_text()
    made = mantissa_at("routes", "add", "at night critical alerts to the webhook, the rest to the console", "--yes")
    assert made.exit_code == 2, "it is not clear whether the night is meant for both"
    made = mantissa_at("routes", "add", "critical alerts to the webhook, the rest to the console", "--yes")
    assert made.exit_code == 0, made.output
    assert '    [routes.hook]\n    to = ["hook"]\n    when = {severities = ["critical"]}\n' in made.stdout
    assert "Alerts of severity critical go to hook." in made.stdout
    assert "What no other route takes goes to screen." in made.stdout
    assert "No route names log" in made.stdout
    text = (home / "mantissa.toml").read_text()
    assert text.startswith(before.rstrip())
    assert tomllib.loads(text)["routes"] == {
        "hook": {"to": ["hook"], "when": {"severities": ["critical"]}},
        "rest": {"to": ["screen"], "rest": True},
    }


def test_words_may_come_one_by_one_and_hours_have_a_time_zone(mantissa_at: Run) -> None:
    words = ["send", "high", "alerts", "to", "the", "webhook", "at", "night"]
    made = documents(mantissa_at("routes", "add", *words, "--timezone", "Europe/Berlin", "--json", "--yes"))
    assert made["saved"] is True
    assert made["sections"] == {
        "routes.hook": {
            "to": ["hook"],
            "when": {"severities": ["high"], "hours": "22:00-06:00", "timezone": "Europe/Berlin"},
        }
    }
    assert made["meaning"][0] == ("Alerts of severity high between 22:00 and 06:00 (Europe/Berlin) go to hook.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("send to Slack", "'mantissa sinks add slack' sets one up"),
        ("send quickly to the webhook", "the word 'quickly' is not known. The nearest form that is understood"),
        ("do not send to the webhook", "is not known"),
    ],
)
def test_what_is_not_understood_changes_nothing(home: Path, mantissa_at: Run, words: str, said: str) -> None:
    before = (home / "mantissa.toml").read_text()
    made = mantissa_at("routes", "add", words, "--yes")
    assert made.exit_code == 2
    assert said in " ".join(made.output.split())
    assert (home / "mantissa.toml").read_text() == before


def test_where_nobody_can_be_asked_it_is_shown_and_not_saved(home: Path, mantissa_at: Run) -> None:
    before = (home / "mantissa.toml").read_text()
    made = mantissa_at("routes", "add", "everything to the wbehook")
    assert made.exit_code == 1
    assert "Read 'wbehook' as 'webhook'." in made.stdout
    assert "add --yes" in made.stderr
    assert (home / "mantissa.toml").read_text() == before


def test_an_escalation_is_saved_with_its_route_and_warned_of_at_removal(home: Path, mantissa_at: Run) -> None:
    words = "critical alerts to the console, if nobody acknowledges in 15 minutes send to the webhook"
    assert mantissa_at("routes", "add", words, "--yes").exit_code == 0
    saved = tomllib.loads((home / "mantissa.toml").read_text())
    assert saved["routes"]["screen"]["escalation"] == "screen"
    assert saved["escalations"] == {"screen": {"steps": [{"after": "15m", "to": ["hook"]}]}}
    gone = documents(mantissa_at("sinks", "remove", "hook", "--yes", "--json"))
    assert gone["warnings"] == ["It is still named by escalations.screen."]
