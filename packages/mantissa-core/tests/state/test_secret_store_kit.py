"""The kit is worth what it catches: a correct store passes all of it, and each of these wrong ones fails."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from mantissa_core.errors import Conflict, SecretError
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Secret
from mantissa_core.state.encrypted_file import NAME
from mantissa_core.testing.secret_store import SecretStoreContract

FAILURES = (AssertionError, Conflict, pytest.fail.Exception)


class Memory:
    """A correct store in a dictionary; the wrong ones change one thing each."""

    def __init__(self) -> None:
        self.secrets: dict[str, Secret] = {}
        self.lock = threading.Lock()

    @hookimpl
    def get_secret(self, name: str) -> Secret | None:
        return self.secrets.get(self.checked(name))

    @hookimpl
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        with self.lock:
            return self.put(self.checked(name), value, expected_version)

    @hookimpl
    def list_secrets(self) -> Mapping[str, int]:
        return {name: secret.version for name, secret in self.secrets.items()}

    @hookimpl
    def delete_secret(self, name: str) -> bool:
        return self.secrets.pop(self.checked(name), None) is not None

    def checked(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise SecretError(f"{name!r} is no name")
        return name

    def put(self, name: str, value: str, expected_version: int | None) -> int:
        version = self.secrets[name].version if name in self.secrets else 0
        if expected_version not in (None, version):
            raise Conflict(f"{name}: found version {version}")
        self.secrets[name] = Secret(value, version + 1)
        return version + 1


class Unmarked(Memory):
    def get_secret(self, name: str) -> Secret | None:
        return super().get_secret(name)


class IgnoresTheVersion(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        return super().put(name, value, None)


class TakesZeroForAny(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        return super().put(name, value, expected_version or None)


class LooksAndThenWrites(Memory):
    """Nothing keeps others out between the look at the version and the write."""

    @hookimpl
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        found = self.secrets.get(self.checked(name))
        if expected_version not in (None, found.version if found else 0):
            raise Conflict(name)
        time.sleep(0.02)
        return self.put(name, value, None)


class WritesItAllBack(Memory):
    """Two that store different secrets at once both write the whole of what they read."""

    @hookimpl
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        before = dict(self.secrets)
        time.sleep(0.02)
        version = self.put(self.checked(name), value, expected_version)
        self.secrets = {**before, name: self.secrets[name]}
        return version


class OneVersion(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        super().put(name, value, expected_version)
        self.secrets[name] = Secret(value, 1)
        return 1


class Trims(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        return super().put(name, value.strip(), expected_version)


class Cuts(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        return super().put(name, value[:4096], expected_version)


class FoldsCase(Memory):
    def checked(self, name: str) -> str:
        return super().checked(name).lower()


class MapsSlashes(Memory):
    def checked(self, name: str) -> str:
        return super().checked(name).replace("/", "-").replace("kit-", "kit/", 1)


class TakesAnyName(Memory):
    def checked(self, name: str) -> str:
        return name


class ListsValues(Memory):
    @hookimpl
    def list_secrets(self) -> Mapping[str, Any]:
        return {name: secret.value for name, secret in self.secrets.items()}


class ShowsValues(Memory):
    def __repr__(self) -> str:
        return str({name: secret.value for name, secret in self.secrets.items()})


class LogsValues(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        logging.getLogger("acme").debug("storing %s = %s", name, value)
        return super().put(name, value, expected_version)


class QuotesValues(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        try:
            return super().put(name, value, expected_version)
        except Conflict:
            raise Conflict(f"cannot set {name} to {value}") from None


class ChainsValues(Memory):
    def put(self, name: str, value: str, expected_version: int | None) -> int:
        try:
            return super().put(name, value, expected_version)
        except Conflict as error:
            raise Conflict(name) from ValueError(f"{value}: {error}")


class DeletesNothing(Memory):
    @hookimpl
    def delete_secret(self, name: str) -> bool:
        return name in self.secrets


class AlwaysDeleted(Memory):
    @hookimpl
    def delete_secret(self, name: str) -> bool:
        super().delete_secret(name)
        return True


class DeletesByPrefix(Memory):
    @hookimpl
    def delete_secret(self, name: str) -> bool:
        doomed = [each for each in self.secrets if each.startswith(name)]
        for each in doomed:
            del self.secrets[each]
        return bool(doomed)


WRONG: list[tuple[type[Memory], str]] = [
    (Unmarked, "test_every_hook_is_marked_with_hookimpl"),
    (IgnoresTheVersion, "test_another_version_than_expected_is_a_conflict"),
    (IgnoresTheVersion, "test_expecting_a_version_of_what_is_absent_is_a_conflict"),
    (TakesZeroForAny, "test_another_version_than_expected_is_a_conflict"),
    (LooksAndThenWrites, "test_one_of_many_rotations_at_once_wins"),
    (WritesItAllBack, "test_secrets_that_are_stored_at_once_are_all_kept"),
    (OneVersion, "test_a_secret_comes_back_with_the_version_that_storing_it_returned"),
    (Trims, "test_any_text_comes_back_exactly"),
    (Cuts, "test_any_text_comes_back_exactly"),
    (FoldsCase, "test_names_are_never_confused"),
    (MapsSlashes, "test_names_are_never_confused"),
    (TakesAnyName, "test_a_name_outside_the_alphabet_is_refused"),
    (ListsValues, "test_the_list_has_every_name_with_its_version_and_no_value"),
    (ShowsValues, "test_no_value_is_in_a_repr_or_a_log"),
    (LogsValues, "test_no_value_is_in_a_repr_or_a_log"),
    (QuotesValues, "test_another_version_than_expected_is_a_conflict"),
    (ChainsValues, "test_another_version_than_expected_is_a_conflict"),
    (DeletesNothing, "test_a_deleted_secret_is_forgotten"),
    (AlwaysDeleted, "test_a_deleted_secret_is_forgotten"),
    (DeletesByPrefix, "test_deleting_one_secret_leaves_the_others"),
    (Memory, "test_what_was_stored_is_there_after_a_restart"),
]


def run(name: str, make: type[Memory], caplog: pytest.LogCaptureFixture, reopen: Any = None) -> None:
    """Run all cases of a contract test as pytest would, each on a new store."""
    test = getattr(SecretStoreContract(), name)
    marks = getattr(test, "pytestmark", [])
    cases = [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]
    for case in cases:
        store = make()
        fixtures = {"name": "kit/name", "caplog": caplog, "reopen": reopen or (lambda store=store: store)}
        wanted = {key: fixtures[key] for key in inspect.signature(test).parameters if key in fixtures}
        test(store=store, **case, **wanted)


WRITABLE = [name for name in vars(SecretStoreContract) if name.startswith("test_") and "read_only" not in name]


@pytest.mark.parametrize("name", [name for name in WRITABLE if "check" not in name])
def test_a_correct_store_passes(name: str, caplog: pytest.LogCaptureFixture) -> None:
    run(name, Memory, caplog)


@pytest.mark.parametrize(("wrong", "name"), WRONG)
def test_a_wrong_store_fails(wrong: type[Memory], name: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FAILURES):
        run(name, wrong, caplog, reopen=Memory)


class ReadOnly(Memory):
    """What an environment or a mounted folder would be."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets["fixed"] = Secret("value", 1)

    @hookimpl
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        raise SecretError(f"{self.checked(name)}: this store cannot write")

    @hookimpl
    def delete_secret(self, name: str) -> bool:
        raise SecretError(f"{self.checked(name)}: this store cannot write")


class DropsWrites(ReadOnly):
    @hookimpl
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        return 2


class DropsDeletions(ReadOnly):
    @hookimpl
    def delete_secret(self, name: str) -> bool:
        return True


class ReadOnlyContract(SecretStoreContract):
    stored: ClassVar[Mapping[str, str]] = {"fixed": "value"}


def test_a_read_only_store_passes() -> None:
    ReadOnlyContract().test_what_a_read_only_store_holds_can_be_read_and_not_changed(ReadOnly())
    ReadOnlyContract().test_a_name_outside_the_alphabet_is_refused(ReadOnly(), "a b")


@pytest.mark.parametrize("wrong", [DropsWrites, DropsDeletions])
def test_a_read_only_store_that_drops_changes_silently_fails(wrong: type[ReadOnly]) -> None:
    with pytest.raises(FAILURES):
        ReadOnlyContract().test_what_a_read_only_store_holds_can_be_read_and_not_changed(wrong())
