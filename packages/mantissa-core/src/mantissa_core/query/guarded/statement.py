"""A statement that somebody else wrote becomes one that reads only what it may, as much as it may.

The text is read into a tree, every part of the tree must be known to be harmless, each table is replaced by a subquery
that is bounded in time and to the rows that may be seen, and the statement that runs is written anew from the tree:
the text itself never reaches an engine, so nothing that two parsers read differently does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import Dialect, ErrorLevel, Token, TokenType, exp
from sqlglot.errors import SqlglotError

from mantissa_core.errors import QueryError

from .functions import refusal
from .joins import check_joins
from .limit import limited, row_limit
from .nodes import NODES, REMEDIES
from .readable import Readable, Window, conditions
from .tables import physical_tables

MAX_TEXT: Final = 20_000
MAX_TOKENS: Final = 4_000
MAX_NESTING: Final = 60
MAX_SCANS: Final = 8
MAX_DEPTH: Final = 3
MAX_SELECTS: Final = 24
MAX_UNNESTS: Final = 4

DIALECTS: Final[Mapping[str, str]] = {
    "duckdb": "duckdb",
    "athena": "trino",  # a SELECT in Athena is Trino's; what else Athena reads is Hive's
    "trino": "trino",
    "bigquery": "bigquery",
    "synapse": "tsql",
    "tsql": "tsql",
}
"""Engines, and sqlglot's name of what they speak."""

