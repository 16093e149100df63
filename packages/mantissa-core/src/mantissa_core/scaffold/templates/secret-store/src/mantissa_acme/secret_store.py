"""The secret store ``acme.gadget``: a folder with a file per secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mantissa_core.errors import SecretError
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Secret

LONGEST = 128
NAME = re.compile(rf"[A-Za-z0-9._/-]{{1,{LONGEST}}}")


class Gadget:
    """Reads secrets from the files of a folder, as containers mount them, and changes none.

    ``okta/token`` is the file ``token`` in the subfolder ``okta``. One line break at its end does not
    count: editors and ``echo`` write it. The version is the time of its change, in seconds since 1970.
    """

    class Config(PluginConfig):
        """Where the files are."""

        path: Path = Path("/run/secrets")
        """The folder."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def check(self) -> None:
        """Read every secret."""
        for name in self.list_secrets():
            self.get_secret(name)

    @hookimpl
    def get_secret(self, name: str) -> Secret | None:
        """Return the secret, ``None`` where there is no such file.

        Raises:
            SecretError: the name or a link leads out of the folder, or the file cannot be read.
        """
        with _explained():
            file = self._find(name)
            return Secret(_text(name, file.read_bytes()), _version(file)) if file else None

    @hookimpl
    def list_secrets(self) -> Mapping[str, int]:
        """Return every name with its version."""
        with _explained():
            found = {name: self._find(name) for name in sorted(self._names())}
            return {name: _version(file) for name, file in found.items() if file}

    @hookimpl
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        """Refuse: whoever mounts the folder writes the secrets."""
        raise self._read_only()

    @hookimpl
    def delete_secret(self, name: str) -> bool:
        """Refuse, as ``put_secret`` does."""
        raise self._read_only()

    def _read_only(self) -> SecretError:
        return SecretError(f"{self.config.path} is read only: change secrets where they are mounted from")

    def _find(self, name: str) -> Path | None:
        if not NAME.fullmatch(name) or any(map(_hidden, name.split("/"))):
            expected = f"1 to {LONGEST} of A-Z a-z 0-9 . _ / -, and no way out of the folder"
            raise SecretError(f"{name[:LONGEST]!r} is no secret's name: expected {expected}")
        root = self.config.path.resolve(strict=True)
        file = Path(os.path.realpath(root / name))
        if not file.is_relative_to(root):
            raise SecretError(f"secret {name}: a link that leads out of {root}")
        return file if file.is_file() else None

    def _names(self) -> Iterator[str]:
        root = self.config.path.resolve(strict=True)
        # Links are followed: Kubernetes makes everything a link into a folder that it exchanges.
        for folder, below, files in os.walk(root, followlinks=True):
            place = Path(folder).relative_to(root)
            below[:] = [each for each in below if not _hidden(each) and len(str(place / each)) < LONGEST]
            names = [(place / each).as_posix() for each in files if not _hidden(each)]
            yield from filter(NAME.fullmatch, names)


def _hidden(part: str) -> bool:
    """Whether a part of a name is none: empty, a way elsewhere, or Kubernetes' own (``..data``)."""
    return part in ("", ".") or part.startswith("..")


def _version(file: Path) -> int:
    return max(1, int(file.stat().st_mtime))


def _text(name: str, content: bytes) -> str:
    text = content.decode(errors="replace")
    if text.encode() != content:  # asked this way because a UnicodeDecodeError would show the secret
        raise SecretError(f"secret {name}: its file is no UTF-8 text")
    return re.sub(r"\r?\n\Z", "", text)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{error.filename}: {error.strerror or error}"
        raise SecretError(f"{what}: check the mount and its permissions") from error
