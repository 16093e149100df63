"""The conformance kit of secret stores, and what this one promises beyond it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mantissa_core.errors import SecretError
from mantissa_core.model import Secret
from mantissa_core.testing.secret_store import SecretStoreContract

from mantissa_acme.secret_store import Gadget

STORED = {"db_password": "hunter2", "okta/token": " spaces stay ", "empty": "", "key.pem": "one\r\ntwo"}


@pytest.fixture
def store(tmp_path: Path) -> Gadget:
    for name, value in STORED.items():
        file = tmp_path / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(value.encode() + b"\n")
    return Gadget(Gadget.Config(path=tmp_path / "secrets"))


class TestGadget(SecretStoreContract):
    stored = STORED

    @pytest.fixture
    def store(self, store: Gadget) -> Gadget:
        return store


def test_the_list_names_what_is_there_and_nothing_else(store: Gadget) -> None:
    (store.config.path / "not a name").write_text("x")
    assert list(store.list_secrets()) == sorted(STORED)


@pytest.mark.parametrize("name", ["../outside", "okta/../../outside", "/etc/passwd", "..", ".", "okta//token", "okta/"])
def test_no_name_leads_out_of_the_folder(store: Gadget, name: str) -> None:
    (store.config.path.parent / "outside").write_text("not yours")
    with pytest.raises(SecretError, match="is no secret's name"):
        store.get_secret(name)


def test_no_link_leads_out_of_the_folder(store: Gadget) -> None:
    (store.config.path.parent / "outside").write_text("not yours")
    (store.config.path / "link").symlink_to("../outside")
    with pytest.raises(SecretError, match="leads out of"):
        store.get_secret("link")


def test_a_folder_that_kubernetes_mounts_is_read_through_its_links(tmp_path: Path) -> None:
    (tmp_path / "..2026_03_01").mkdir()
    (tmp_path / "..2026_03_01" / "token").write_text("t0ken")
    (tmp_path / "..data").symlink_to("..2026_03_01")
    (tmp_path / "token").symlink_to("..data/token")
    store = Gadget(Gadget.Config(path=tmp_path))
    assert list(store.list_secrets()) == ["token"]
    found = store.get_secret("token")
    assert isinstance(found, Secret)
    assert found.value == "t0ken"


def test_bytes_that_are_no_text_are_refused_and_not_shown(store: Gadget) -> None:
    (store.config.path / "binary").write_bytes(b"hunter2\xff")
    with pytest.raises(SecretError) as caught:
        store.check()
    assert "secret binary" in str(caught.value)
    shown = repr((caught.value, caught.value.__cause__, caught.value.__context__))
    assert "hunter2" not in shown


def test_a_folder_that_is_not_mounted_is_an_error(tmp_path: Path) -> None:
    store = Gadget(Gadget.Config(path=tmp_path / "nowhere"))
    for ask in (store.check, store.list_secrets, lambda: store.get_secret("token")):
        with pytest.raises(SecretError, match="check the mount"):
            ask()
