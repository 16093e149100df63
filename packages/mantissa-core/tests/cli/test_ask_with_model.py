"""``mantissa ask`` where a language model is asked: what it wrote is marked, and shown where somebody watches."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core.ask.events import Event
from mantissa_core.cli.ask_progress import Watch, watching
from mantissa_core.cli.session import Session
from mantissa_core.testing.llm_provider import FakeOpenAI
from rich.console import Console
from rich.progress import Progress, TextColumn

from .conftest import documents, write_lines

QUESTION = "how lopsided are the acme happenings?"


@pytest.fixture
def asked(mantissa_at, home, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    now = datetime.now(UTC)
    lines = [
        {"key": f"k{n}", "at": (now - timedelta(minutes=n + 1)).isoformat(), "actor": who}
        for n, who in enumerate(("amara", "amara", "lin"))
    ]
    write_lines(home / "incoming" / "a.ndjson", *lines)
    assert mantissa_at("collect").exit_code == 0
    with FakeOpenAI() as server:
        config = home / "mantissa.toml"
        config.write_text(
            f'{config.read_text()}\n[llm_providers.tiny]\nplugin = "core.openai_compatible"\n'
            f'base_url = "{server.url}"\nmodel = "gpt-4.1"\n[ask]\nprovider = "tiny"\nraw_sql = true\n'
        )
        server.reply = json.dumps({"sql": "SELECT m_user, count(*) AS n FROM acme_audit GROUP BY 1 ORDER BY 2 DESC"})
        yield mantissa_at


def test_sql_of_a_model_is_marked_and_not_saved(asked):
    result = asked("ask", QUESTION, "--save", "mine")
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "The language model tiny wrote the SQL" in text
    assert "Assumed: SQL written by the model, bounded to" in text
    assert "Not saved: a model wrote the SQL" in text
    assert "2 rows." in result.output
    assert "No question is saved" in asked("questions", "list").output
    assert documents(asked("--json", "ask", QUESTION))["raw_sql"] is True


def test_explaining_says_what_the_model_took(asked):
    text = " ".join(asked("ask", QUESTION, "--explain").output.split())
    assert "The model took 1 call: 49 tokens, 0.0001 USD (one call at most" in text


def test_a_session_shows_the_sql_of_a_model_and_does_not_save_it(asked):
    result = asked("ask", input=f"{QUESTION}\n:sql\n:save mine\n:quit\n")
    assert 'FROM "acme_audit"' in result.output
    assert "cannot be saved as a question" in result.stderr


def test_nobody_is_shown_events_away_from_a_terminal():
    with watching(Session()) as watch:
        assert watch is None


def test_what_a_model_writes_is_counted_and_never_printed():
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=200)
    with Progress(TextColumn("{task.description}", markup=False), console=console, auto_refresh=False) as bar:
        watch = Watch(bar)
        for event in (
            Event("reading", {"by": "offline"}),
            Event("reading", {"by": "tiny", "call": 1, "tokens": 9_000, "cost": 0.05}),
            Event("token", {"text": "[red]\x1b[31mhostile"}),
            Event("reading", {"by": "tiny", "call": 2, "tokens": 9_500, "cost": None}),
            Event("token", {"text": "x" * 1_500}),
            Event("answer", {}),
        ):
            watch.event(event)
            bar.refresh()
    text = shown.getvalue()
    assert "Asking tiny, at most 9,000 tokens, 0.05 USD: 17 characters" in text
    assert "Asking tiny again (2), at most 9,500 tokens: 1,500 characters" in text
    assert "hostile" not in text
