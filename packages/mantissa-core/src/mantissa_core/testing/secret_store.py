# ruff: noqa: D102  # a test's name is the promise that it checks
"""The conformance kit of secret stores.

.. code-block:: python

    class TestAcmeVault(SecretStoreContract):
        @pytest.fixture
        def store(self, fake_vault):
            return AcmeVault(AcmeVault.Config(url=fake_vault.url))

Every test is one promise of :class:`mantissa_core.hookspecs.SecretStore`. They use names of their own
(``kit/<random>/…``) and delete them, so a store that is shared may be used. For a store that cannot write set
``stored`` to what the fixture's store holds.
"""

from __future__ import annotations

import threading
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from mantissa_core.errors import Conflict, SecretError
from mantissa_core.hookspecs import PROJECT, SecretStore
from mantissa_core.model import Secret

THREADS = 8
VALUE = "hunter2-kit-value"
ODD_VALUES = {
    "empty": "",
    "spaces": "  leading and trailing \n",
    "lines": "-----BEGIN KEY-----\nabc\r\ndef\n-----END KEY-----\n",
    "unicode": 'pä$$wörd 日本 😀 "quoted" \\ ${env} %s {name}',
    "json": '{"token": "x"}',
    "long": "0123456789abcdef" * 1280,
}
"""Values that a careless store trims, interpolates, parses or cuts (20 KB is a service account with its keys)."""
ODD_NAMES = ("a.b", "a/b", "a-b", "a_b", "a", "A", "a.b/c", "0", "x" * 80)
"""Endings of names that a careless store maps onto one another."""
BAD_NAMES = ("", "a b", "ä", "a\n", "a:b", "a\\b", "a*", "x" * 129)


