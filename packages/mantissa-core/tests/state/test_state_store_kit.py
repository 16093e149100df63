"""The kit is worth what it catches: a correct store passes all of it, and each of these wrong ones fails."""

from __future__ import annotations

import inspect
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from mantissa_core.errors import Conflict
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Document, Put
from mantissa_core.state.limits import MAX_DOCUMENT_BYTES, check_limits
from mantissa_core.testing.state_history import follow_histories
from mantissa_core.testing.state_store import StateStoreContract

FAILURES = (AssertionError, Conflict, pytest.fail.Exception)


class Memory:
    """A correct store in a dictionary; the wrong ones change one thing each."""

    def __init__(self) -> None:
        self.partitions: dict[str, dict[str, Document]] = {}
        self.lock = threading.Lock()

    @hookimpl
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        documents = self.documents(partition)
        return {key: copied(documents[key]) for key in keys if key in documents and self.alive(documents[key])}

    @hookimpl
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        documents = self.documents(partition)
        found = [documents[key] for key in sorted(documents) if key.startswith(prefix) and key > after]
        return [copied(document) for document in found if self.alive(document)][:limit]

    @hookimpl
    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        self.check(partition, puts)
        with self.lock:
            self.expect(partition, expects)
            for put in puts:
                self.write(partition, put)

    def check(self, partition: str = "", puts: Sequence[Put] = ()) -> None:
        check_limits(partition, puts)

    def documents(self, partition: str) -> dict[str, Document]:
        return self.partitions.setdefault(partition, {})

    def alive(self, document: Document) -> bool:
        return document.expires is None or document.expires > datetime.now(UTC)

    def version(self, partition: str, key: str) -> int:
        document = self.documents(partition).get(key)
        return document.version if document and self.alive(document) else 0

    def expect(self, partition: str, expects: Mapping[str, int]) -> None:
        if any(self.version(partition, key) != version for key, version in expects.items()):
            raise Conflict(f"{partition}: changed")

    def write(self, partition: str, put: Put) -> None:
        version = self.version(partition, put.key) + 1
        self.documents(partition).pop(put.key, None)
        if put.value is not None:
            self.documents(partition)[put.key] = copied(Document(put.key, put.value, version, put.expires))


def copied(document: Document) -> Document:
    return Document(document.key, json.loads(json.dumps(document.value)), document.version, document.expires)


class Unmarked(Memory):
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        return super().get_documents(partition, keys)


class WritesBeforeItExpects(Memory):
    @hookimpl
    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        self.check(partition, puts)
        with self.lock:
            for put in puts:
                self.expect(partition, {key: expects[key] for key in expects if key == put.key})
                self.write(partition, put)
            self.expect(partition, {key: expects[key] for key in expects if key not in {put.key for put in puts}})


class IgnoresExpects(Memory):
    def expect(self, partition: str, expects: Mapping[str, int]) -> None:
        pass


class IgnoresExpectsOfAbsence(Memory):
    def expect(self, partition: str, expects: Mapping[str, int]) -> None:
        super().expect(partition, {key: version for key, version in expects.items() if version})


class IgnoresExpectsOfWhatItDoesNotWrite(Memory):
    @hookimpl
    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        written = {put.key for put in puts}
        super().commit_documents(partition, puts, {key: expects[key] for key in expects if key in written})


class LooksAndThenWrites(Memory):
    """Nothing keeps others out between the look at the version and the write."""

    @hookimpl
    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        self.check(partition, puts)
        self.expect(partition, expects)
        time.sleep(0.02)
        for put in puts:
            self.write(partition, put)


class ReturnsExpired(Memory):
    def alive(self, document: Document) -> bool:
        return True


class CountsOnFromExpired(Memory):
    def version(self, partition: str, key: str) -> int:
        document = self.documents(partition).get(key)
        return document.version if document else 0


class ForgetsExpiry(Memory):
    def write(self, partition: str, put: Put) -> None:
        super().write(partition, put if put.expires and put.expires < datetime.now(UTC) else Put(put.key, put.value))


