from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from mantissa_core import Runtime
from mantissa_core.errors import ConfigError, PluginError, SecretError
from mantissa_core.hookspecs import AlertSink
from mantissa_core.setup import save as saving
from mantissa_core.setup.save import PARTITION, remove, save, save_sections, switch
from mantissa_core.setup.toml_file import TomlFile
from mantissa_core.state import audit

from .conftest import CONFIG, TOKEN, ticket_answers


def stored(runtime: Runtime) -> dict[str, str]:
    return {name: runtime.secrets.get_secret(name).value for name in runtime.secrets.list_secrets()}  # type: ignore[union-attr]


def history(runtime: Runtime, subject: str) -> list[dict[str, Any]]:
    return [dict(each) for each in audit.entries(runtime.state, PARTITION, subject)]


def test_a_saved_sink_runs_after_a_restart_and_the_file_only_refers_to_its_secrets(
    runtime: Runtime, path: Path
) -> None:
    answers = ticket_answers(passwords={"a b/c": "s3cond"}, severity_filter=["critical"], size=4)
    save(runtime, path, "acme.tickets", "soc", answers, by="amara")
    assert TOKEN not in path.read_text()
    assert TomlFile(path).values()["sinks"]["soc"] == {
        "plugin": "acme.tickets",
        "size": 4,
        "token": "secret://sinks/soc/token",
        "project": "SEC",
        "passwords": {"a b/c": "secret://sinks/soc/passwords/a-b-c"},
        "severity_filter": ["critical"],
    }
    assert stored(runtime) == {"sinks/soc/token": TOKEN, "sinks/soc/passwords/a-b-c": "s3cond"}
    with Runtime.open(path) as again:
        again.plugins(AlertSink)
        again.host.check(AlertSink, "soc")
    [entry] = history(runtime, "sink/soc")
    assert (entry["action"], entry["by"], entry["plugin"]) == ("added", "amara", "acme.tickets")
    assert entry["settings"] == ["passwords", "plugin", "project", "severity_filter", "size", "token"]
    assert TOKEN not in repr(entry)


def test_a_label_that_is_taken_is_refused_unless_it_is_to_be_replaced(runtime: Runtime, path: Path) -> None:
    save(runtime, path, "acme.tickets", "soc", ticket_answers(size=1))
    before = path.read_text()
    with pytest.raises(ConfigError, match="a sink of that name"):
        save(runtime, path, "acme.tickets", "soc", ticket_answers())
    assert path.read_text() == before
    save(runtime, path, "acme.tickets", "soc", ticket_answers(token="n3w"), replace=True)
    assert list(stored(runtime).values()) == ["n3w"], "the old secret is forgotten"
    assert "size" not in TomlFile(path).values()["sinks"]["soc"]
    assert [each["action"] for each in history(runtime, "sink/soc")] == ["added", "replaced"]


@pytest.mark.parametrize("answers", [{"token": TOKEN}, ticket_answers(size="x"), ticket_answers(colour="red")])
def test_what_would_not_start_is_not_saved(runtime: Runtime, path: Path, answers: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match=r"sinks\.soc"):
        save(runtime, path, "acme.tickets", "soc", answers)
    assert path.read_text() == CONFIG
    assert stored(runtime) == {}
    assert history(runtime, "sink/soc") == []


@pytest.mark.parametrize("step", ["put_secret", "write"])
@pytest.mark.parametrize("replacing", [False, True], ids=["new", "replacing"])
def test_a_crash_at_any_step_leaves_the_instance_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, replacing: bool
) -> None:
    """The process ends for good after the step: nothing is taken back."""
    with Runtime.open(path) as runtime:
        if replacing:
            save(runtime, path, "acme.tickets", "soc", ticket_answers())
    before = path.read_text()
    child = os.fork()
    if not child:
        with Runtime.open(path) as runtime:
            if step == "write":
                monkeypatch.setattr(TomlFile, "write", lambda *_: os._exit(9))
            else:
                monkeypatch.setattr(saving, "_audited", lambda *_: os._exit(9))
            save(runtime, path, "acme.tickets", "soc", ticket_answers(token="n3w"), replace=replacing)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert path.read_text() == before
    with Runtime.open(path) as runtime:
        assert "n3w" in stored(runtime).values(), "it came as far as that"
        if replacing:
            assert stored(runtime)["sinks/soc/token"] == TOKEN
        save(runtime, path, "acme.tickets", "soc", ticket_answers(token="l4st"), replace=replacing)
        assert list(stored(runtime).values()) == ["l4st"]


