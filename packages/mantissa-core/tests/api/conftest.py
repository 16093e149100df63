"""An instance with two log types, alerts on one of them, and the API in front of it, in this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mantissa_core.api.app import create_app
from mantissa_core.api.roles import Role
from mantissa_core.api.scopes import Scope
from mantissa_core.api.tokens import Tokens
from mantissa_core.runtime import Runtime
from starlette.testclient import TestClient

LOG_TYPE = """
name: {name}
title: {title}
time: {{path: at}}
id: {{native: [key]}}
columns:
  - {{path: key, description: The event's id.}}
  - {{path: at, description: When it happened.}}
  - {{path: verb, description: What was done.}}
  - {{path: actor, description: Who did it.}}
  - {{path: address, description: From where.}}
overlay:
  user: [actor]
  src_ip: [address]
  any_ip: [address]
sigma:
  logsources: [{{product: {product}}}]
views: [auth]
"""

RULE = """
title: {title}
id: {id}
level: high
description: Somebody opened the vault.
logsource: {{product: {product}}}
detection:
  selection: {{verb: open_vault}}
  condition: selection
"""

SQL_RULE = """
title: Many knocks
id: 0c9d1f7a-2a6e-4b0e-8f51-6d1d6e0b7c33
level: low
query: SELECT m_id, m_time FROM secret_audit WHERE m_time >= $window_start AND m_time < $window_end
schedule_expression: rate(5 minutes)
"""

VAULT = "6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11"
SECRET_VAULT = "7b5b2c9f-3a4d-4b64-8e8f-1e0a7a1d2b22"
CONFIG = {
    "lake": {"retention_days": 36500},
    "rules": {"packs": False, "paths": ["rules"]},
    "log_types": {"paths": ["log_types"]},
    "api": {"requests_per_minute": 1_000_000},
}


def crossed(times: int) -> str:
    """Every combination of the five events of acme_audit, so many at a time: the guard takes no generator of rows."""
    joins = (f"JOIN acme_audit t{number} ON t0.dt = t{number}.dt" for number in range(1, times))
    return " ".join(["acme_audit t0", *joins])


def numbers(count: int) -> str:
    """A statement with the rows 0, 1, 2 … of a column n; 3,125 at most."""
    return f"SELECT row_number() OVER () - 1 AS n FROM {crossed(5)} ORDER BY n LIMIT {count}"


SLOW = (
    f"WITH w AS (SELECT t0.dt, t1.key AS one, t2.key AS two FROM {crossed(8)}) "
    "SELECT count(*) AS n FROM w x JOIN w y ON x.dt = y.dt WHERE x.one || y.two LIKE '%k1k1%'"
)
"""A statement that takes hours."""


def event(number: int, verb: str = "knock", actor: str = "amara") -> dict[str, Any]:
    """An event of either log type."""
    at = f"2026-11-20T10:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"key": f"k{number}", "at": at, "verb": verb, "actor": actor, "address": "192.0.2.1"}


VARIABLES = ("MANTISSA_HOME", "MANTISSA_DEV_MODE", "RULES_PATH", "CORS_ALLOWED_ORIGIN", "MAX_RESULT_ROWS")


def write_home(folder: Path) -> Path:
    """Log types, and rules about them."""
    for name, text in {
        "log_types/acme.yaml": LOG_TYPE.format(name="acme.audit", title="Acme audit log", product="acme"),
        "log_types/secret.yaml": LOG_TYPE.format(name="secret.audit", title="Hush audit log", product="hush"),
        "rules/vault.yml": RULE.format(title="Vault opened", id=VAULT, product="acme"),
        "rules/hush.yml": RULE.format(title="Other vault opened", id=SECRET_VAULT, product="hush"),
        "rules/knocks.yml": SQL_RULE,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Its folder, which the tests of a module share."""
    return write_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def runtime(home):
    """The instance, with an alert about each log type."""
    with pytest.MonkeyPatch.context() as environment:
        for name in VARIABLES:
            environment.delenv(name, raising=False)
        with Runtime.open({**CONFIG, "home": str(home)}) as opened:
            opened.ingest("acme.audit", [event(0, "open_vault"), *(event(each) for each in range(1, 5))])
            opened.ingest("secret.audit", [event(100, "open_vault", "lin"), event(101, actor="lin")])
            opened.detect()
            yield opened


@pytest.fixture(scope="module")
def token(runtime):
    """``token("viewer", ["acme_audit"], ["alerts:read"])``: the headers that a caller of that role sends."""
    made = Tokens(runtime.state)
    numbers = count()

    def create(role: str, tables: list[str] | None = None, scopes: list[str] | None = None) -> dict[str, str]:
        meant = [Scope(each) for each in scopes] if scopes is not None else None
        _, value = made.create(f"{role}-{next(numbers)}", Role(role), tables=tables, scopes=meant, by="noor")
        return {"Authorization": f"Bearer {value}"}

    return create


@pytest.fixture(scope="module")
def client(runtime):
    """The API."""
    with TestClient(create_app(runtime, environ={})) as found:
        yield found


@pytest.fixture(scope="module")
def address(runtime):
    """The API behind a real server on a port of this machine: for what depends on connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(runtime, environ={}), log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()


def eventually(condition: Callable[[], Any]) -> Any:
    """What a condition gives once it gives something."""
    for _ in range(600):
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it does not happen")