class KeepsExpiry(Memory):
    def write(self, partition: str, put: Put) -> None:
        old = self.documents(partition).get(put.key)
        super().write(partition, Put(put.key, put.value, put.expires or (old.expires if old else None)))


class CountsOnAfterDeletion(Memory):
    def __init__(self) -> None:
        super().__init__()
        self.written: dict[tuple[str, str], int] = {}

    def write(self, partition: str, put: Put) -> None:
        self.written[partition, put.key] = self.written.get((partition, put.key), 0) + 1
        super().write(partition, put)
        if document := self.documents(partition).get(put.key):
            self.documents(partition)[put.key] = Document(
                put.key, document.value, self.written[partition, put.key], document.expires
            )


class OneVersion(Memory):
    def version(self, partition: str, key: str) -> int:
        return min(super().version(partition, key), 1)


class Merges(Memory):
    def write(self, partition: str, put: Put) -> None:
        old = self.documents(partition).get(put.key)
        merged = put.value if put.value is None or old is None else {**old.value, **put.value}
        super().write(partition, Put(put.key, merged, put.expires))


class OnePartition(Memory):
    def documents(self, partition: str) -> dict[str, Document]:
        return super().documents("all")


class FoldsCase(Memory):
    def write(self, partition: str, put: Put) -> None:
        super().write(partition, Put(put.key.lower(), put.value, put.expires))

    @hookimpl
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        found = super().get_documents(partition, [key.lower() for key in keys])
        return {key: found[key.lower()] for key in keys if key.lower() in found}


class ReturnsItsOwn(Memory):
    @hookimpl
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        return {key: self.documents(partition)[key] for key in super().get_documents(partition, keys)}


class ReadsOnePage(Memory):
    @hookimpl
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        return super().get_documents(partition, keys[:100])


class Sorted(Memory):
    """Scans in another order than that of code points."""

    @hookimpl
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        found = super().scan_documents(partition, prefix, after, 1000)
        return sorted(found, key=lambda document: self.order(document.key))[:limit]

    def order(self, key: str) -> Any:
        raise NotImplementedError


class ScansAsUtf16(Sorted):
    def order(self, key: str) -> bytes:
        return key.encode("utf-16-be")


class ScansWithoutCase(Sorted):
    def order(self, key: str) -> str:
        return key.lower()


class PrefixIsAPattern(Memory):
    @hookimpl
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        found = super().scan_documents(partition, prefix.rstrip("%_"), after, 1000)
        return [each for each in found if len(each.key) >= len(prefix)][:limit]


class ScansFromAfter(Memory):
    @hookimpl
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        found = super().scan_documents(partition, prefix, "", 1000)
        return [document for document in found if document.key >= after][:limit]


class LimitsBeforeItFilters(Memory):
    @hookimpl
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        documents = self.documents(partition)
        keys = [key for key in sorted(documents) if key.startswith(prefix) and key > after][:limit]
        return [documents[key] for key in keys if self.alive(documents[key])]


class NoLimits(Memory):
    def check(self, partition: str = "", puts: Sequence[Put] = ()) -> None:
        pass


class LimitsCharacters(Memory):
    def check(self, partition: str = "", puts: Sequence[Put] = ()) -> None:
        for put in puts:
            if len(json.dumps(put.value, ensure_ascii=False)) > MAX_DOCUMENT_BYTES:
                super().check(partition, [put])


class LimitsAsConflicts(Memory):
    def check(self, partition: str = "", puts: Sequence[Put] = ()) -> None:
        try:
            super().check(partition, puts)
        except Exception as error:
            raise Conflict(str(error)) from error


