"""The key of the encrypted secret file: where it comes from and how it is kept."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path

from pydantic import SecretStr

from mantissa_core.errors import SecretError

from .atomic_file import locked, replace

KEY_BYTES = 32
"""AES-256."""
EXPECTED = f"{KEY_BYTES} random bytes in base64 (for example from `openssl rand -base64 {KEY_BYTES}`)"


def given_key(value: SecretStr) -> bytes:
    """Decode a key that the configuration gave."""
    return _decode(value.get_secret_value(), "MANTISSA_SECRETS_KEY")


def read_key(path: Path) -> bytes:
    """Read the key file.

    Raises:
        SecretError: it is missing, others may read it, or it holds no key.
    """
    try:
        # The mode is asked of the open file, so it cannot be changed for another in between.
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1024).decode("ascii", "replace")
    except FileNotFoundError:
        raise SecretError(
            f"{path}: the key file is missing, and without it no secret can be read: restore it from where you keep "
            "a copy, or move the secrets file away and set every secret again"
        ) from None
    if mode & 0o077:
        raise SecretError(f"{path}: the key file can be read by others (mode {mode:04o}): run `chmod 600 {path}`")
    return _decode(text, str(path))


def create_key(path: Path) -> bytes:
    """Make a new key and store it where nobody else can read it, or return the one that is there by now."""
    with locked(path):  # two secret files may share one key file
        if path.exists():
            return read_key(path)
        key = os.urandom(KEY_BYTES)
        replace(path, base64.b64encode(key) + b"\n")
        return key


def fingerprint(key: bytes) -> str:
    """Identify a key without giving it away: it tells a wrong key from a damaged file."""
    return hashlib.sha256(b"mantissa secrets key\0" + key).hexdigest()[:16]


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().translate(str.maketrans("-_", "+/")), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SecretError(f"{where}: holds no key, expected {EXPECTED}")
    return key
