from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from mantissa_core.errors import Conflict, StateError
from mantissa_core.model import Document, Put
from mantissa_core.state import State
from mantissa_core.state.documents import ATTEMPTS, PAGE
from mantissa_core.state.limits import MAX_DOCUMENTS, check_limits
from mantissa_core.state.sqlite import SQLite


@pytest.fixture
def store(tmp_path: Path) -> SQLite:
    return SQLite(SQLite.Config(path=tmp_path / "state.sqlite"))


@pytest.fixture
def state(store: SQLite) -> State:
    return State(store)


def test_a_document_is_read_by_its_key(state: State) -> None:
    state.commit("p", [Put("a", {"n": 1})])
    assert state.get("p", "a") == Document("a", {"n": 1}, 1)
    assert state.get("p", "b") is None


def test_many_documents_are_read_by_their_keys_and_none_for_no_keys(state: State) -> None:
    state.commit("p", [Put("a", {}), Put("b", {})], {"a": 0})
    assert sorted(state.get_many("p", ["a", "b", "c"])) == ["a", "b"]
    assert state.get_many("p", []) == {}


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
def test_a_scan_yields_every_document_once_however_many_pages_it_takes(state: State, count: int) -> None:
    keys = [f"x/{index:04}" for index in range(count)]
    for start in range(0, count, MAX_DOCUMENTS):
        state.commit("p", [Put(key, {}) for key in keys[start : start + MAX_DOCUMENTS]])
    state.commit("p", [Put("y", {})])
    assert [document.key for document in state.scan("p", "x/")] == keys


def test_a_scan_of_a_store_that_repeats_itself_ends_with_an_error() -> None:
    class Repeats:
        def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
            return [Document("a", {}, 1)] * limit

    with pytest.raises(StateError, match="does not get beyond 'a'"):
        list(State(Repeats()).scan("p"))  # type: ignore[arg-type]


def test_an_update_creates_changes_and_deletes(state: State) -> None:
    def add(old: Mapping[str, int] | None) -> Mapping[str, int]:
        return {"n": (old["n"] if old else 0) + 1}

    assert state.update("p", "a", add) == Document("a", {"n": 1}, 1)
    assert state.update("p", "a", add) == state.get("p", "a") == Document("a", {"n": 2}, 2)
    assert state.update("p", "a", lambda _old: None) is None
    assert state.get("p", "a") is None


def test_an_update_that_finds_nothing_and_makes_nothing_writes_nothing(state: State) -> None:
    assert state.update("p", "a", lambda old: old) is None
    assert list(state.scan("p")) == []


def test_an_update_keeps_the_expiry_unless_it_gives_another(state: State) -> None:
    first, second = datetime(2090, 1, 1, tzinfo=UTC), datetime(2091, 1, 1, tzinfo=UTC)
    state.update("p", "a", lambda _old: {}, first)
    assert state.update("p", "a", lambda _old: {"n": 1}) == state.get("p", "a") == Document("a", {"n": 1}, 2, first)
    state.update("p", "a", lambda _old: {}, second)
    assert state.get("p", "a") == Document("a", {}, 3, second)


def test_an_update_decides_again_when_another_was_faster(state: State) -> None:
    seen: list[Mapping[str, int] | None] = []

    def change(old: Mapping[str, int] | None) -> Mapping[str, int]:
        if not seen:
            state.commit("p", [Put("a", {"n": 10})])
        seen.append(old)
        return {"n": (old["n"] if old else 0) + 1}

    assert state.update("p", "a", change) == Document("a", {"n": 11}, 2)
    assert seen == [None, {"n": 10}]


def test_an_update_gives_up_when_others_are_always_faster(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mantissa_core.state.documents.time.sleep", lambda _seconds: None)
    calls: list[object] = []

    def change(old: Mapping[str, int] | None) -> Mapping[str, int]:
        state.commit("p", [Put("a", {"n": len(calls)})])
        calls.append(old)
        return {}

    with pytest.raises(Conflict, match="p/a: changed by others"):
        state.update("p", "a", change)
    assert len(calls) == ATTEMPTS


def test_an_error_in_an_update_goes_through_and_writes_nothing(state: State) -> None:
    def change(_old: object) -> Mapping[str, int]:
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        state.update("p", "a", change)
    assert state.get("p", "a") is None


def test_mappings_that_are_no_dictionaries_are_json_objects_too() -> None:
    nested = MappingProxyType({"inner": MappingProxyType({"n": (1, 2)})})
    assert check_limits("p", [Put("a", nested), Put("b", None)]) == ['{"inner":{"n":[1,2]}}', None]


def test_a_value_that_is_refused_is_not_quoted() -> None:
    with pytest.raises(StateError) as caught:
        check_limits("p", [Put("a", {"password": b"hunter2"})])
    assert str(caught.value) == "p/a: its value is not JSON (TypeError)"
