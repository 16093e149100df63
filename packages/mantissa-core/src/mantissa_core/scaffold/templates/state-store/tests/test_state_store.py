"""The conformance kit of state stores, and what this one promises beyond it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mantissa_core.errors import StateError
from mantissa_core.model import Put
from mantissa_core.testing.state_store import StateStoreContract

from mantissa_acme.state_store import Gadget


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.json"


@pytest.fixture
def store(path: Path) -> Gadget:
    return Gadget(Gadget.Config(path=path))


class TestGadget(StateStoreContract):
    @pytest.fixture
    def store(self, store: Gadget) -> Gadget:
        return store

    @pytest.fixture
    def reopen(self, path: Path) -> Callable[[], Gadget]:
        return lambda: Gadget(Gadget.Config(path=path))


COUNT = """
import sys
from pathlib import Path
from mantissa_core.state import State
from mantissa_acme.state_store import Gadget

state = State(Gadget(Gadget.Config(path=Path(sys.argv[1]))))
for _ in range(20):
    state.update("p", "counter", lambda old: {"n": (old or {"n": 0})["n"] + 1})
"""


def test_processes_do_not_overwrite_each_other(store: Gadget, path: Path) -> None:
    command = [sys.executable, "-c", COUNT, str(path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert store.get_documents("p", ["counter"])["counter"].value == {"n": 60}


def test_what_has_expired_does_not_stay_in_the_file(store: Gadget, path: Path) -> None:
    past = datetime(2000, 1, 1, tzinfo=UTC)
    store.commit_documents("old", [Put("a", {"said": "long ago"}, past)], {})
    store.commit_documents("new", [Put("b", {})], {})
    assert "long ago" not in path.read_text()


@pytest.mark.parametrize("content", ["", "[]", '{"p": {"a": 1}}', '{"p": {"a": {"value": {}'])
def test_a_damaged_file_is_refused_and_left_alone(store: Gadget, path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    for act in (
        store.check,
        lambda: store.get_documents("p", ["a"]),
        lambda: store.commit_documents("p", [Put("a", {})], {}),
    ):
        with pytest.raises(StateError, match="restore a backup"):
            act()
    assert path.read_text() == content
