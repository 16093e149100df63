"""Several processes, killed processes, forks and full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from mantissa_core.errors import StateError
from mantissa_core.model import Document, Put
from mantissa_core.state.sqlite import SQLite

PROGRAM = """
import sys
from pathlib import Path
from mantissa_core.errors import Conflict, StateError
from mantissa_core.model import Put
from mantissa_core.state.sqlite import SQLite

store = SQLite(SQLite.Config(path=Path(sys.argv[1])))
"""


def opened(path: Path) -> SQLite:
    return SQLite(SQLite.Config(path=path))


@pytest.fixture
def store(tmp_path: Path) -> SQLite:
    return opened(tmp_path / "state.sqlite")


def everything(store: SQLite, partition: str = "p") -> dict[str, Document]:
    return {document.key: document for document in store.scan_documents(partition, "", "", 10_000)}


def python(program: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    code = PROGRAM + textwrap.dedent(program)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_of_two_processes_that_create_and_claim_at_once_one_wins_each_claim(store: SQLite) -> None:
    claim = """
        print("ready", flush=True)
        sys.stdin.readline()
        won = 0
        for index in range(40):
            try:
                store.commit_documents("p", [Put(f"{index}", {"owner": sys.argv[2]})], {f"{index}": 0})
                won += 1
            except Conflict:
                pass
        print(won)
    """
    rivals = [python(claim, store.path, name) for name in ("one", "other")]
    for rival in rivals:
        assert rival.stdout.readline() == "ready\n"
    for rival in rivals:
        rival.stdin.write("go\n")
        rival.stdin.flush()
    won = {name: int(rival.communicate()[0]) for name, rival in zip(("one", "other"), rivals, strict=True)}
    owners = [document.value["owner"] for document in everything(store).values()]
    assert {name: owners.count(name) for name in won} == won
    assert sum(won.values()) == 40
    assert all(document.version == 1 for document in everything(store).values())


def test_a_process_killed_between_any_commits_leaves_whole_commits_and_all_that_it_reported(store: SQLite) -> None:
    endless = """
        n = 0
        while True:
            n += 1
            store.commit_documents("p", [Put(key, {"n": n, "pad": "x" * 20_000}) for key in "abcdef"], {})
            print(n, flush=True)
    """
    reported = 0
    for kill_after in (1, 20):
        process = python(endless, store.path)
        for _ in range(kill_after):
            reported = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        reported = int(rest[-1]) if rest else reported
        found = everything(store)
        assert sorted(found) == list("abcdef")
        counts = {document.value["n"] for document in found.values()}
        assert len(counts) == 1, "half a commit"
        assert counts.pop() in (reported, reported + 1), "a commit that was reported is gone"
        store.check()
        store.close()


def test_a_full_disk_is_an_error_and_the_store_stays_intact(store: SQLite) -> None:
    # A limit on the size of files is what an unprivileged test can do; the system call fails in the same place.
    fill = """
        import resource
        store.commit_documents("p", [Put("first", {})], {})
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
        done = 0
        try:
            while True:
                store.commit_documents("p", [Put(f"{done}/{half}", {"pad": "x" * 50_000}) for half in "ab"], {})
                done += 1
        except StateError as error:
            print(done, error)
        assert len(store.scan_documents("p", "", "", 1000)) == 2 * done + 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.commit_documents("p", [Put("last", {})], {})
    """
    process = python(fill, store.path)
    output = process.communicate()[0]
    assert process.returncode == 0
    done, message = output.split(" ", 1)
    assert int(done) > 0
    assert "state.sqlite: the disk failed or is full; nothing was written" in message
    store.check()
    assert len(everything(store)) == 2 * int(done) + 2


def fill(store: SQLite) -> None:
    for index in range(100):
        store.commit_documents("p", [Put(f"{index}", {"pad": "x" * 100_000})], {})


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_without_space_is_an_error_that_says_so(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    store = opened(disk / "state.sqlite")
    try:
        store.commit_documents("p", [Put("first", {})], {})
        with pytest.raises(StateError, match="the disk is full; nothing was written: free some space"):
            fill(store)
        assert "first" in everything(store)
        store.check()
    finally:
        store.close()
        subprocess.run(["umount", disk], check=True)


def test_a_store_is_refused_in_a_forked_process(store: SQLite) -> None:
    store.commit_documents("p", [Put("a", {})], {})
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            store.get_documents("p", ["a"])
        except StateError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert b"was opened before a fork" in os.read(read, 1000)
    os.close(read)
    assert list(everything(store)) == ["a"]
