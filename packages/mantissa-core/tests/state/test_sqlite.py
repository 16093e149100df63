from __future__ import annotations

import resource
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mantissa_core.errors import Conflict, Retry, StateError
from mantissa_core.model import Document, Put
from mantissa_core.state import sqlite_file
from mantissa_core.state.sqlite import CHUNK, PURGED, SQLite

PAST = datetime(2000, 1, 1, tzinfo=UTC)


def opened(path: Path) -> SQLite:
    return SQLite(SQLite.Config(path=path))


@pytest.fixture
def store(tmp_path: Path) -> SQLite:
    return opened(tmp_path / "state.sqlite")


def everything(store: SQLite, partition: str = "p") -> dict[str, Document]:
    return {document.key: document for document in store.scan_documents(partition, "", "", 10_000)}


# --- opening ---------------------------------------------------------------------------------------------------


def test_nothing_is_written_before_the_first_use(tmp_path: Path) -> None:
    opened(tmp_path / "deep" / "state.sqlite").check()
    assert list(tmp_path.iterdir()) == []


def test_the_file_and_its_side_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    store = opened(tmp_path / "deep" / "state.sqlite")
    store.commit_documents("p", [Put("a", {})], {})
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in store.path.parent.iterdir()}
    assert modes == {"state.sqlite": 0o600, "state.sqlite-wal": 0o600, "state.sqlite-shm": 0o600}


