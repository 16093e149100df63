# ruff: noqa: D102  # a test's name is the promise that it checks
"""The conformance kit of state stores.

.. code-block:: python

    class TestAcmeStore(StateStoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return AcmeStore(AcmeStore.Config(path=tmp_path / "acme.db"))

Every test is one promise of :class:`mantissa_core.hookspecs.StateStore`. They write to partitions of their own
(``kit/<random>``), so a store that is shared may be used.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, ClassVar

import pytest

from mantissa_core.errors import Conflict, StateError
from mantissa_core.hookspecs import PROJECT, StateStore
from mantissa_core.model import Document, Put
from mantissa_core.state.documents import State
from mantissa_core.state.limits import MAX_COMMIT_BYTES, MAX_DOCUMENT_BYTES, MAX_DOCUMENTS

from .state_history import accepted, follow_histories

THREADS = 8
ODD_KEYS = (*"aABä😀\uffff", "日本", "a b", "a/b", "a%b", "a_b", "a*b", "a[b]", "a'b", 'a"b', "a\\b", "a\nb")
"""Keys that a careless store confuses, folds, pastes into SQL or sorts as UTF-16."""


class StateStoreContract:
    """Subclass it, name the class ``Test…`` and give the fixture ``store``; ``reopen`` where the store is durable."""

    histories: ClassVar[int] = 25
    """How many invented histories are compared with a dictionary; fewer for a store over a network."""

    @pytest.fixture
    def store(self) -> StateStore:
        """The store under test, ready for use."""
        raise NotImplementedError("give your test class a fixture named 'store'")

    @pytest.fixture
    def reopen(self) -> Callable[[], StateStore] | None:
        """A function that returns a new object over the same storage, as a restarted process would make it."""
        return None

    # --- hooks --------------------------------------------------------------------------------------------

    def test_every_hook_is_marked_with_hookimpl(self, store: StateStore) -> None:
        for hook in ("get_documents", "scan_documents", "commit_documents"):
            assert hasattr(getattr(store, hook), f"{PROJECT}_impl"), f"{hook} is not marked with @hookimpl"

    def test_hooks_take_the_arguments_of_the_contract_by_name(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition=partition, puts=[Put("a", {})], expects={"a": 0})
        assert list(store.get_documents(partition=partition, keys=["a"])) == ["a"]
        assert len(store.scan_documents(partition=partition, prefix="", after="", limit=1)) == 1

    def test_a_check_of_a_working_store_passes(self, store: StateStore) -> None:
        check = getattr(store, "check", None)
        if check is None:
            pytest.skip("the store has no check(), which is optional")
        assert check() is None

    # --- reading ------------------------------------------------------------------------------------------

    def test_a_document_comes_back_as_it_was_written(self, store: StateStore) -> None:
        partition, value = _partition(), _any_json()
        store.commit_documents(partition, [Put("a", value)], {})
        assert _read(store, partition, "a") == Document("a", value, 1)

    def test_what_was_never_written_is_absent(self, store: StateStore) -> None:
        assert dict(store.get_documents(_partition(), ["a", "b"])) == {}

    def test_reading_no_keys_returns_nothing(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("a", {})], {})
        assert dict(store.get_documents(partition, [])) == {}

    def test_only_the_documents_asked_for_come_back(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put(key, {"is": key}) for key in "abc"], {})
        found = store.get_documents(partition, ["a", "c", "d"])
        assert {key: document.value for key, document in found.items()} == {"a": {"is": "a"}, "c": {"is": "c"}}

    def test_hundreds_of_keys_can_be_read_at_once(self, store: StateStore) -> None:
        partition = _partition()
        keys = _fill(store, partition, 120)
        asked = [*keys, *(f"absent-{index}" for index in range(900))]
        assert sorted(store.get_documents(partition, asked)) == keys

    def test_partitions_do_not_see_each_other(self, store: StateStore) -> None:
        one, other = _partition(), _partition()
        store.commit_documents(one, [Put("a", {"in": "one"})], {})
        store.commit_documents(other, [Put("a", {"in": "other"})], {"a": 0})
        store.commit_documents(other, [Put("a", None)], {"a": 1})
        assert _read(store, one, "a") == Document("a", {"in": "one"}, 1)
        assert _read(store, other, "a") is None
        assert list(store.scan_documents(other, "", "", 10)) == []

    def test_keys_may_hold_any_characters_and_are_never_confused(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put(key, {"is": key}) for key in ODD_KEYS], {})
        found = store.get_documents(partition, ODD_KEYS)
        assert {key: found[key].value["is"] for key in ODD_KEYS if key in found} == {key: key for key in ODD_KEYS}

    def test_changing_what_was_given_or_returned_changes_nothing_stored(self, store: StateStore) -> None:
        partition, value = _partition(), {"list": [1]}
        store.commit_documents(partition, [Put("a", value)], {})
        value["list"].append(2)
        _read_value(store, partition, "a")["list"].append(3)
        assert _read_value(store, partition, "a") == {"list": [1]}

    # --- versions -----------------------------------------------------------------------------------------

    def test_versions_start_at_1_and_rise_by_one_with_every_write(self, store: StateStore) -> None:
        partition = _partition()
        for version in (1, 2, 3):
            store.commit_documents(partition, [Put("a", {"same": True})], {})
            assert _version(store, partition, "a") == version

    def test_a_write_replaces_the_whole_document(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("a", {"old": 1}, _in(hours=1))], {})
        store.commit_documents(partition, [Put("a", {"new": 1})], {})
        assert _read(store, partition, "a") == Document("a", {"new": 1}, 2, None)

    def test_a_deleted_document_is_absent_and_starts_again_at_version_1(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("a", {})], {})
        store.commit_documents(partition, [Put("a", {})], {})
        store.commit_documents(partition, [Put("a", None)], {"a": 2})
        assert _read(store, partition, "a") is None
        store.commit_documents(partition, [Put("a", {})], {"a": 0})
        assert _version(store, partition, "a") == 1

    def test_deleting_what_is_absent_is_no_error(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("a", None)], {})
        assert _read(store, partition, "a") is None

    # --- compare and set ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_another_version_than_expected_is_a_conflict(self, store: StateStore, expected: int) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("a", {"write": 1})], {})
        store.commit_documents(partition, [Put("a", {"write": 2})], {"a": 1})
        with pytest.raises(Conflict):
            store.commit_documents(partition, [Put("a", {"write": 3})], {"a": expected})
        assert _read(store, partition, "a") == Document("a", {"write": 2}, 2)

    def test_expecting_a_version_of_what_is_absent_is_a_conflict(self, store: StateStore) -> None:
        partition = _partition()
        with pytest.raises(Conflict):
            store.commit_documents(partition, [Put("a", {})], {"a": 1})
        assert _read(store, partition, "a") is None

    def test_a_conflict_leaves_nothing_written(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("keep", {}), Put("change", {"old": True})], {})
        puts = [Put("add", {}), Put("keep", None), Put("change", {"old": False}), Put("last", {})]
        with pytest.raises(Conflict):
            store.commit_documents(partition, puts, {"add": 0, "last": 7})
        found = [(document.key, document.version) for document in store.scan_documents(partition, "", "", 10)]
        assert found == [("change", 1), ("keep", 1)]
        assert _read_value(store, partition, "change") == {"old": True}

    def test_expectations_hold_for_keys_that_are_not_written_too(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("guard", {})], {})
        store.commit_documents(partition, [Put("a", {})], {"guard": 1, "absent": 0})
        with pytest.raises(Conflict):
            store.commit_documents(partition, [Put("b", {})], {"guard": 2})
        with pytest.raises(Conflict):
            store.commit_documents(partition, [], {"absent": 1})
        assert _version(store, partition, "guard") == 1
        assert _read(store, partition, "b") is None

    def test_one_of_many_claims_at_once_wins(self, store: StateStore) -> None:
        partition = _partition()
        for key in ("first", "second", "third"):
            claims = _at_once(partial(_claims, store, partition, key))
            assert sum(claims) == 1
            assert _read_value(store, partition, key) == {"owner": claims.index(True)}

    def test_no_increment_of_many_at_once_is_lost(self, store: StateStore) -> None:
        state, partition = State(store), _partition()

        def increment(_thread: int) -> bool:
            for _ in range(3):
                state.update(partition, "counter", lambda old: {"n": (old or {"n": 0})["n"] + 1})
            return True

        assert all(_at_once(increment))
        assert _read(store, partition, "counter") == Document("counter", {"n": 3 * THREADS}, 3 * THREADS)

    # --- expiry -------------------------------------------------------------------------------------------

    def test_an_expired_document_is_invisible(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("old", {}, _in(hours=-1)), Put("new", {}, _in(hours=1))], {})
        assert list(store.get_documents(partition, ["old", "new"])) == ["new"]
        assert [document.key for document in store.scan_documents(partition, "", "", 10)] == ["new"]

    def test_a_document_that_will_expire_says_when(self, store: StateStore) -> None:
        partition, expires = _partition(), _in(hours=1).replace(microsecond=0)
        store.commit_documents(partition, [Put("a", {}, expires)], {})
        assert _read(store, partition, "a") == Document("a", {}, 1, expires)
        assert list(store.scan_documents(partition, "", "", 1)) == [Document("a", {}, 1, expires)]

    def test_an_expired_document_counts_as_absent_and_starts_again_at_version_1(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("a", {}, _in(hours=1))], {})
        store.commit_documents(partition, [Put("a", {}, _in(hours=-1))], {"a": 1})
        with pytest.raises(Conflict):
            store.commit_documents(partition, [Put("a", {})], {"a": 2})
        store.commit_documents(partition, [Put("a", {"again": True})], {"a": 0})
        assert _read(store, partition, "a") == Document("a", {"again": True}, 1)

    # --- scanning -----------------------------------------------------------------------------------------

    def test_a_scan_goes_by_key_in_the_order_of_code_points(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put(key, {}) for key in ODD_KEYS], {})
        found = [document.key for document in store.scan_documents(partition, "", "", 100)]
        assert found == sorted(ODD_KEYS)

    @pytest.mark.parametrize("prefix", ["a", "a%", "a_", "a*", "a[", "a\\", "A", "日", "😀", "\uffff", "z"])
    def test_a_prefix_is_taken_literally(self, store: StateStore, prefix: str) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put(key, {}) for key in ODD_KEYS], {})
        found = [document.key for document in store.scan_documents(partition, prefix, "", 100)]
        assert found == sorted(key for key in ODD_KEYS if key.startswith(prefix))

    def test_a_scan_starts_behind_its_after_key_whether_that_exists_or_not(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put(key, {}) for key in ("a/1", "a/2", "a/4", "b/1")], {})

        def keys(prefix: str, after: str) -> list[str]:
            return [document.key for document in store.scan_documents(partition, prefix, after, 10)]

        assert keys("a/", "a/2") == ["a/4"]
        assert keys("a/", "a/3") == ["a/4"]
        assert keys("a/", "A") == ["a/1", "a/2", "a/4"]
        assert keys("a/", "a/4") == []
        assert keys("a/", "b") == []
        assert keys("", "a/3") == ["a/4", "b/1"]

    def test_a_scan_is_shorter_than_its_limit_only_at_the_end(self, store: StateStore) -> None:
        partition = _partition()
        expired = [Put(f"{index:03}-expired", {}, _in(hours=-1)) for index in range(20)]
        store.commit_documents(partition, expired, {})
        keys = _fill(store, partition, 25)
        pages, after = [], ""
        while page := store.scan_documents(partition, "", after, 10):
            pages.append([document.key for document in page])
            after = page[-1].key
        assert [len(page) for page in pages] == [10, 10, 5]
        assert list(chain.from_iterable(pages)) == keys

    def test_a_scan_returns_whole_documents(self, store: StateStore) -> None:
        partition = _partition()
        store.commit_documents(partition, [Put("a", {"write": 1})], {})
        store.commit_documents(partition, [Put("a", {"write": 2})], {})
        assert list(store.scan_documents(partition, "", "", 10)) == [Document("a", {"write": 2}, 2)]

    # --- limits -------------------------------------------------------------------------------------------

    def test_a_commit_may_hold_as_many_documents_as_promised_and_no_more(self, store: StateStore) -> None:
        partition = _partition()
        puts = [Put(f"{index:03}", {}) for index in range(MAX_DOCUMENTS + 1)]
        _refused(store, partition, puts, str(MAX_DOCUMENTS))
        store.commit_documents(partition, puts[:MAX_DOCUMENTS], {})
        assert len(store.scan_documents(partition, "", "", 100)) == MAX_DOCUMENTS

    def test_a_document_may_be_as_large_as_promised_and_no_larger(self, store: StateStore) -> None:
        partition = _partition()
        _refused(store, partition, [Put("a", _sized(MAX_DOCUMENT_BYTES + 1))], "a", str(MAX_DOCUMENT_BYTES))
        store.commit_documents(partition, [Put("a", _sized(MAX_DOCUMENT_BYTES))], {})
        assert _read_value(store, partition, "a") == _sized(MAX_DOCUMENT_BYTES)

    def test_the_size_of_a_document_is_in_bytes_not_characters(self, store: StateStore) -> None:
        _refused(store, _partition(), [Put("a", {"text": "é" * (MAX_DOCUMENT_BYTES // 2)})], "a")

    def test_a_commit_may_be_as_large_as_promised_and_no_larger(self, store: StateStore) -> None:
        partition, quarter = _partition(), MAX_COMMIT_BYTES // 4
        puts = [Put(key, _sized(quarter)) for key in "abcd"]
        _refused(store, partition, [*puts, Put("e", {})], str(MAX_COMMIT_BYTES))
        store.commit_documents(partition, puts, {})
        assert sorted(store.get_documents(partition, list("abcd"))) == list("abcd")

    def test_one_key_twice_in_a_commit_is_refused(self, store: StateStore) -> None:
        _refused(store, _partition(), [Put("a", {}), Put("a", None)], "a")

    def test_an_empty_key_is_refused(self, store: StateStore) -> None:
        _refused(store, _partition(), [Put("", {})])

    @pytest.mark.parametrize("value", [{"n": float("nan")}, {"t": {1, 2}}, ["no", "object"], {"half": "\ud800"}])
    def test_a_value_that_is_no_json_object_is_refused(self, store: StateStore, value: Any) -> None:
        _refused(store, _partition(), [Put("b", {}), Put("a", value)], "a")

    def test_an_expiry_without_a_time_zone_is_refused(self, store: StateStore) -> None:
        _refused(store, _partition(), [Put("a", {}, datetime(2100, 1, 1))], "a")

    # --- durability and the whole -------------------------------------------------------------------------

    def test_what_was_committed_is_there_after_a_restart(
        self, store: StateStore, reopen: Callable[[], StateStore] | None
    ) -> None:
        if reopen is None:
            pytest.skip("the test class gives no fixture 'reopen': durability is not proven")
        partition, value = _partition(), _any_json()
        store.commit_documents(partition, [Put("a", value), Put("gone", {})], {})
        store.commit_documents(partition, [Put("gone", None)], {})
        again = reopen()
        assert list(again.scan_documents(partition, "", "", 10)) == [Document("a", value, 1)]
        with pytest.raises(Conflict):
            again.commit_documents(partition, [Put("a", {})], {"a": 0})

    def test_any_history_of_commits_leaves_what_a_dictionary_would_hold(self, store: StateStore) -> None:
        follow_histories(store, self.histories)


def _partition() -> str:
    return f"kit/{uuid.uuid4().hex}"


def _in(hours: int) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


def _any_json() -> dict[str, Any]:
    return {
        "text": 'ä日本😀 "quoted" \\ \n \x00 end',
        "": "an empty key",
        "numbers": [0, -1, 2**53 + 1, 0.1, 1e300],
        "others": [None, True, False, [], {}],
        "nested": {"a.b": {"$c": [{"d": "e"}]}},
    }


def _sized(size: int) -> dict[str, str]:
    """An object whose compact JSON text has ``size`` bytes."""
    return {"t": "x" * (size - len('{"t":""}'))}


def _fill(store: StateStore, partition: str, count: int) -> list[str]:
    keys = [f"{index:03}" for index in range(count)]
    for start in range(0, count, MAX_DOCUMENTS):
        store.commit_documents(partition, [Put(key, {}) for key in keys[start : start + MAX_DOCUMENTS]], {})
    return keys


def _read(store: StateStore, partition: str, key: str) -> Document | None:
    return store.get_documents(partition, [key]).get(key)


def _read_value(store: StateStore, partition: str, key: str) -> Any:
    return store.get_documents(partition, [key])[key].value


def _version(store: StateStore, partition: str, key: str) -> int:
    return store.get_documents(partition, [key])[key].version


def _claims(store: StateStore, partition: str, key: str, owner: int) -> bool:
    return accepted(store, partition, [Put(key, {"owner": owner})], {key: 0})


def _at_once(work: Callable[[int], bool]) -> list[bool]:
    """Run ``work(0…)`` on threads that start together."""
    barrier = threading.Barrier(THREADS)

    def start(thread: int) -> bool:
        barrier.wait()
        return work(thread)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start, range(THREADS)))


def _refused(store: StateStore, partition: str, puts: list[Put], *named: str) -> None:
    """The commit raises StateError, no Conflict, that says what the limit is about, and writes nothing."""
    with pytest.raises(StateError) as caught:
        store.commit_documents(partition, puts, {})
    assert not isinstance(caught.value, Conflict), "a limit is no conflict: reading again does not help"
    message = str(caught.value)
    assert all(word in message for word in (partition, *named)), f"{message!r} does not name {(partition, *named)}"
    assert list(store.scan_documents(partition, "", "", 10)) == []
