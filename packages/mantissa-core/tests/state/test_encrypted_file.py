from __future__ import annotations

import base64
import json
import os
import resource
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.errors import Conflict, Retry, SecretError
from mantissa_core.state import atomic_file
from mantissa_core.state.encrypted_file import EncryptedFile
from pydantic import SecretStr

VALUE = "hunter2-the-value"
KEY = base64.b64encode(bytes(range(32))).decode()


def opened(folder: Path, key: str | None = None) -> EncryptedFile:
    secret = None if key is None else SecretStr(key)
    return EncryptedFile(
        EncryptedFile.Config(path=folder / "secrets.json", key_file=folder / "secrets.key", key=secret)
    )


@pytest.fixture
def store(tmp_path: Path) -> EncryptedFile:
    return opened(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


# --- files -----------------------------------------------------------------------------------------------------


def test_nothing_is_written_before_the_first_secret(store: EncryptedFile, tmp_path: Path) -> None:
    assert store.get_secret("a") is None
    assert store.list_secrets() == {}
    store.check()
    assert list(tmp_path.iterdir()) == []


def test_the_file_and_the_key_are_for_their_owner_alone(store: EncryptedFile, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store.put_secret("a", VALUE, None)
        store.put_secret("a", VALUE, None)
    finally:
        os.umask(old)
    assert {each.name: mode(each) for each in tmp_path.iterdir() if not each.name.startswith(".")} == {
        "secrets.json": 0o600,
        "secrets.key": 0o600,
    }


def test_no_value_is_in_any_file(store: EncryptedFile, tmp_path: Path) -> None:
    store.put_secret("a", VALUE, None)
    for path in tmp_path.iterdir():
        assert VALUE.encode() not in path.read_bytes()
        assert base64.b64encode(VALUE.encode())[:12] not in path.read_bytes()


def test_the_same_value_is_sealed_differently_every_time(store: EncryptedFile, tmp_path: Path) -> None:
    for name in ("a", "b"):
        store.put_secret(name, VALUE, None)
    secrets = json.loads((tmp_path / "secrets.json").read_text())["secrets"]
    assert secrets["a"]["nonce"] != secrets["b"]["nonce"]
    assert secrets["a"]["value"] != secrets["b"]["value"]


def test_a_symbolic_link_stays_and_its_target_is_replaced(store: EncryptedFile, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "vault.json"
    (tmp_path / "secrets.json").symlink_to(target)
    store.put_secret("a", VALUE, None)
    assert (tmp_path / "secrets.json").is_symlink()
    assert "secrets" in json.loads(target.read_text())


def test_a_write_that_fails_leaves_the_old_file_and_no_other(store: EncryptedFile, tmp_path: Path) -> None:
    store.put_secret("a", "before", None)
    names = sorted(each.name for each in tmp_path.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(SecretError, match="space on its disk"):
            store.put_secret("a", VALUE * 1000, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(each.name for each in tmp_path.iterdir()) == names
    assert store.get_secret("a").value == "before"


# --- keys ------------------------------------------------------------------------------------------------------


def test_a_key_that_is_given_needs_no_key_file(tmp_path: Path) -> None:
    opened(tmp_path, KEY).put_secret("a", VALUE, None)
    assert opened(tmp_path, f" {KEY}\n").get_secret("a").value == VALUE
    assert not (tmp_path / "secrets.key").exists()


def test_the_url_alphabet_of_base64_is_understood(tmp_path: Path) -> None:
    raw = b"\xfb\xff" * 16
    opened(tmp_path, base64.b64encode(raw).decode()).put_secret("a", VALUE, None)
    assert opened(tmp_path, base64.urlsafe_b64encode(raw).decode()).get_secret("a").value == VALUE


@pytest.mark.parametrize("key", ["", "hunter2-passphrase", KEY[:-4], KEY + KEY, "ä" * 44])
def test_a_key_of_another_form_is_refused_and_not_quoted(tmp_path: Path, key: str) -> None:
    with pytest.raises(SecretError, match="MANTISSA_SECRETS_KEY: holds no key, expected 32 random bytes") as caught:
        opened(tmp_path, key).put_secret("a", VALUE, None)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(store: EncryptedFile, tmp_path: Path, bits: int) -> None:
    store.put_secret("a", VALUE, None)
    (tmp_path / "secrets.key").chmod(bits)
    for use in (lambda: store.get_secret("a"), lambda: store.put_secret("b", VALUE, None), store.check):
        with pytest.raises(SecretError, match=rf"mode 0{bits:o}\): run `chmod 600 .*secrets\.key`"):
            use()


def test_a_missing_key_file_is_never_replaced_while_there_are_secrets(store: EncryptedFile, tmp_path: Path) -> None:
    store.put_secret("a", VALUE, None)
    (tmp_path / "secrets.key").unlink()
    for use in (lambda: store.get_secret("a"), lambda: store.put_secret("b", VALUE, None), store.check):
        with pytest.raises(SecretError, match=r"secrets\.key: the key file is missing.*restore it"):
            use()
    assert not (tmp_path / "secrets.key").exists()
    assert store.list_secrets() == {"a": 1}


def test_a_wrong_key_is_told_from_a_damaged_file_and_writes_nothing(store: EncryptedFile, tmp_path: Path) -> None:
    store.put_secret("a", VALUE, None)
    before = (tmp_path / "secrets.json").read_bytes()
    other = opened(tmp_path, KEY)
    for use in (lambda: other.get_secret("a"), lambda: other.put_secret("b", VALUE, None), other.check):
        with pytest.raises(SecretError, match=r"secrets\.json: is encrypted with another key"):
            use()
    assert (tmp_path / "secrets.json").read_bytes() == before


def test_once_every_secret_is_gone_another_key_may_be_used(store: EncryptedFile, tmp_path: Path) -> None:
    store.put_secret("a", VALUE, None)
    store.delete_secret("a")
    other = opened(tmp_path, KEY)
    assert other.put_secret("a", VALUE, 0) == 1
    assert other.get_secret("a").value == VALUE


# --- tampering -------------------------------------------------------------------------------------------------


def swap(content: Any) -> None:
    secrets = content["secrets"]
    secrets["a"], secrets["b"] = secrets["b"], secrets["a"]


def rename(content: Any) -> None:
    content["secrets"]["a"] = content["secrets"].pop("b")


def raise_version(content: Any) -> None:
    content["secrets"]["a"]["version"] += 1


def flip_a_bit(content: Any) -> None:
    sealed = bytearray(base64.b64decode(content["secrets"]["a"]["value"]))
    sealed[3] ^= 1
    content["secrets"]["a"]["value"] = base64.b64encode(sealed).decode()


def cut_value(content: Any) -> None:
    content["secrets"]["a"]["value"] = ""


def cut_nonce(content: Any) -> None:
    content["secrets"]["a"]["nonce"] = ""


@pytest.mark.parametrize("tamper", [swap, rename, raise_version, flip_a_bit, cut_value, cut_nonce])
def test_a_secret_that_was_tampered_with_is_refused(
    store: EncryptedFile, tmp_path: Path, tamper: Callable[[Any], None]
) -> None:
    store.put_secret("a", VALUE, None)
    store.put_secret("b", "hunter2-the-other", None)
    edit(tmp_path / "secrets.json", tamper)
    for use in (lambda: store.get_secret("a"), store.check):
        with pytest.raises(SecretError, match=r"secrets\.json: secret a was damaged or tampered with") as caught:
            use()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value, chain=True))
    store.put_secret("a", "anew", None)
    assert store.get_secret("a").value == "anew"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[]", b'{"format": 1}', b'{"format": "x", "key": 1}'])
def test_a_file_that_is_no_secrets_file_is_refused_and_left_alone(
    store: EncryptedFile, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "secrets.json").write_bytes(content)
    for use in (lambda: store.get_secret("a"), lambda: store.put_secret("a", VALUE, None), store.list_secrets):
        with pytest.raises(SecretError, match=r"secrets\.json: is damaged or no secrets file; it was left alone"):
            use()
    assert (tmp_path / "secrets.json").read_bytes() == content


def test_a_file_of_a_newer_version_is_refused(store: EncryptedFile, tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"format": 2, "key": "", "secrets": {}}')
    with pytest.raises(SecretError, match=r"format 2.*upgrade mantissa-core"):
        store.list_secrets()


def test_a_value_that_is_no_text_is_refused_and_not_quoted(store: EncryptedFile) -> None:
    with pytest.raises(SecretError, match="secret a: its value is no Unicode text") as caught:
        store.put_secret("a", f"{VALUE}\ud800", None)
    assert VALUE not in "".join(traceback.format_exception(caught.value))


# --- processes -------------------------------------------------------------------------------------------------

ROTATE = """
import sys
from pathlib import Path
from mantissa_core.errors import Conflict
from mantissa_core.state.encrypted_file import EncryptedFile

folder = Path(sys.argv[1])
store = EncryptedFile(EncryptedFile.Config(path=folder / "secrets.json", key_file=folder / "secrets.key"))
print("ready", flush=True)
sys.stdin.readline()
won = 0
for version in range(20):
    try:
        store.put_secret("token", f"{sys.argv[2]} {version}", version)
        won += 1
    except Conflict:
        pass
    store.put_secret(f"own/{sys.argv[2]}/{version}", "kept", 0)
print(won)
"""


def test_of_two_processes_that_rotate_at_once_one_wins_each_version_and_nothing_is_lost(
    store: EncryptedFile, tmp_path: Path
) -> None:
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", ROTATE, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    for rival in rivals:
        assert rival.stdout.readline() == "ready\n"
    for rival in rivals:
        rival.stdin.write("go\n")
        rival.stdin.flush()
    won = [int(rival.communicate()[0]) for rival in rivals]
    assert sum(won) == store.get_secret("token").version
    listed = store.list_secrets()
    assert len(listed) == 41
    assert {store.get_secret(name).value for name in listed if name != "token"} == {"kept"}


def test_a_lock_that_another_holds_is_to_be_tried_again(
    store: EncryptedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic_file, "LOCK_SECONDS", 0.02)
    with atomic_file.locked(tmp_path / "secrets.json"), pytest.raises(Retry, match="locked"):
        store.put_secret("a", VALUE, None)
    assert store.put_secret("a", VALUE, 0) == 1


def test_a_conflict_creates_no_key(store: EncryptedFile, tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        store.put_secret("a", VALUE, 3)
    assert not (tmp_path / "secrets.key").exists()
