"""Asking needs nobody else: no network at import, and no library of a vendor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BLOCKED = """
import socket, sys
def refused(*_, **__):
    print("NETWORK")
    raise OSError("no network in this test")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
"""
EVERYTHING = """
import importlib, pkgutil, mantissa_core.ask
for each in pkgutil.walk_packages(mantissa_core.ask.__path__, "mantissa_core.ask."):
    importlib.import_module(each.name)
    print(each.name)
heavy = {"litellm", "openai", "anthropic", "google.genai", "boto3"} & set(sys.modules)
print("LOADED", *heavy)
"""
WITHOUT_LITELLM = """
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("litellm", "mantissa_litellm"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
from mantissa_core import Runtime
with Runtime.open({"home": sys.argv[1]}) as siem:
    print(siem.ask("failed logins today").status)
"""


def run(code: str, *arguments: str) -> list[str]:
    bare = {name: value for name, value in os.environ.items() if name != "LLM_PROVIDER"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, env=bare
    )
    return done.stdout.splitlines()


def test_importing_all_of_ask_opens_no_connection_and_loads_no_vendors_library() -> None:
    *modules, loaded = run(BLOCKED + EVERYTHING)
    assert "mantissa_core.ask.model.planner" in modules
    assert "mantissa_core.ask.providers.gemini" in modules
    assert "NETWORK" not in modules
    assert loaded == "LOADED"


def test_the_test_above_would_see_a_connection() -> None:
    assert run(BLOCKED + "try: socket.create_connection(('192.0.2.1', 1))\nexcept OSError: pass") == ["NETWORK"]


def test_questions_are_answered_where_litellm_is_not_installed(tmp_path: Path) -> None:
    assert run(BLOCKED + WITHOUT_LITELLM, str(tmp_path)) == ["abstained"]  # there is no table yet