WRONG: list[tuple[type[Memory], str]] = [
    (Unmarked, "test_every_hook_is_marked_with_hookimpl"),
    (WritesBeforeItExpects, "test_a_conflict_leaves_nothing_written"),
    (IgnoresExpects, "test_another_version_than_expected_is_a_conflict"),
    (IgnoresExpects, "test_expecting_a_version_of_what_is_absent_is_a_conflict"),
    (IgnoresExpectsOfAbsence, "test_another_version_than_expected_is_a_conflict"),
    (IgnoresExpectsOfWhatItDoesNotWrite, "test_expectations_hold_for_keys_that_are_not_written_too"),
    (LooksAndThenWrites, "test_one_of_many_claims_at_once_wins"),
    (LooksAndThenWrites, "test_no_increment_of_many_at_once_is_lost"),
    (ReturnsExpired, "test_an_expired_document_is_invisible"),
    (CountsOnFromExpired, "test_an_expired_document_counts_as_absent_and_starts_again_at_version_1"),
    (ForgetsExpiry, "test_a_document_that_will_expire_says_when"),
    (KeepsExpiry, "test_a_write_replaces_the_whole_document"),
    (CountsOnAfterDeletion, "test_a_deleted_document_is_absent_and_starts_again_at_version_1"),
    (OneVersion, "test_versions_start_at_1_and_rise_by_one_with_every_write"),
    (Merges, "test_a_write_replaces_the_whole_document"),
    (OnePartition, "test_partitions_do_not_see_each_other"),
    (FoldsCase, "test_keys_may_hold_any_characters_and_are_never_confused"),
    (ReturnsItsOwn, "test_changing_what_was_given_or_returned_changes_nothing_stored"),
    (ReadsOnePage, "test_hundreds_of_keys_can_be_read_at_once"),
    (ScansAsUtf16, "test_a_scan_goes_by_key_in_the_order_of_code_points"),
    (ScansWithoutCase, "test_a_scan_goes_by_key_in_the_order_of_code_points"),
    (PrefixIsAPattern, "test_a_prefix_is_taken_literally"),
    (ScansFromAfter, "test_a_scan_starts_behind_its_after_key_whether_that_exists_or_not"),
    (LimitsBeforeItFilters, "test_a_scan_is_shorter_than_its_limit_only_at_the_end"),
    (NoLimits, "test_a_commit_may_hold_as_many_documents_as_promised_and_no_more"),
    (NoLimits, "test_a_document_may_be_as_large_as_promised_and_no_larger"),
    (NoLimits, "test_a_commit_may_be_as_large_as_promised_and_no_larger"),
    (NoLimits, "test_one_key_twice_in_a_commit_is_refused"),
    (NoLimits, "test_an_empty_key_is_refused"),
    (NoLimits, "test_an_expiry_without_a_time_zone_is_refused"),
    (LimitsCharacters, "test_the_size_of_a_document_is_in_bytes_not_characters"),
    (LimitsAsConflicts, "test_an_empty_key_is_refused"),
    (Memory, "test_what_was_committed_is_there_after_a_restart"),
]


def calls(name: str) -> Iterable[dict[str, Any]]:
    """The parameters of every case of a contract test."""
    marks = getattr(getattr(StateStoreContract, name), "pytestmark", [])
    return [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]


def run(name: str, store: Memory, reopen: Callable[[], Memory] | None) -> None:
    """Run all cases of a contract test as pytest would."""
    test = getattr(StateStoreContract(), name)
    needs_reopen = "reopen" in inspect.signature(test).parameters
    for case in calls(name):
        test(store, **case, **({"reopen": reopen} if needs_reopen else {}))


@pytest.mark.parametrize("name", [name for name in vars(StateStoreContract) if name.startswith("test_")])
def test_a_correct_store_passes(name: str) -> None:
    store = Memory()
    run(name, store, lambda: store)


@pytest.mark.parametrize(("wrong", "name"), WRONG)
def test_a_wrong_store_fails(wrong: type[Memory], name: str) -> None:
    with pytest.raises(FAILURES):
        run(name, wrong(), Memory)


@pytest.mark.parametrize(
    "wrong",
    [
        WritesBeforeItExpects,
        IgnoresExpects,
        IgnoresExpectsOfAbsence,
        IgnoresExpectsOfWhatItDoesNotWrite,
        ReturnsExpired,
        CountsOnFromExpired,
        KeepsExpiry,
        CountsOnAfterDeletion,
        OneVersion,
        Merges,
    ],
)
def test_invented_histories_find_a_wrong_store_too(wrong: type[Memory]) -> None:
    with pytest.raises(AssertionError):
        follow_histories(wrong(), StateStoreContract.histories)
