"""Starting is light: what a command does not need is not imported."""

import subprocess
import sys

import pytest

HEAVY = ("boto3", "botocore", "litellm", "google", "azure", "duckdb", "deltalake", "sigma", "pyarrow", "mcp")


def _loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    "statement",
    [
        "import mantissa_core",
        "import mantissa_core.hookspecs, mantissa_core.errors, mantissa_core.model",
        "import mantissa_core.runtime",
        "from mantissa_core.cli.app import cli; cli(['plugins', 'list'], standalone_mode=False)",
        "from mantissa_core.cli.app import cli; cli(['--help'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_imported(statement):
    assert _loaded_by(statement) == []


def test_importing_has_no_side_effects():
    code = (
        "import logging, os, threading; before = dict(os.environ)\n"
        "import mantissa_core, mantissa_core.runtime, mantissa_core.hookspecs\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not logging.getLogger().handlers\n"
        "assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_asking_needs_neither_litellm_nor_a_network():
    code = (
        "import socket, sys\n"
        "def refused(*_, **__): raise SystemExit('reached for the network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused\n"
        "sys.modules['litellm'] = None\n"
        "from datetime import UTC, datetime\n"
        "from mantissa_core.ask.providers import anthropic, azure_openai, gemini, openai_compatible\n"
        "import mantissa_core.ask.model\n"
        "from mantissa_core.ask.parse import parse\n"
        "from mantissa_core.ask.schema import Schema\n"
        "from mantissa_core.parse.log_types import LogTypes\n"
        "types = list(LogTypes.load([]))\n"
        "schema = Schema.of(types, {each.table for each in types})\n"
        "print(parse('failed logins in the last 24 hours', schema, datetime.now(UTC)).plan.source)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["auth"]
