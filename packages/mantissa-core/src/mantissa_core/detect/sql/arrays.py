"""Engines with arrays and functions over them: how a field is looked up in JSON text there."""

from __future__ import annotations

from abc import abstractmethod

from mantissa_core.model.log_type import Path

from .dialect import Dialect, Expr, Test, refuse_long

SCALARS = r'"[^"\\]*(?:\\.[^"\\]*)*"\s*:?|-?[0-9][0-9.eE+-]*|true|false'
"""The scalars of JSON text, and the keys of its objects, which alone end with a colon."""


class ArrayDialect(Dialect):
    """An engine whose *many* is an array."""

    def lookup(self, text: Expr, path: Path, *, of_object: bool = False) -> Expr:
        """Walk the JSON value, by every way to join the path's keys with dots."""
        refuse_long(path)
        root = self.parsed(text)
        return self.json_texts(self._members(root, path) if of_object else self._walk(root, path))

    def _walk(self, value: Expr, path: Path) -> Expr:
        """An array of the JSON values at ``path``."""
        values = self.fanned(value)
        return self.each(values, lambda each: self._members(each, path)) if path else values

    def _members(self, value: Expr, path: Path) -> Expr:
        runs = [(".".join(path[:length]), path[length:]) for length in range(1, len(path) + 1)]
        found = [self._walk(self.member(value, key), rest) for key, rest in runs]
        return found[0] if len(found) == 1 else self.first_of([self.without_nulls(each) for each in found])

    @abstractmethod
    def parsed(self, text: Expr) -> Expr:
        """JSON text as the engine's JSON, NULL where it is none."""

    @abstractmethod
    def member(self, value: Expr, key: str) -> Expr:
        """An object's member, NULL where there is none."""

    @abstractmethod
    def fanned(self, value: Expr) -> Expr:
        """An array of a JSON value, or of its members where it is an array, and so on: none of them is one."""

    @abstractmethod
    def each(self, values: Expr, step: Test) -> Expr:
        """One array of what ``step`` makes an array of for each JSON value."""

    @abstractmethod
    def without_nulls(self, values: Expr) -> Expr:
        """An array of JSON values without nulls of either kind."""

    @abstractmethod
    def json_texts(self, values: Expr) -> Expr:
        """The texts of an array of JSON values; nulls have none."""
