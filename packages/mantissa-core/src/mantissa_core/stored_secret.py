"""A credential that the vendor replaces at use, such as a refresh token: a setting that can be written back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, core_schema

from .errors import SecretError
from .model import Secret


class Keeper(Protocol):
    """What of a secret store it takes: :class:`mantissa_core.hookspecs.SecretStore` is one."""

    def get_secret(self, name: str) -> Secret | None:
        """Return the secret."""

    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        """Store a value unless the version is another than expected."""


class StoredSecret(SecretStr):
    """A field of a ``Config`` whose value lives in the secret store and may be replaced there.

    It takes ``secret://name`` only: what stands in the environment cannot be written back.
    """

    def __init__(self, value: str, name: str = "", keeper: Keeper | None = None) -> None:
        super().__init__(value)
        self.name, self._keeper = name, keeper

    def read(self) -> tuple[str, int]:
        """The value that is stored now, and its version.

        Raises:
            SecretError: it is gone, or the store cannot be read.
        """
        if self._keeper is None:
            return self.get_secret_value(), 0
        found = self._keeper.get_secret(self.name)
        if found is None:
            raise SecretError(f"secret {self.name} is no longer stored: 'mantissa secrets set {self.name}'")
        return found.value, found.version

    def replace(self, value: str, expected_version: int) -> int:
        """Store the successor and return its version.

        Raises:
            Conflict: the version is another: somebody replaced it meanwhile.
            SecretError: the store cannot write.
        """
        if self._keeper is None:
            raise SecretError(f"secret {self.name}: there is no store to write it to")
        return self._keeper.put_secret(self.name, value, expected_version)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept an instance as it is; text (in tests) becomes one without a store."""
        return core_schema.no_info_plain_validator_function(cls._taken)

    @classmethod
    def _taken(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls(value)
        raise ValueError("a reference: secret://name")


class Secrets:
    """Looks secrets up by name in a store, as references want it, and lends the store to :class:`StoredSecret`.

    ``hide`` is told each value that is lent or written back, so that it stays out of errors.
    """

    def __init__(self, keeper: Keeper, hide: Callable[[Iterable[str]], None] = lambda _values: None) -> None:
        self._keeper, self._hide = keeper, hide

    def __call__(self, name: str) -> str | None:
        """The secret's value, ``None`` where there is none."""
        found = self._keeper.get_secret(name)
        return None if found is None else found.value

    def get_secret(self, name: str) -> Secret | None:
        """Return the secret."""
        found = self._keeper.get_secret(name)
        self._hide([found.value] if found else [])
        return found

    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        """Store a value unless the version is another than expected."""
        self._hide([value])
        return self._keeper.put_secret(name, value, expected_version)
