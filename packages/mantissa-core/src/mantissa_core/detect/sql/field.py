"""A field's texts as expressions over a table's columns: what :mod:`mantissa_core.detect.field` is over batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from mantissa_core.detect.bind import EXTRA, Binding, bind
from mantissa_core.detect.ir import Op
from mantissa_core.detect.keywords import keyword_columns
from mantissa_core.errors import RuleError
from mantissa_core.model import Column, LogType
from mantissa_core.model.log_type import Path, column_name, parse_path

from .dialect import Dialect, Expr, case, either, every, present

ROWS = "r"
"""The name of the subquery that reads the table."""


@dataclass(frozen=True, slots=True)
class Texts:
    """At most one text, and several, of a field in a row; either is ``None`` where no row has it in that form."""

    one: Expr | None
    many: Expr | None


class Fields:
    """The fields of one statement. Each is worked out once, in a subquery, and referred to by name.

    Without a log type each field is the column that its path would be named, and its value a scalar.
    """

    def __init__(self, dialect: Dialect, log_type: LogType | None) -> None:
        self._dialect = dialect
        self._log_type = log_type
        self._known: dict[str | None, Texts] = {}
        self._selected: list[exp.Alias] = []

    @property
    def selected(self) -> list[exp.Alias]:
        """What the subquery selects besides the row's id."""
        return [each.copy() for each in self._selected]

    def texts(self, field: str | None) -> Texts:
        """The field's texts, by name; ``None`` is every scalar of the event.

        Raises:
            RuleError: the engine cannot express them.
        """
        if field not in self._known:
            found = self._keywords() if field is None else self._found(field)
            name = f"{len(self._known)}_{column_name((field or 'any text',))}"[:60]
            self._known[field] = Texts(self._named(f"f{name}", found.one), self._named(f"all{name}", found.many))
        return self._known[field]

    def _named(self, name: str, value: Expr | None) -> Expr | None:
        if value is None:
            return None
        self._selected.append(exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True)))
        return exp.column(name, table=ROWS, quoted=True)

    def _found(self, field: str) -> Texts:
        if self._log_type is None:
            return Texts(self._dialect.as_text(column(column_name(_keys(field)))), None)
        return _Bound(self._dialect, bind(field, self._log_type)).texts()

    def _keywords(self) -> Texts:
        if self._log_type is None:
            raise RuleError("keywords search every column, and no installed log type says which there are")
        ones, manys = [], [self._dialect.leaves(column(EXTRA))]
        for stored in keyword_columns(self._log_type)[:-1]:
            declared = self._log_type.by_column[stored]
            if declared.type == "json":
                manys.append(self._dialect.leaves(column(stored)))
            elif declared.type == "list<string>":
                manys.append(self._dialect.listed(column(stored)))
            else:
                ones.append(self._dialect.column_text(column(stored), declared.type))
        return Texts(None, self._dialect.joined(ones, manys))


@dataclass(frozen=True, slots=True)
class _Bound:
    """A field of a log type."""

    dialect: Dialect
    binding: Binding

    def texts(self) -> Texts:
        self._refuse_objects()
        declared = self.binding.column
        if declared is None:
            return Texts(None, self._elsewhere())
        value, settled = column(declared.column), self._settled(declared)
        elsewhere = case((settled, exp.null()), default=self._elsewhere())
        if declared.type == "list<string>":
            return Texts(None, case((settled, self.dialect.listed(value)), default=self._elsewhere()))
        text = self.dialect.column_text(value, declared.type)
        if self.binding.repeats or self.binding.respelled:
            text = case((settled, text))
        return Texts(text, elsewhere)

    def _settled(self, declared: Column) -> Expr:
        """The column is not null and nothing else may have another value."""
        value = column(declared.column)
        conditions = [present(value)]
        if self.binding.repeats:
            conditions.append(self._not(self.dialect.unsure(value)))
        if self.binding.respelled:
            respelled = (self.dialect.has_member(column(EXTRA), path) for path in declared.alternates)
            conditions.append(self._not(either(respelled)))
        return every(conditions)

    def _not(self, condition: Expr) -> Expr:
        return exp.not_(self.dialect.truth(condition), copy=False)

    def _elsewhere(self) -> Expr:
        """The texts in JSON: those of the first place and spelling that has any."""
        return self.dialect.first_of(list(self._places()))

    def _places(self) -> Iterator[Expr]:
        for path in self.binding.paths:
            for above in self.binding.related:
                if above.type == "json" and above.keys == path[: len(above.keys)]:
                    yield self._looked_up(above.column, path[len(above.keys) :])
            yield self._looked_up(EXTRA, path)

    def _looked_up(self, name: str, path: Path) -> Expr:
        """Texts at ``path`` in a column of JSON text, where that text names the field's last key."""
        text, found = column(name), self.dialect.lookup(column(name), path)
        if not path:
            return case((present(text), found))
        needles = (self.dialect.matches(Op.CONTAINS, text, [needle], cased=True) for needle in self.binding.needles)
        return case((either(needles), found))

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


def column(name: str) -> exp.Column:
    """A column of the table."""
    return exp.column(name, quoted=True)


def _keys(field: str) -> Path:
    try:
        return parse_path(field)
    except ValueError:
        return (field,)
