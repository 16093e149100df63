"""``mantissa run`` as a process: it works, ends when told to, and says how."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from .conftest import event, write_lines

PATIENCE = 60


@pytest.fixture
def service(home):
    """The process, running; killed at the end where it still does."""
    code = "from mantissa_core.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "-C", str(home), "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def _eventually(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_after_the_work_in_hand(home, service, number):
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    sink = home / "alerts.ndjson"
    _eventually(lambda: sink.exists() and sink.read_text().endswith("\n"))
    service.send_signal(number)
    _, errors = service.communicate(timeout=PATIENCE)
    assert service.returncode == 0
    assert "stopped" in errors
    assert json.loads(sink.read_text())["alert"]["rule_name"] == "Vault opened"


def test_a_configuration_error_ends_it_before_it_starts(home):
    (home / "mantissa.toml").write_text("[nonsense]\n")
    code = "from mantissa_core.cli import main; main()"
    words = [sys.executable, "-c", code, "-C", str(home), "run"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def test_a_reader_that_goes_away_is_no_error(home):
    code = "from mantissa_core.cli import main; main()"
    shell = f'{sys.executable} -c "{code}" -C {home} rules list | true'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stderr == ""


def test_a_second_signal_ends_the_process_at_once():
    code = (
        "import os, signal\n"
        "from mantissa_core.cli.run import stop_on_signals\n"
        "with stop_on_signals() as stop:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    assert stop.is_set()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('still here')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "")
