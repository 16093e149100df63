"""The how-to pages, run from top to bottom in an empty folder: what they say to type works, and prints what they show.

In a page, a block under a line that ends with a file's name (``… in `mantissa.toml`:``) becomes that file; where the
line says "add", it is appended. ``text`` blocks are left alone. A ``console`` block holds commands behind ``$ `` and
what they print: each of these lines must be printed, in this order, and ``…`` stands for anything. Commands succeed
unless they say ``# exits with 1``. The port 8787 is replaced by a free one.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from mantissa_core.cli.app import cli

PAGES = sorted((Path(__file__).parents[1] / "docs" / "how-to").glob("*.md"))
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w./-]+)`:$")
COMMAND = re.compile(r"^\$ (?P<line>(?:.*\\\n)*.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.MULTILINE)
EXITS = re.compile(r"\s+# exits with (\d+)$")
PLAIN = re.compile(r"""mantissa( +([\w./:=@%+,-]+|"[^"$`\\]*"|'[^']*'))+""")
PORT, PATIENCE = "8787", 60
END = "\x1eexit code "

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the pages use sed and stat as Linux has them")


class Shell:
    """One bash for a page, so that jobs go on. A plain ``mantissa …`` runs in this process: that is much faster."""

    def __init__(self, folder: Path) -> None:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._bash = subprocess.Popen(["bash"], **streams, text=True, cwd=folder, start_new_session=True)

    def run(self, line: str) -> tuple[int, str]:
        """The exit code, and what was printed on both streams."""
        if PLAIN.fullmatch(line):
            result = CliRunner().invoke(cli, shlex.split(line)[1:], prog_name="mantissa")
            return result.exit_code, result.output
        self._bash.stdin.write(f"{{\n{line}\n}} < /dev/null\necho '{END}'$?\n")
        self._bash.stdin.flush()
        watch = threading.Timer(PATIENCE, self.kill)
        watch.start()
        printed = ""
        for text in self._bash.stdout:
            before, end, code = text.partition(END)
            printed += before
            if end:
                watch.cancel()
                return int(code), printed
        pytest.fail(f"{line}: the shell ended, or {PATIENCE} s went by\n{printed}")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        self._bash.communicate()


@pytest.fixture
def shell(tmp_path, monkeypatch):
    for name in [name for name in os.environ if re.match("MANTISSA_|AWS_|RULES_PATH|.*_proxy$", name, re.IGNORECASE)]:
        monkeypatch.delenv(name)
    for name, value in {"COLUMNS": "120", "NO_COLOR": "1", "XDG_CACHE_HOME": str(tmp_path / ".cache")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path)
    yield shell
    shell.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_how_to_works_from_top_to_bottom(page, shell):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    for block in BLOCK.finditer(page.read_text("utf-8").replace(PORT, port)):
        if block["language"] == "console":
            _type(shell, block["body"])
        elif block["language"] != "text":
            _write(block)


def _type(shell, body):
    for command in COMMAND.finditer(body):
        line, code = EXITS.sub("", command["line"]), EXITS.search(command["line"])
        found, printed = shell.run(line)
        assert found == (int(code[1]) if code else 0), f"$ {line}\n{printed}"
        at = 0
        for shown in command["shown"].splitlines():
            match = re.compile(rf"^{_pattern(shown)}[ ]*$", re.MULTILINE).search(printed, at)
            assert match, f"$ {line}\nexpected: {shown}\nprinted:\n{printed[at:]}"
            at = match.end()


def _pattern(shown):
    """A line as it stands; around ``…`` it may be wrapped, as long texts in tables are."""
    parts = [re.escape(part) for part in shown.split("…")]
    return parts[0] if len(parts) == 1 else "(?s:.*?)".join(re.sub(r"(\\ )+", r"\\s+", part) for part in parts)


def _write(block):
    lead = block.string[: block.start()].rstrip().rpartition("\n")[2]
    name = FILE.search(lead)
    assert name, f"the line above a {block['language']} block ends with the name of a file: {lead!r}"
    path = Path(name[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a" if re.search(r"\badd\b", lead, re.IGNORECASE) else "w") as file:
        file.write(block["body"])