def test_commits_are_synced_to_a_write_ahead_log(store: SQLite) -> None:
    store.commit_documents("p", [Put("a", {})], {})
    with closing(sqlite_file.connect(store.path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize("content", [b"Hello, I am a letter.\n" * 100, bytes(range(256)) * 8])
def test_a_file_that_is_no_database_is_refused_and_left_alone(store: SQLite, content: bytes) -> None:
    store.path.write_bytes(content)
    with pytest.raises(StateError, match=r"state\.sqlite: it is not a database: move the file away"):
        store.get_documents("p", ["a"])
    assert store.path.read_bytes() == content


def test_another_applications_database_is_refused_and_left_alone(store: SQLite) -> None:
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("CREATE TABLE theirs (id)")
    before = store.path.read_bytes()
    with pytest.raises(StateError, match=r"state\.sqlite: is another application's database: set another path"):
        store.commit_documents("p", [Put("a", {})], {})
    assert store.path.read_bytes() == before


def test_a_database_marked_by_another_application_is_refused_though_it_is_empty(store: SQLite) -> None:
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("PRAGMA application_id = 7")
    with pytest.raises(StateError, match="another application's"):
        store.get_documents("p", ["a"])


def test_a_file_of_a_newer_version_is_refused(store: SQLite) -> None:
    store.commit_documents("p", [], {})
    store.close()
    with closing(sqlite3.connect(store.path)) as db:
        db.execute(f"PRAGMA user_version = {sqlite_file.FORMAT + 1}")
    with pytest.raises(StateError, match=r"newer version .*: upgrade mantissa-core"):
        store.get_documents("p", ["a"])


def test_a_damaged_file_is_an_error_that_says_what_to_do(store: SQLite) -> None:
    store.commit_documents("p", [Put(f"{index}", {"text": "x" * 5000}) for index in range(40)], {})
    store.close()
    content = bytearray(store.path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    store.path.write_bytes(content)
    with pytest.raises(StateError, match=r"damaged.*restore a backup"):
        store.check()
    with pytest.raises(StateError, match=r"damaged.*restore a backup"):
        store.scan_documents("p", "", "", 100)


def test_a_network_file_system_is_refused_before_anything_is_created(
    store: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "network_type", lambda _path: "nfs4")
    for use in (store.check, lambda: store.get_documents("p", ["a"])):
        with pytest.raises(StateError, match=r"network file system \(nfs4\).*local disk"):
            use()
    assert not store.path.exists()


def test_a_folder_in_the_files_place_is_an_error(store: SQLite) -> None:
    store.path.mkdir()
    with pytest.raises(StateError, match=r"state\.sqlite: it cannot be opened"):
        store.get_documents("p", ["a"])


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="check the folder"):
        opened(tmp_path / "state" / "state.sqlite").get_documents("p", ["a"])


def test_a_store_that_was_closed_opens_again(store: SQLite) -> None:
    store.commit_documents("p", [Put("a", {})], {})
    store.close()
    store.close()
    assert list(everything(store)) == ["a"]


def test_a_check_of_an_intact_store_changes_nothing(store: SQLite) -> None:
    store.commit_documents("p", [Put("a", {})], {})
    store.check()
    assert everything(store) == {"a": Document("a", {}, 1)}


def test_a_store_that_another_process_keeps_locked_is_to_be_tried_again(
    store: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit_documents("p", [Put("a", {})], {})
    store.close()
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retry, match="locked"):
            store.commit_documents("p", [Put("b", {})], {})
        assert list(everything(store)) == ["a"], "readers do not wait for writers"
        other.execute("ROLLBACK")
    store.commit_documents("p", [Put("b", {})], {})


# --- documents -------------------------------------------------------------------------------------------------


def test_any_number_of_keys_can_be_read_and_expected(store: SQLite) -> None:
    keys = [f"{index}" for index in range(3 * CHUNK)]
    store.commit_documents("p", [Put("7", {})], dict.fromkeys(keys, 0))
    assert list(store.get_documents("p", keys)) == ["7"]
    with pytest.raises(Conflict, match="p/7: expected version 0, found 1"):
        store.commit_documents("p", [], dict.fromkeys(reversed(keys), 0))


def test_a_key_with_a_zero_character_is_not_cut(store: SQLite) -> None:
    store.commit_documents("p", [Put("a\0b", {"n": 1}), Put("a", {"n": 2})], {"a\0b": 0})
    assert store.get_documents("p", ["a\0b"])["a\0b"].value == {"n": 1}
    assert [document.key for document in store.scan_documents("p", "a\0", "", 10)] == ["a\0b"]


@pytest.mark.parametrize("key", ["half \ud800", "\udfff"])
def test_a_key_that_is_no_unicode_text_is_refused(store: SQLite, key: str) -> None:
    for use in (
        lambda: store.get_documents("p", [key]),
        lambda: store.scan_documents("p", key, "", 1),
        lambda: store.commit_documents("p", [Put("a", {}), Put(key, {})], {}),
    ):
        with pytest.raises(StateError, match="no Unicode text"):
            use()
    assert everything(store) == {}


def test_expired_documents_are_removed_bit_by_bit(store: SQLite) -> None:
    for start in range(0, PURGED + 50, 50):
        store.commit_documents("p", [Put(f"{start + index}", {}, PAST) for index in range(50)], {})
    left = []
    for _ in range(3):
        store.commit_documents("other", [Put("a", {})], {})
        with closing(sqlite3.connect(store.path)) as db:
            left += db.execute("SELECT count(*) FROM document WHERE partition = 'p'").fetchone()
    assert left[-1] == 0


def test_threads_share_one_store(store: SQLite) -> None:
    def write(thread: int) -> None:
        for index in range(10):
            store.commit_documents("p", [Put(f"{thread}/{index}", {})], {})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(everything(store)) == 40


# --- copies ----------------------------------------------------------------------------------------------------


def test_a_backup_is_one_file_that_holds_the_store_of_that_moment(store: SQLite, tmp_path: Path) -> None:
    store.commit_documents("p", [Put("a", {"n": 1})], {})
    target = tmp_path / "backup" / "state.sqlite"
    store.backup(target)
    store.commit_documents("p", [Put("a", {"n": 2})], {})
    assert [each.name for each in target.parent.iterdir()] == ["state.sqlite"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert everything(opened(target)) == {"a": Document("a", {"n": 1}, 1)}


def test_a_backup_never_replaces_a_file(store: SQLite, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("old")
    with pytest.raises(StateError, match="precious: exists already"):
        store.backup(target)
    assert target.read_text() == "old"


def test_a_backup_that_fails_leaves_no_half_a_copy(store: SQLite, tmp_path: Path) -> None:
    store.commit_documents("p", [Put(f"{index}", {"pad": "x" * 100_000}) for index in range(10)], {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(StateError, match="full"):
            store.backup(tmp_path / "copy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("copy*"))
