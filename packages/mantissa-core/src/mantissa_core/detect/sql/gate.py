"""The last look at a statement before it leaves: it is read back, and must be what was built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from mantissa_core.errors import RuleError

from .dialect import Dialect, Expr


def written(statement: Expr, dialect: Dialect, *, pretty: bool = False) -> str:
    """The statement's text; ``pretty``: indented, with comments.

    Raises:
        RuleError: read back, the text is not one SELECT, has other literals than were built, or calls a function that
            the dialect does not list.
    """
    text = statement.sql(dialect=dialect.reads, pretty=pretty, comments=pretty)
    reader = sqlglot.Dialect.get_or_raise(dialect.reads)
    try:
        tokens = reader.tokenize(text)
        parsed = reader.parser().parse(tokens, text)
    except (SqlglotError, RecursionError) as error:
        raise RuleError(f"the SQL for {dialect.name} cannot be read back: {str(error)[:200]}") from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Select):
        raise RuleError(f"the SQL for {dialect.name} is not one SELECT")
    read = cast(Expr, parsed[0])
    if _quoted(tokens) != literals(statement):
        raise RuleError(f"the SQL for {dialect.name} does not read back with the literals of the rule")
    if foreign := functions(read) - dialect.functions:
        raise RuleError(f"the SQL for {dialect.name} calls {', '.join(sorted(foreign))}, which is not allowed")
    return _filled(text, tokens, dialect)


def close(value: Expr, dialect: Dialect) -> Expr:
    """Read an expression back once, and return a name that stands for it in statements.

    Raises:
        RuleError: as for :func:`written`.
    """
    text = written(exp.select(exp.paren(value, copy=False), copy=False), dialect)
    name = f"m_closed_{len(dialect.closed)}"
    dialect.closed[name] = text.removeprefix("SELECT ")
    return exp.column(name)


def _filled(text: str, tokens: Iterable[Token], dialect: Dialect) -> str:
    """The text with the expressions that names stand for. They are in parentheses, which were read back with them."""
    parts, at = [], 0
    for token in tokens:
        if token.token_type is TokenType.VAR and token.text in dialect.closed:
            parts += [text[at : token.start], dialect.closed[token.text]]
            at = token.end + 1
    return "".join([*parts, text[at:]])


def literals(tree: Expr) -> Counter[str]:
    """Every text that stands in quotes."""
    found = (
        each for each in tree.find_all(exp.Literal, exp.National) if isinstance(each, exp.National) or each.is_string
    )
    return Counter(str(each.this) for each in found)


def _quoted(tokens: Iterable[Token]) -> Counter[str]:
    """The same of SQL text, by its tokens: the parser makes more than texts of some, such as JSON paths."""
    return Counter(each.text for each in tokens if each.token_type in {TokenType.STRING, TokenType.NATIONAL_STRING})


def functions(tree: Expr) -> set[str]:
    """The names of all functions, as sqlglot names those that it knows."""
    return {
        each.name.upper() if isinstance(each, exp.Anonymous) else str(each.sql_name())
        for each in tree.find_all(exp.Func)
    }
