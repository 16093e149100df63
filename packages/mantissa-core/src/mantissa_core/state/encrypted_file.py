"""The default secret store: a file in which every secret is encrypted on its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, SecretStr

from mantissa_core.errors import Conflict, SecretError
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Secret

from .atomic_file import locked, replace
from .filesystem import existing_parent
from .secret_key import create_key, fingerprint, given_key, read_key

NAME = re.compile(r"[A-Za-z0-9._/-]{1,128}")
FORMAT = 1
NONCE_BYTES = 12
"""What GCM is defined for (NIST SP 800-38D, section 8.2.2); random, which is safe for 2^32 writes with one key."""


class Sealed(msgspec.Struct, frozen=True):
    """One encrypted secret. Name and version are authenticated with it, so that none can pass for another."""

    version: int
    nonce: bytes
    value: bytes


class Vault(msgspec.Struct, frozen=True):
    """The file's content: JSON, with bytes in base64. ``key`` is the fingerprint of the key that sealed it."""

    format: int
    key: str
    secrets: dict[str, Sealed]


class EncryptedFile:
    """Keeps secrets in one file, encrypted with AES-256-GCM.

    Whoever has the file alone learns the secrets' names, versions and lengths. The key is given by ``key``, or
    else lies in ``key_file``, which the first ``put_secret`` creates. Any number of threads and processes on one
    machine may use one file. A secret that is deleted and stored again starts at version 1.
    """

    class Config(PluginConfig):
        """Settings of ``core.encrypted_file``."""

        path: Path = Path("secrets.json")
        """The encrypted file; created where it does not exist."""
        key_file: Path = Path("secrets.key")
        """Where the key lies unless ``key`` gives it; keep a copy of it somewhere else."""
        key: SecretStr | None = Field(None, json_schema_extra={"env": "MANTISSA_SECRETS_KEY"})
        """The key itself: 32 random bytes in base64, as ``env:NAME``. Then no key file is read or written."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @hookimpl
    def get_secret(self, name: str) -> Secret | None:
        """Return the secret, ``None`` where there is none.

        Raises:
            SecretError: the key is missing or wrong, or the file was damaged or tampered with.
        """
        _check_name(name)
        with self._explained():
            vault = self._read()
            sealed = vault.secrets.get(name)
            return None if sealed is None else Secret(self._unseal(name, sealed, self._key(vault)), sealed.version)

    @hookimpl
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        """Store a value and return its version; on disk when this returns."""
        _check_name(name)
        with self._explained(), locked(self._config.path):
            vault = self._read()
            old = vault.secrets.get(name)
            version = old.version if old else 0
            if expected_version not in (None, version):
                raise Conflict(f"secret {name}: expected version {expected_version}, found {version}")
            key = self._key(vault)
            sealed = _seal(name, value, version + 1, key)
            self._write({**vault.secrets, name: sealed}, fingerprint(key))
            return sealed.version

    @hookimpl
    def list_secrets(self) -> Mapping[str, int]:
        """Return every name with its version. Needs no key."""
        with self._explained():
            return {name: sealed.version for name, sealed in sorted(self._read().secrets.items())}

    @hookimpl
    def delete_secret(self, name: str) -> bool:
        """Forget a secret. False where there was none. Needs no key."""
        _check_name(name)
        with self._explained(), locked(self._config.path):
            vault = self._read()
            if name not in vault.secrets:
                return False
            rest = {other: sealed for other, sealed in vault.secrets.items() if other != name}
            self._write(rest, vault.key)
            return True

    @hookimpl
    def check(self) -> None:
        """Prove that every secret can be read, and that the file can be written."""
        with self._explained():
            vault = self._read()
            if vault.secrets:
                key = self._key(vault)
                for name, sealed in vault.secrets.items():
                    self._unseal(name, sealed, key)
            folder = existing_parent(self._config.path)
            if not os.access(folder, os.W_OK):
                raise SecretError(f"{folder}: this user cannot write here: change its permissions")

    def _read(self) -> Vault:
        path = self._config.path
        try:
            vault = msgspec.json.decode(path.read_bytes(), type=Vault)
        except FileNotFoundError:
            return Vault(FORMAT, "", {})
        except msgspec.DecodeError:
            raise SecretError(
                f"{path}: is damaged or no secrets file; it was left alone: restore a backup, or move it away and "
                "set the secrets again"
            ) from None
        if vault.format != FORMAT:
            raise SecretError(f"{path}: was written by another version (format {vault.format}): upgrade mantissa-core")
        return vault

    def _write(self, secrets: Mapping[str, Sealed], key: str) -> None:
        vault = Vault(FORMAT, key if secrets else "", dict(secrets))
        replace(self._config.path, msgspec.json.format(msgspec.json.encode(vault)) + b"\n")

    def _key(self, vault: Vault) -> bytes:
        """The key that the vault is sealed with; a new one where nothing is sealed yet and no key is there."""
        config = self._config
        if config.key is not None:
            key, where = given_key(config.key), "MANTISSA_SECRETS_KEY"
        elif vault.secrets or config.key_file.exists():
            key, where = read_key(config.key_file), str(config.key_file)
        else:
            return create_key(config.key_file)
        if vault.secrets and vault.key != fingerprint(key):
            raise SecretError(
                f"{config.path}: is encrypted with another key ({vault.key}) than that of {where} "
                f"({fingerprint(key)}): bring back the right one, or move the file away and set the secrets again"
            )
        return key

    def _unseal(self, name: str, sealed: Sealed, key: bytes) -> str:
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.value, _bound_to(name, sealed.version)).decode()
        except (InvalidTag, ValueError):  # ValueError: a nonce of a length that GCM refuses
            raise SecretError(
                f"{self._config.path}: secret {name} was damaged or tampered with: restore a backup, or store it "
                f"again with `mantissa secrets set {name}`"
            ) from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = error.filename or self._config.path
            raise SecretError(
                f"{place}: {error.strerror or error}: check its permissions and the space on its disk"
            ) from error


def _seal(name: str, value: str, version: int, key: bytes) -> Sealed:
    nonce = os.urandom(NONCE_BYTES)
    try:
        return Sealed(version, nonce, AESGCM(key).encrypt(nonce, value.encode(), _bound_to(name, version)))
    except UnicodeEncodeError:
        raise SecretError(f"secret {name}: its value is no Unicode text (half a surrogate pair)") from None


def _bound_to(name: str, version: int) -> bytes:
    return f"{name}\0{version}".encode()


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise SecretError(f"{name[:128]!r} is no secret's name: use 1 to 128 of the characters A-Z a-z 0-9 . _ / -")
