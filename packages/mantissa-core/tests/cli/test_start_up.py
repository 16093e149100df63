"""Help and listings start at once: nothing heavy is imported for them."""

import json
import subprocess
import sys

import pytest
from mantissa_core.cli.app import SECTIONS

from .conftest import mantissa

HEAVY = {"rich", "pyarrow", "duckdb", "deltalake", "sigma", "boto3", "litellm", "structlog", "yaml", "httpx"}


def _modules(*words):
    code = (
        "import json, sys; sys.argv = ['mantissa', *sys.argv[1:]]\n"
        "from mantissa_core.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "print('\\n' + json.dumps([code or 0, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    return {name.split(".")[0] for name in modules}


@pytest.mark.parametrize("words", [["--help"], ["plugins", "list"], ["completion", "bash"]])
def test_it_imports_nothing_heavy(words):
    modules = _modules(*words)
    assert "mantissa_core" in modules
    assert modules & (HEAVY | {"pydantic"}) == set()


def test_the_help_page_lists_every_command_without_importing_one():
    shown = mantissa("--help").output
    for lines in SECTIONS.values():
        for name, line in lines.items():
            assert name in shown
            assert line in shown


@pytest.mark.parametrize("name", [name for lines in SECTIONS.values() for name in lines])
def test_every_command_exists_and_explains_itself(name):
    shown = mantissa(name, "--help")
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) > 5


def test_every_installed_plugin_is_listed_as_json_too():
    listed = json.loads(mantissa("plugins", "list", "--kind", "state_stores", "--json").stdout)
    assert [each["name"] for each in listed] == ["core.sqlite"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed_for_each_shell(shell):
    assert "_MANTISSA_COMPLETE" in mantissa("completion", shell).output


def test_completion_offers_commands_by_their_beginning():
    from click.shell_completion import ShellComplete
    from mantissa_core.cli.app import cli

    found = ShellComplete(cli, {}, "mantissa", "_MANTISSA_COMPLETE").get_completions([], "pl")
    assert {each.value for each in found} == {"plugins", "plugin"}