class SecretStoreContract:
    """Subclass it, name the class ``Test…`` and give the fixture ``store``; ``reopen`` where the store is durable."""

    stored: ClassVar[Mapping[str, str] | None] = None
    """For a store that cannot write: names and values that the fixture's store holds. Tests that write are skipped."""

    @pytest.fixture
    def store(self) -> SecretStore:
        """The store under test, ready for use."""
        raise NotImplementedError("give your test class a fixture named 'store'")

    @pytest.fixture
    def reopen(self) -> Callable[[], SecretStore] | None:
        """A function that returns a new object over the same storage, as a restarted process would make it."""
        return None

    @pytest.fixture
    def name(self, store: SecretStore) -> Iterator[str]:
        """A name that nothing is stored under, forgotten at the end with all that starts with it."""
        if self.stored is not None:
            pytest.skip("the store cannot write")
        name = f"kit/{uuid.uuid4().hex}"
        yield name
        for used in [each for each in store.list_secrets() if each.startswith(name)]:
            store.delete_secret(used)

    # --- every store --------------------------------------------------------------------------------------

    def test_every_hook_is_marked_with_hookimpl(self, store: SecretStore) -> None:
        for hook in ("get_secret", "put_secret", "list_secrets", "delete_secret"):
            assert hasattr(getattr(store, hook), f"{PROJECT}_impl"), f"{hook} is not marked with @hookimpl"

    def test_a_check_of_a_working_store_passes(self, store: SecretStore) -> None:
        check = getattr(store, "check", None)
        if check is None:
            pytest.skip("the store has no check(), which is optional")
        assert check() is None

    def test_there_is_no_secret_under_an_unknown_name(self, store: SecretStore) -> None:
        assert store.get_secret(f"kit/{uuid.uuid4().hex}") is None

    @pytest.mark.parametrize("bad", BAD_NAMES)
    def test_a_name_outside_the_alphabet_is_refused(self, store: SecretStore, bad: str) -> None:
        with pytest.raises(SecretError):
            store.get_secret(bad)
        with pytest.raises(SecretError):
            store.put_secret(bad, VALUE, None)
        assert bad not in store.list_secrets()

    # --- a store that cannot write ------------------------------------------------------------------------

    def test_what_a_read_only_store_holds_can_be_read_and_not_changed(self, store: SecretStore) -> None:
        if self.stored is None:
            pytest.skip("the store can write")
        for name, value in self.stored.items():
            with pytest.raises(SecretError) as caught:
                store.put_secret(name, VALUE, None)
            _silent(caught.value, VALUE)
            with pytest.raises(SecretError):
                store.delete_secret(name)
            found = store.get_secret(name)
            assert found is not None
            assert found.value == value
            assert store.list_secrets()[name] == found.version >= 1

    # --- reading and writing ------------------------------------------------------------------------------

    def test_a_secret_comes_back_with_the_version_that_storing_it_returned(self, store: SecretStore, name: str) -> None:
        assert store.put_secret(name, VALUE, None) == 1
        assert _read(store, name) == (VALUE, 1)
        assert store.put_secret(name, "another", None) == 2
        assert _read(store, name) == ("another", 2)

    def test_hooks_take_the_arguments_of_the_contract_by_name(self, store: SecretStore, name: str) -> None:
        assert store.put_secret(name=name, value=VALUE, expected_version=0) == 1
        assert isinstance(store.get_secret(name=name), Secret)
        assert store.delete_secret(name=name) is True

    @pytest.mark.parametrize("kind", list(ODD_VALUES))
    def test_any_text_comes_back_exactly(self, store: SecretStore, name: str, kind: str) -> None:
        store.put_secret(name, ODD_VALUES[kind], 0)
        assert _read(store, name) == (ODD_VALUES[kind], 1)

    def test_names_are_never_confused(self, store: SecretStore, name: str) -> None:
        names = [f"{name}/{odd}" for odd in ODD_NAMES]
        for each in names:
            assert store.put_secret(each, f"value of {each}", 0) == 1
        assert {each: _read(store, each) for each in names} == {each: (f"value of {each}", 1) for each in names}

    def test_the_longest_name_can_be_used(self, store: SecretStore, name: str) -> None:
        longest = name.ljust(128, "x")
        store.put_secret(longest, VALUE, 0)
        assert _read(store, longest) == (VALUE, 1)
        assert store.list_secrets()[longest] == 1

    def test_the_list_has_every_name_with_its_version_and_no_value(self, store: SecretStore, name: str) -> None:
        store.put_secret(f"{name}/once", VALUE, None)
        store.put_secret(f"{name}/twice", VALUE, None)
        store.put_secret(f"{name}/twice", VALUE, None)
        listed = store.list_secrets()
        ours = {each: version for each, version in listed.items() if each.startswith(name)}
        assert ours == {f"{name}/once": 1, f"{name}/twice": 2}
        assert VALUE not in repr(listed)

    def test_a_deleted_secret_is_forgotten(self, store: SecretStore, name: str) -> None:
        store.put_secret(name, VALUE, None)
        assert store.delete_secret(name) is True
        assert store.get_secret(name) is None
        assert name not in store.list_secrets()
        assert store.delete_secret(name) is False
        assert store.put_secret(name, "again", 0) == 1
        assert _read(store, name) == ("again", 1)

    def test_deleting_one_secret_leaves_the_others(self, store: SecretStore, name: str) -> None:
        store.put_secret(f"{name}/gone", VALUE, None)
        store.put_secret(f"{name}/gone-not", "kept", None)
        store.delete_secret(f"{name}/gone")
        assert _read(store, f"{name}/gone-not") == ("kept", 1)

    # --- compare and set ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_another_version_than_expected_is_a_conflict(self, store: SecretStore, name: str, expected: int) -> None:
        store.put_secret(name, "first", 0)
        store.put_secret(name, "second", 1)
        with pytest.raises(Conflict) as caught:
            store.put_secret(name, VALUE, expected)
        _silent(caught.value, VALUE, "second")
        assert _read(store, name) == ("second", 2)

    def test_expecting_a_version_of_what_is_absent_is_a_conflict(self, store: SecretStore, name: str) -> None:
        with pytest.raises(Conflict):
            store.put_secret(name, VALUE, 1)
        assert store.get_secret(name) is None

    def test_one_of_many_rotations_at_once_wins(self, store: SecretStore, name: str) -> None:
        store.put_secret(name, "start", 0)
        barrier = threading.Barrier(THREADS)

        def rotate(thread: int) -> bool:
            barrier.wait()
            try:
                store.put_secret(name, f"by {thread}", 1)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(THREADS) as pool:
            won = list(pool.map(rotate, range(THREADS)))
        assert sum(won) == 1
        assert _read(store, name) == (f"by {won.index(True)}", 2)

    def test_secrets_that_are_stored_at_once_are_all_kept(self, store: SecretStore, name: str) -> None:
        names = [f"{name}/{thread}" for thread in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda each: store.put_secret(each, each, 0), names))
        assert [_read(store, each) for each in names] == [(each, 1) for each in names]

    # --- silence and durability ---------------------------------------------------------------------------

    def test_no_value_is_in_a_repr_or_a_log(
        self, store: SecretStore, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(0):
            store.put_secret(name, VALUE, None)
            found = store.get_secret(name)
            with pytest.raises(Conflict):
                store.put_secret(name, VALUE, 0)
        for text in (repr(found), str(found), repr(store), str(store), caplog.text):
            assert VALUE not in text

    def test_what_was_stored_is_there_after_a_restart(
        self, store: SecretStore, name: str, reopen: Callable[[], SecretStore] | None
    ) -> None:
        if reopen is None:
            pytest.skip("the test class gives no fixture 'reopen': durability is not proven")
        store.put_secret(name, VALUE, None)
        store.put_secret(f"{name}/gone", VALUE, None)
        store.delete_secret(f"{name}/gone")
        again = reopen()
        assert _read(again, name) == (VALUE, 1)
        assert again.get_secret(f"{name}/gone") is None
        with pytest.raises(Conflict):
            again.put_secret(name, VALUE, 0)


def _read(store: SecretStore, name: str) -> tuple[str, int]:
    found = store.get_secret(name)
    assert found is not None, f"{name} is not there"
    assert isinstance(found, Secret)
    return found.value, found.version


def _silent(error: BaseException, *values: str) -> None:
    """Neither the error nor what it was raised from repeats a secret's value."""
    text = "".join(traceback.format_exception_only(error)) + repr(error.__cause__) + repr(error.__context__)
    assert not any(value in text for value in values)
