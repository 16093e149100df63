"""Destinations are set up, listed, tried and removed from the command line, with and without a person."""

from __future__ import annotations

import os
import pty
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

from .conftest import Run, documents, event, write_lines

TOKEN = "t0ken-of-the-tests"


class Hook(FakeHTTP):
    """Takes what carries the right ``Authorization``."""

    def answer(self, request: Request) -> Answer:
        return Answer(204 if request.headers.get("authorization") == TOKEN else 401)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Hook() as fake:
        yield fake


def add(mantissa_at: Run, hook: Hook, *words: str, token: str = TOKEN, type_: str = "webhook"):
    settings = ("--set", f"url={hook.url}/alerts", "--set", "timeout=5", "--secret", "headers.Authorization=-")
    return mantissa_at("sinks", "add", type_, *settings, *words, input=token)


def test_a_sink_is_added_without_questions_and_gets_alerts(home: Path, mantissa_at: Run, hook: Hook) -> None:
    made = add(mantissa_at, hook, "--set", "severity_filter=high", "--yes")
    assert made.exit_code == 0, made.output
    assert 'headers = {Authorization = "secret://sinks/webhook/headers/Authorization"}' in made.stdout
    assert "ok: the test message arrived" in made.stdout
    assert TOKEN not in made.output
    assert TOKEN not in (home / "mantissa.toml").read_text()
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    assert mantissa_at("collect").exit_code == 0
    assert mantissa_at("detect").exit_code == 0
    assert len(hook.requests) == 2, "the test and the alert"
    [listed] = [each for each in documents(mantissa_at("sinks", "list", "--json")) if each["label"] == "webhook"]
    assert (listed["plugin"], listed["severities"], listed["state"]) == ("core.webhook", ["high"], "healthy")
    assert (listed["waiting"], listed["given_up"], listed["enabled"]) == (0, 0, True)
    assert listed["last_delivery"]


def test_a_test_message_that_does_not_arrive_saves_nothing(home: Path, mantissa_at: Run, hook: Hook) -> None:
    before = (home / "mantissa.toml").read_text()
    made = add(mantissa_at, hook, "--yes", token="wr0ng")
    assert made.exit_code == 3
    assert "401" in made.stdout
    assert "wr0ng" not in made.output
    assert (home / "mantissa.toml").read_text() == before
    assert documents(mantissa_at("secrets", "list", "--json")) == []
    assert add(mantissa_at, hook, "--yes", "--no-test", token="wr0ng").exit_code == 0
    assert mantissa_at("sinks", "test", "webhook").exit_code == 3


def test_where_nobody_can_be_asked_it_is_shown_and_not_saved(home: Path, mantissa_at: Run, hook: Hook) -> None:
    before = (home / "mantissa.toml").read_text()
    made = add(mantissa_at, hook)
    assert made.exit_code == 1
    assert "add --yes" in made.stderr.lower()
    assert (home / "mantissa.toml").read_text() == before


def test_json_says_what_the_api_will_say(mantissa_at: Run, hook: Hook) -> None:
    made = documents(add(mantissa_at, hook, "--yes", "--json", "--label", "soc"))
    assert made["saved"] is True
    assert made["secrets"] == ["sinks/soc/headers/Authorization"]
    assert made["validation"]["success"] is True
    assert set(made["validation"]["details"]) == {"response", "latency_ms"}
    tested = documents(mantissa_at("sinks", "test", "soc", "--json"))
    assert (tested["label"], tested["success"]) == ("soc", True)


def test_a_taken_label_is_replaced_only_on_request(mantissa_at: Run, hook: Hook) -> None:
    assert add(mantissa_at, hook, "--yes", "--label", "soc").exit_code == 0
    assert add(mantissa_at, hook, "--yes", "--label", "soc").exit_code == 2
    assert add(mantissa_at, hook, "--yes", "--label", "soc", "--replace").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "colour=red"), "no setting 'colour'"),
        (("--set", "url"), "expected KEY=VALUE"),
        (("--set", "secret=hunter2"), "use --secret secret=-"),
        (("--secret", "secret=hunter2"), "others on this machine see arguments"),
        (("--secret", "secret=-", "--secret", "headers.A=-"), "only one can come from standard input"),
        (("--secret", "secret=-"), "standard input is empty"),
        (("--set", "severity_filter=urgent"), "one of informational"),
        (("--label", "no label"), "letters, digits"),
    ],
)
def test_a_wrong_option_is_explained_without_the_secret(mantissa_at: Run, words: tuple[str, ...], said: str) -> None:
    made = mantissa_at("sinks", "add", "webhook", *words, "--yes", input="")
    assert made.exit_code == 2, made.output
    assert said in " ".join(made.output.split())
    assert "hunter2" not in made.output


