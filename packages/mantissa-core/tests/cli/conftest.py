"""An instance with one log type and one rule of its own, and the command line in front of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mantissa_core.cli.app import cli

LOG_TYPE = """
name: acme.audit
title: Acme audit log
synonyms: [acme]
time: {path: at}
id: {native: [key]}
columns:
  - {path: key, description: The event's id.}
  - {path: at, description: When it happened.}
  - {path: verb, description: What was done.}
  - {path: actor, description: Who did it.}
  - {path: address, description: From where.}
overlay:
  user: [actor]
  src_ip: [address]
  any_ip: [address]
sigma:
  logsources: [{product: acme}]
views: [auth]
"""

RULE = """
title: Vault opened
id: 6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11
level: high
description: Somebody opened the vault.
tags: [attack.t1555]
logsource: {product: acme}
detection:
  selection: {verb: open_vault}
  condition: selection
fields: [verb]
"""

RULE_TESTS = """
tests:
  - name: the vault is opened
    match: true
    event: {key: a, at: "2026-11-20T10:00:00Z", verb: open_vault}
  - name: the vault is closed
    match: false
    event: {key: b, at: "2026-11-20T10:00:00Z", verb: close_vault}
"""

CONFIG = """
[lake]
retention_days = 36500

[rules]
packs = false
paths = ["rules"]

[log_types]
paths = ["log_types"]

[collectors.acme]
plugin = "core.file"
path = "incoming"
log_type = "acme.audit"
follow = true
every = 0.1

[sinks.log]
plugin = "core.file"
path = "alerts.ndjson"
"""

Run = Callable[..., Result]


def event(number: int, verb: str = "knock", **others: Any) -> dict[str, Any]:
    """An event of acme.audit."""
    at = f"2026-11-20T10:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"key": f"k{number}", "at": at, "verb": verb, "actor": "alder", "address": "192.0.2.1", **others}


def write_lines(path: Path, *events: Any) -> Path:
    """Append events to an NDJSON file; a text is a line as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        for each in events:
            file.write((each if isinstance(each, str) else json.dumps(each)) + "\n")
    return path


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """No setting of the machine that runs the tests gets in."""
    for name in ("MANTISSA_HOME", "MANTISSA_SECRETS_KEY", "RULES_PATH", "MAX_RESULT_ROWS", "LLM_PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def home(tmp_path):
    """The folder of a configured instance that has stored nothing yet."""
    folder = tmp_path / "home"
    for name, text in {
        "mantissa.toml": CONFIG,
        "log_types/acme_audit.yaml": LOG_TYPE,
        "rules/vault.yml": RULE,
        "rules/vault.tests.yml": RULE_TESTS,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "incoming").mkdir()
    return folder


@pytest.fixture
def mantissa_at(home) -> Run:
    """``mantissa_at("lake", "info")``: the command line on that instance."""

    def run(*words: str, **others: Any) -> Result:
        return mantissa("-C", str(home), *words, **others)

    return run


def mantissa(*words: str, **others: Any) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(cli, list(words), prog_name="mantissa", **others)


def documents(result: Result) -> Any:
    """The JSON that a command printed, which must have succeeded in printing it."""
    assert result.stdout, result.stderr
    return json.loads(result.stdout)
