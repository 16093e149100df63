"""Engines with arrays and functions over them: how a field is looked up in JSON text there."""

from __future__ import annotations

from abc import abstractmethod

from mantissa_core.model.log_type import Path

from .dialect import Dialect, Expr, Test, refuse_long

DEEP = 1
"""Levels of arrays at one place that a lookup in JSON text takes apart: not arrays directly inside arrays."""


class ArrayDialect(Dialect):
    """An engine whose *many* is an array."""

    def lookup(self, text: Expr, path: Path) -> Expr:
        """The texts at ``path`` in JSON text: objects walked, arrays fanned out, dotted keys as a fallback."""
        refuse_long(path)
        return self.json_texts(self._walk(self.array(self.parsed(text)), path))

    def _walk(self, values: Expr, path: Path) -> Expr:
        for _ in range(DEEP):
            values = self.fanned(values)
        return self.each(values, lambda value: self._members(value, path)) if path else values

    def _members(self, value: Expr, path: Path) -> Expr:
        runs = [(".".join(path[:length]), path[length:]) for length in range(1, len(path) + 1)]
        found = [self._walk(self.array(self.member(value, key)), rest) for key, rest in runs]
        return self.first_of([self.without_nulls(each) for each in found])

    @abstractmethod
    def parsed(self, text: Expr) -> Expr:
        """JSON text as the engine's JSON, NULL where it is none."""

    @abstractmethod
    def member(self, value: Expr, key: str) -> Expr:
        """An object's member, NULL where there is none."""

    @abstractmethod
    def fanned(self, values: Expr) -> Expr:
        """An array of JSON values with each array among them replaced by its members."""

    @abstractmethod
    def each(self, values: Expr, step: Test) -> Expr:
        """One array of what ``step`` makes an array of for each JSON value."""

    @abstractmethod
    def without_nulls(self, values: Expr) -> Expr:
        """An array of JSON values without nulls of either kind."""

    @abstractmethod
    def json_texts(self, values: Expr) -> Expr:
        """The texts of an array of JSON values; nulls have none."""
