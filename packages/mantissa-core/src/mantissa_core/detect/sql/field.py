"""A field's texts as expressions over a table's columns: what :mod:`mantissa_core.detect.match.field` is over batches.

In nearly every row a declared column says all there is about its field. A row in which ``m_extra`` or a ``json`` column
may have more to say has *drifted* in that field, which a cheap test of those texts tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from mantissa_core.detect.ir.tree import Op
from mantissa_core.detect.match.bind import EXTRA, Binding, bind
from mantissa_core.detect.match.keywords import keyword_columns
from mantissa_core.errors import RuleError
from mantissa_core.model import Column, LogType
from mantissa_core.model.log_type import Path, column_name, parse_path

from .dialect import Dialect, Expr, call, case, either, every, fresh_names, present
from .gate import close

ANY = "any text"
"""What keywords search, by a name."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a field in a row: at most one, or several. ``several`` says which of the two ``value`` is."""

    value: Expr
    several: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a row has of a field: ``usual`` is right where the row has not drifted, ``exact`` everywhere.

    ``drifted`` is ``None`` where no row can have; then both are the same.
    """

    usual: Texts
    exact: Texts
    drifted: Expr | None = None


class Fields:
    """The fields of one statement. Each lookup in JSON text becomes a column of a subquery, to which conditions refer.

    Without a log type each field is the column that its path would be named, and its value a scalar.
    """

    def __init__(self, dialect: Dialect, log_type: LogType | None) -> None:
        self.dialect = dialect
        self._log_type = log_type
        self._memory: dict[str, Found] = {}
        if log_type is not None:
            self._memory = dialect.memory.setdefault(id(log_type), (log_type, {}))[1]
        self._known: dict[str | None, Found] = {}
        self._lookups: list[exp.Alias] = []

    def __getitem__(self, field: str | None) -> Found:
        """What rows have of the field, by name; ``None`` is every scalar of the event.

        Raises:
            RuleError: the engine cannot express it.
        """
        if field not in self._known:
            name = field or ANY
            if (found := self._memory.get(name)) is None:
                with fresh_names():
                    found = self._keywords() if field is None else self._found(field)
                    found = self._memory[name] = self._closed(found)
            self._known[field] = self._named(name, found)
        return self._known[field]

    @property
    def lookups(self) -> list[exp.Alias]:
        """The columns that a subquery must make for the conditions."""
        return self._lookups

    def lookup_text(self, field: str | None) -> str:
        """The lookup that a subquery makes for the field; empty where there is none."""
        return self.dialect.closed.get(self._memory[field or ANY].exact.value.name, "") if self._memory else ""

    @property
    def drifted(self) -> Expr | None:
        """The row has drifted in one of the fields asked for so far; ``None`` where it cannot."""
        tests = [found.drifted for found in self._known.values() if found.drifted is not None]
        return either(tests) if tests else None

    @property
    def columns(self) -> list[Expr]:
        """The table's columns that conditions refer to."""
        made = {each.alias for each in self._lookups}
        texts = [value for found in self._known.values() for value in (found.usual.value, found.exact.value)]
        used = (each for text in texts for each in text.find_all(exp.Column) if each.table == self.dialect.rows)
        names = dict.fromkeys(each.name for each in used if each.this.quoted)  # variables are not
        return [self.dialect.column(name) for name in names if name not in made]

    def _closed(self, found: Found) -> Found:
        """Lookups, which are long and the same in every statement, read back now."""
        if found.drifted is not None:
            value = case((found.drifted, found.exact.value))  # engines look nothing up in the other rows
            return Found(found.usual, Texts(close(value, self.dialect), several=True), found.drifted)
        if not found.exact.several:
            return found
        texts = Texts(close(found.exact.value, self.dialect), several=True)
        return Found(texts, texts)

    def _named(self, field: str, found: Found) -> Found:
        """The same by way of columns that the subquery makes."""
        if not found.exact.several:
            return found
        name = f"m_{len(self._lookups)}_{column_name((field,))}"[:60]
        self._lookups.append(exp.Alias(this=found.exact.value.copy(), alias=exp.to_identifier(name, quoted=True)))
        values = self.dialect.column(name)
        if found.drifted is None:
            return Found(Texts(values, several=True), Texts(values, several=True))
        own = found.usual.value
        if not found.usual.several:
            own = case((present(own), self.dialect.single(own)))
        return Found(found.usual, Texts(call("COALESCE", values, own), several=True), found.drifted)

    def _found(self, field: str) -> Found:
        if self._log_type is None:
            text = Texts(self.dialect.as_text(self.dialect.column(column_name(_keys(field)))))
            return Found(text, text)
        return _Bound(self.dialect, bind(field, self._log_type)).found()

    def _keywords(self) -> Found:
        if self._log_type is None:
            raise RuleError("keywords search every column, and no installed log type says which there are")
        dialect, ones, manys = self.dialect, [], [self.dialect.leaves(self.dialect.column(EXTRA))]
        for stored in keyword_columns(self._log_type)[:-1]:
            declared, value = self._log_type.by_column[stored], dialect.column(stored)
            if declared.type == "json":
                manys.append(dialect.leaves(value))
            elif declared.type == "list<string>":
                manys.append(dialect.listed(value))
            else:
                ones.append(dialect.column_text(value, declared.type))
        texts = Texts(dialect.joined(ones, manys), several=True)
        return Found(texts, texts)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A field of a log type."""

    dialect: Dialect
    binding: Binding

    def found(self) -> Found:
        self._refuse_objects()
        declared = self.binding.column
        if declared is None:
            texts = Texts(self.dialect.first_of(list(self._places(guarded=True))), several=True)
            return Found(texts, texts)
        value = self.dialect.column(declared.column)
        if declared.type == "list<string>":
            usual = Texts(self.dialect.listed(value), several=True)
        else:
            usual = Texts(self.dialect.column_text(value, declared.type))
        own = usual.value if usual.several else self.dialect.single(usual.value)
        elsewhere = self.dialect.first_of(list(self._places(guarded=False)))
        exact = Texts(case((self._settled(declared), own), default=elsewhere), several=True)
        return Found(usual, exact, self._drifted(declared))

    def _settled(self, declared: Column) -> Expr:
        """The column is not null and nothing else has another value."""
        value = self.dialect.column(declared.column)
        conditions = [self.dialect.stored(value, declared.type)]
        if self.binding.repeats:
            conditions.append(self._not(self.dialect.unsure(value)))
        if self.binding.respelled:
            extra = self.dialect.column(EXTRA)
            conditions.append(self._not(either(self.dialect.has_member(extra, path) for path in declared.alternates)))
        return every(conditions)

    def _drifted(self, declared: Column) -> Expr:
        """JSON text may have the value: the column is null, or spells a number in one of several ways."""
        value = self.dialect.column(declared.column)
        named = either(self._names(text) for text in self.binding.texts)
        if self.binding.respelled:
            return named
        stored = self.dialect.stored(value, declared.type)
        missing = stored.this if isinstance(stored, exp.Not) else exp.not_(stored, copy=False)
        if self.binding.repeats:
            return either([every([missing, named]), self.dialect.unsure(value)])
        return every([missing, named])

    def _not(self, condition: Expr) -> Expr:
        return exp.not_(self.dialect.truth(condition), copy=False)

    def _places(self, *, guarded: bool) -> Iterator[Expr]:
        """The texts in JSON, by place and spelling."""
        for path in self.binding.paths:
            for above in self.binding.related:
                if above.type == "json" and above.keys == path[: len(above.keys)]:
                    yield self._looked_up(above.column, path[len(above.keys) :], guarded)
            yield self._looked_up(EXTRA, path, guarded)

    def _looked_up(self, name: str, path: Path, guarded: bool) -> Expr:
        """Texts at ``path`` in a column of JSON text; ``guarded``: where that text names the field's last key."""
        text = self.dialect.column(name)
        found = self.dialect.lookup(text, path, of_object=name == EXTRA)
        if not guarded:
            return found
        return case((self._names(name) if path else present(text), found))

    def _names(self, text: str) -> Expr:
        """JSON text names the field's last key."""
        column = self.dialect.column(text)
        return either(self.dialect.matches(Op.CONTAINS, column, [each], cased=True) for each in self.binding.needles)

    def _refuse_objects(self) -> None:
        """An object's text is made of all its columns; keys with dots and respelled objects lead anywhere."""
        for path in self.binding.paths:
            for other in self.binding.related:
                if other is self.binding.column:
                    continue
                if other.type == "json" and not other.alternates and other.keys == path[: len(other.keys)]:
                    continue
                if len(other.keys) > len(path) or other.type == "json":
                    raise RuleError(
                        f"the field {'.'.join(path)} is made of several columns ({other.column}, …), which SQL does "
                        "not put together again"
                    )


def _keys(field: str) -> Path:
    try:
        return parse_path(field)
    except ValueError:
        return (field,)