def test_a_file_that_cannot_be_written_takes_the_secrets_back(
    runtime: Runtime, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(TomlFile, "write", full)
    with pytest.raises(OSError, match="No space left"):
        save(runtime, path, "acme.tickets", "soc", ticket_answers())
    assert stored(runtime) == {}
    assert [each["action"] for each in history(runtime, "sink/soc")] == ["added", "not added"]


def test_a_secret_store_that_cannot_write_saves_nothing(path: Path) -> None:
    config = CONFIG + '\n[secrets]\npath = "vault.json"\n'
    path.write_text(config)
    (path.parent / "vault.json").write_text("no vault")
    with Runtime.open(path) as runtime, pytest.raises(SecretError):
        save(runtime, path, "acme.tickets", "soc", ticket_answers())
    assert path.read_text() == config


def test_removing_a_sink_forgets_its_own_secrets_and_no_others(runtime: Runtime, path: Path) -> None:
    runtime.secrets.put_secret("shared", "a", None)
    save(runtime, path, "acme.tickets", "soc", ticket_answers(passwords={"x": "secret://shared", "y": "own"}))
    save(runtime, path, "acme.tickets", "two", {"token": "secret://sinks/soc/token", "project": "SEC"})
    gone = remove(runtime, path, "soc", by="lin")
    assert gone.secrets == ("sinks/soc/passwords/y",)
    assert gone.kept == ("shared", "sinks/soc/token")
    assert set(stored(runtime)) == {"shared", "sinks/soc/token"}
    assert [(each["action"], each["by"]) for each in history(runtime, "sink/soc")][-1] == ("removed", "lin")
    remove(runtime, path, "two")
    assert TomlFile(path).values() == tomllib.loads(CONFIG)
    with pytest.raises(ConfigError, match="expected one of log"):
        remove(runtime, path, "two")


def test_a_sink_is_disabled_and_enabled(runtime: Runtime, path: Path) -> None:
    switch(runtime, path, "log", False)
    assert 'path = "alerts.ndjson"\nenabled = false\n\n# --- Rules ---' in path.read_text()
    switch(runtime, path, "log", True)
    assert TomlFile(path).values()["sinks"]["log"]["enabled"] is True
    assert [each["action"] for each in history(runtime, "sink/log")] == ["disabled", "enabled"]
    with pytest.raises(ConfigError, match="expected one of log"):
        switch(runtime, path, "pager", True)


def test_sections_are_saved_all_or_none(runtime: Runtime, path: Path) -> None:
    good = {"plugin": "core.console"}
    with pytest.raises(ConfigError):
        save_sections(runtime, path, "x", {("sinks", "a"): good, ("sinks", "b"): {"plugin": 3}})
    assert path.read_text() == CONFIG
    save_sections(runtime, path, "x", {("sinks", "a"): good, ("sinks", "b"): good}, by="noor")
    assert list(TomlFile(path).values()["sinks"]) == ["log", "a", "b"]
    [entry] = history(runtime, "x")
    assert (entry["by"], entry["sections"]) == ("noor", ["sinks.a", "sinks.b"])


def test_two_processes_that_save_at_once_both_succeed(path: Path) -> None:
    children = []
    for label in ("one", "two", "three"):
        child = os.fork()
        if not child:
            with Runtime.open(path) as runtime:
                save(runtime, path, "core.file", label, {"path": f"{label}.ndjson"})
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children] == [0, 0, 0]
    assert set(TomlFile(path).values()["sinks"]) == {"log", "one", "two", "three"}