def test_a_short_name_that_means_several_lists_them_with_what_they_do(mantissa_at: Run) -> None:
    made = mantissa_at("sinks", "add", "core", "--yes")
    assert made.exit_code == 2
    assert "core.webhook: Posts each message to one address." in made.output
    assert "'core'?" in mantissa_at("sinks", "add", "cor3", "--yes").output


def test_a_sink_is_disabled_enabled_and_removed_with_its_secret(home: Path, mantissa_at: Run, hook: Hook) -> None:
    before = (home / "mantissa.toml").read_text()
    assert add(mantissa_at, hook, "--yes").exit_code == 0
    assert mantissa_at("sinks", "disable", "webhook").exit_code == 0
    assert "disabled" in mantissa_at("sinks", "list").output
    assert "is disabled" in mantissa_at("sinks", "test", "webhook").output
    assert mantissa_at("sinks", "enable", "webhook").exit_code == 0
    assert mantissa_at("sinks", "remove", "webhook").exit_code == 2, "nobody can be asked"
    gone = mantissa_at("sinks", "remove", "webhook", "--yes")
    assert "Forgot sinks/webhook/headers/Authorization." in gone.output
    assert (home / "mantissa.toml").read_text().rstrip() == before.rstrip()
    assert mantissa_at("sinks", "remove", "webhook", "--yes").exit_code == 2


def test_a_sink_that_cannot_start_is_listed_with_the_reason(home: Path, mantissa_at: Run) -> None:
    with (home / "mantissa.toml").open("a") as file:
        file.write('\n[sinks.broken]\nplugin = "core.webhook"\nurl = "https://example.com"\nsecret = "secret://gone"\n')
    listed = mantissa_at("sinks", "list")
    assert listed.exit_code == 0
    assert "mantissa secrets set gone" in listed.output
    assert mantissa_at("sinks", "test", "broken").exit_code == 3
    assert "no sink is called 'x'" in mantissa_at("sinks", "test", "x").output


class Terminal:
    """The command line on a terminal of its own: ``type`` waits for a prompt and answers it."""

    def __init__(self, home: Path, *words: str) -> None:
        self.shown = ""
        self.pid, self._handle = pty.fork()
        if not self.pid:
            program = str(Path(sys.executable).parent / "mantissa")
            os.execv(program, [program, "-C", str(home), *words])
        self._watch = threading.Timer(60, os.kill, (self.pid, signal.SIGKILL))
        self._watch.start()

    def type(self, prompt: str, text: str) -> None:
        seen = len(self.shown)
        while not re.search(prompt, self.shown[seen:], re.DOTALL):
            self._read(f"waiting for {prompt!r}")
        os.write(self._handle, f"{text}\n".encode())

    def finish(self) -> int:
        while True:
            try:
                self._read("")
            except (OSError, EOFError):
                break
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._watch.cancel()
        os.close(self._handle)
        return code

    def _read(self, why: str) -> None:
        data = os.read(self._handle, 4096)
        if not data:
            raise EOFError(f"{why}: {self.shown}")
        self.shown += data.decode()


def test_at_a_terminal_it_asks_and_never_shows_what_is_secret(home: Path, hook: Hook) -> None:
    terminal = Terminal(home, "sinks", "add", "webhook")
    terminal.type("url: The address.*Value: ", f"{hook.url}/alerts".replace("http:", "htp:"))
    terminal.type("Change which ones.*: ", "headers, nonsense")
    terminal.type("There is no nonsense.*Change which ones.*: ", "headers")
    terminal.type("not shown.*: ", f"Authorization={TOKEN}")
    terminal.type("Label of the new sink", "")
    assert terminal.finish() == 3
    assert "htp:" in terminal.shown
    terminal = Terminal(home, "sinks", "add", "webhook", "--set", f"url={hook.url}/alerts")
    terminal.type("Change which ones.*: ", "headers, severity_filter")
    terminal.type("not shown.*: ", f"Authorization={TOKEN}")
    terminal.type("One of informational.*Value: ", "urgent")
    terminal.type("expected one of.*Value: ", "high, critical")
    terminal.type("Label of the new sink", "soc")
    terminal.type("ok: the test message arrived.*Save it", "y")
    assert terminal.finish() == 0, terminal.shown
    assert TOKEN not in terminal.shown
    text = (home / "mantissa.toml").read_text()
    assert '[sinks.soc]\nplugin = "core.webhook"' in text
    assert 'severity_filter = ["high", "critical"]' in text
    assert len(hook.requests) == 1
