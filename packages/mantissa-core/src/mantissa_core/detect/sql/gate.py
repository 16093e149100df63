"""The last look at a statement before it leaves: it is read back, and must be what was built."""

from __future__ import annotations

from collections import Counter
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from mantissa_core.errors import RuleError

from .dialect import Dialect, Expr


def written(statement: Expr, dialect: Dialect) -> str:
    """The statement's text.

    Raises:
        RuleError: read back, the text is not one SELECT, has other literals than were built, or calls a function that
            the dialect does not list.
    """
    text = statement.sql(dialect=dialect.reads)
    try:
        parsed = sqlglot.parse(text, read=dialect.reads)
    except (SqlglotError, RecursionError) as error:
        raise RuleError(f"the SQL for {dialect.name} cannot be read back: {str(error)[:200]}") from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Select):
        raise RuleError(f"the SQL for {dialect.name} is not one SELECT")
    read = cast(Expr, parsed[0])
    if _quoted(text, dialect) != literals(statement):
        raise RuleError(f"the SQL for {dialect.name} does not read back with the literals of the rule")
    if foreign := functions(read) - dialect.functions:
        raise RuleError(f"the SQL for {dialect.name} calls {', '.join(sorted(foreign))}, which is not allowed")
    return text


def literals(tree: Expr) -> Counter[str]:
    """Every text that stands in quotes."""
    found = (
        each for each in tree.find_all(exp.Literal, exp.National) if isinstance(each, exp.National) or each.is_string
    )
    return Counter(str(each.this) for each in found)


def _quoted(text: str, dialect: Dialect) -> Counter[str]:
    """The same of SQL text, by its tokens: the parser makes more than texts of some, such as JSON paths."""
    tokens = sqlglot.tokenize(text, read=dialect.reads)
    return Counter(each.text for each in tokens if each.token_type in {TokenType.STRING, TokenType.NATIONAL_STRING})


def functions(tree: Expr) -> set[str]:
    """The names of all functions, as sqlglot names those that it knows."""
    return {
        each.name.upper() if isinstance(each, exp.Anonymous) else str(each.sql_name())
        for each in tree.find_all(exp.Func)
    }