_SELECTS = (exp.Select, exp.SetOperation)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A statement that may run: its text, the tables that it reads, and the spans that bound them.

    ``notes`` say in words what was put around what was asked, for whoever reads the rows. ``limit`` is the number of
    rows where that was put there by the guard.
    """

    sql: str
    tables: frozenset[str]
    windows: Mapping[str, Window]
    notes: tuple[str, ...]
    limit: int | None = None


def guard(
    sql: str,
    tables: Iterable[Readable],
    dialect: str = "duckdb",
    *,
    max_rows: int = 1_000,
    parameters: Collection[str] = (),
    known: Collection[str] = (),
) -> Guarded:
    """Bound one SELECT over these ``tables``, for one of :data:`DIALECTS`.

    ``parameters`` are the names that the caller binds (``$name``, DuckDB). ``known`` names tables for messages; it is
    for a caller to leave out those that the reader must not hear of.

    Raises:
        QueryError: the statement is anything else; the message says what stands in the way and what to do.
    """
    if dialect not in DIALECTS:
        raise QueryError(f"no guard for the dialect {dialect!r}: found none of {', '.join(DIALECTS)}")
    if max_rows < 1:
        raise QueryError(f"found a limit of {max_rows} rows, expected at least 1")
    spoken, readable = DIALECTS[dialect], {each.name.lower(): each for each in tables}
    try:
        tree = _parsed(sql, spoken)
        _check_parts(tree, parameters)
        _check_size(tree)
        check_joins(tree)
        reads = physical_tables(tree, readable, known)
        if len(reads) > MAX_SCANS:
            raise QueryError(f"tables are read {len(reads)} times, at most {MAX_SCANS} are allowed: ask in parts")
        for table, target in reads:
            table.replace(_bounded(table, target, spoken))
        tree, cut = limited(tree, max_rows, spoken)
        text = tree.sql(dialect=spoken, comments=False, unsupported_level=ErrorLevel.RAISE)
        _check_again(text, spoken, [each for _, each in reads], max_rows)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        # Whatever the parser stumbles over is not understood, and what is not understood does not run.
        raise QueryError(_stumbled(error)) from None
    return Guarded(text, *_told([target for _, target in reads]), max_rows if cut else None)


def _parsed(sql: str, dialect: str) -> exp.Expr:
    if len(sql) > MAX_TEXT:
        raise QueryError(f"the statement has {len(sql)} characters, at most {MAX_TEXT} are allowed")
    if "\0" in sql:
        raise QueryError("the statement holds a null character")
    tokens = Dialect.get_or_raise(dialect).tokenize(sql)
    if len(tokens) > MAX_TOKENS:
        raise QueryError(f"the statement has {len(tokens)} words and signs, at most {MAX_TOKENS} are allowed")
    if _nesting(sql) > MAX_NESTING:
        raise QueryError(f"brackets are nested more than {MAX_NESTING} deep: write it flatter")
    return _single(tokens, sql, dialect)


def _check_again(text: str, dialect: str, targets: Sequence[Readable], max_rows: int) -> None:
    """What was written must read back as what was meant: the same tables, each as often, and the limit outermost."""
    tree = _single(Dialect.get_or_raise(dialect).tokenize(text), text, dialect)
    again = physical_tables(tree, {each.name.lower(): each for each in targets}, ())
    limit = row_limit(tree)
    same = Counter(each.name for _, each in again) == Counter(each.name for each in targets)
    if not same or limit is None or limit > max_rows:
        raise QueryError(f"this cannot be said in {dialect} as it was understood: write it more plainly")


def _single(tokens: Sequence[Token], sql: str, dialect: str) -> exp.Expr:
    """The tree of the only statement, a SELECT."""
    _check_single(tokens)
    found = Dialect.get_or_raise(dialect).parser().parse(list(tokens), sql)
    trees = [each for each in found if each is not None and not isinstance(each, exp.Semicolon)]
    if len(trees) != 1:
        raise QueryError(f"one statement is allowed, found {len(trees)}")
    tree = trees[0]
    if not isinstance(tree, _SELECTS):
        raise QueryError(f"only SELECT is allowed, this is {_kind(tree)}")
    return tree


def _check_single(tokens: Sequence[Token]) -> None:
    """One statement, and one that may be a SELECT. What else there is the parser need not see."""
    if not tokens or tokens[0].token_type is TokenType.SEMICOLON:
        raise QueryError("one statement is allowed, found none")
    ended = False
    for token in tokens:
        if ended and token.token_type is not TokenType.SEMICOLON:
            raise QueryError("one statement is allowed, found more behind a semicolon")
        ended = ended or token.token_type is TokenType.SEMICOLON
    if tokens[0].token_type not in _BEGINNINGS:
        raise QueryError(f"only SELECT is allowed, this is {tokens[0].text.upper()[:40]}")


_BEGINNINGS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.L_PAREN, TokenType.TABLE})


def _nesting(sql: str) -> int:
    """How deep brackets are nested at most; those in texts count, too, which errs to the safe side."""
    depth = deepest = 0
    for character in sql:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _check_parts(tree: exp.Expr, parameters: Collection[str]) -> None:
    for node in tree.walk():
        kind = type(node)
        if kind not in NODES:
            if not isinstance(node, exp.Func):
                raise QueryError(f"{_kind(node)} is not allowed{_remedy(kind.__name__)}")
            if reason := refusal(node):
                raise QueryError(reason + _remedy(kind.__name__))
        if kind in _CHECKS and (reason := _CHECKS[kind](node)):
            raise QueryError(reason)
        if kind is exp.Placeholder and node.name not in parameters:
            raise QueryError(f"the parameter {node.name or '?'!r} has no value: give it one, or write the value")


def _with(node: exp.Expr) -> str | None:
    return "WITH RECURSIVE is not allowed: join on equal columns instead" if node.args.get("recursive") else None


def _column(node: exp.Expr) -> str | None:
    pseudo = node.name.startswith(("$", "@")) or node.name.upper() in _PSEUDO
    return f"the column {node.name!r} tells of the engine, not of events: leave it out" if pseudo else None


_PSEUDO = frozenset({"_TABLE_SUFFIX", "_PARTITIONTIME", "_PARTITIONDATE", "_FILE_NAME", "_CHANGE_TYPE", "ROWID"}) | {
    "CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "CURRENT_ROLE", "CURRENT_CATALOG", "CURRENT_SCHEMA",
}  # fmt: skip


def _dot(node: exp.Expr) -> str | None:
    call = isinstance(node.expression, exp.Func)
    return "a function is called by its name alone: write name(value), not schema.name(value)" if call else None


def _select(node: exp.Expr) -> str | None:
    odd = sorted(name for name, value in node.args.items() if value and name not in _SELECT_PARTS)
    name = odd[0].strip("_") if odd else ""
    return f"{name.upper()} is not allowed in SELECT{_remedy(name.title())}" if odd else None


_SELECT_PARTS = frozenset(
    {
        *("with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify", "windows"),
        *("order", "limit", "offset"),
    }
)


def _unnest(node: exp.Expr) -> str | None:
    return None if not node.find(exp.Subquery, exp.Select) else "UNNEST takes a column or a list, not a subquery"


def _data_type(node: exp.Expr) -> str | None:
    odd = getattr(node.this, "name", "") in _ODD_TYPES
    return f"the type {node.sql()} is not allowed" if odd else None


_ODD_TYPES = frozenset({"USERDEFINED", "OBJECT_IDENTIFIER", "OBJECT", "NAME", "UNKNOWN"})


_CHECKS = {
    exp.With: _with,
    exp.Column: _column,
    exp.Dot: _dot,
    exp.Select: _select,
    exp.Unnest: _unnest,
    exp.DataType: _data_type,
}


def _check_size(tree: exp.Expr) -> None:
    selects = list(tree.find_all(exp.Select))
    if len(selects) > MAX_SELECTS:
        raise QueryError(f"there are {len(selects)} SELECTs, at most {MAX_SELECTS} are allowed: ask in parts")
    if len(list(tree.find_all(exp.Unnest, exp.Explode))) > MAX_UNNESTS:
        raise QueryError(f"at most {MAX_UNNESTS} lists may be unnested")
    if (deepest := max(map(_depth, selects), default=0)) > MAX_DEPTH:
        raise QueryError(f"subqueries are nested {deepest} deep, at most {MAX_DEPTH} are allowed: name some by WITH")


def _depth(select: exp.Expr) -> int:
    """How many SELECTs stand around it. The parts of a UNION, and what a WITH names, are no deeper than the whole."""
    depth, node = 0, select
    while parent := node.parent:
        if isinstance(parent, exp.Select) and not isinstance(node, exp.With):
            depth += 1
        node = parent
    return depth


def _bounded(table: exp.Table, target: Readable, dialect: str) -> exp.Expr:
    """The subquery that stands for a table, under the name that the statement calls it by."""
    physical = exp.Table(this=exp.to_identifier(target.name, quoted=True))
    inner = exp.select("*").from_(physical).where(*conditions(target, dialect), copy=False)
    alias = table.args.get("alias") or exp.TableAlias(this=table.this.copy())
    return exp.Subquery(this=inner, alias=alias.copy())


def _told(targets: list[Readable]) -> tuple[frozenset[str], Mapping[str, Window], tuple[str, ...]]:
    read = {each.name: each for each in targets}
    windows = {name: each.window for name, each in sorted(read.items()) if each.window}
    notes = [f"{name}: only events with {window}" for name, window in windows.items()]
    notes += [f"{name}: only rows that you may see" for name, each in sorted(read.items()) if each.only]
    return frozenset(read), windows, tuple(notes)


def _kind(node: exp.Expr) -> str:
    if isinstance(node, exp.Command):
        return str(node.this).upper()
    return node.key.upper()


def _remedy(name: str) -> str:
    return f": {REMEDIES[name]}" if name in REMEDIES else ""


def _stumbled(error: Exception) -> str:
    if isinstance(error, SqlglotError):
        return f"the statement is not understood: {str(error).splitlines()[0].split('  ')[0]}"
    return "the statement is not understood: write it more simply"
