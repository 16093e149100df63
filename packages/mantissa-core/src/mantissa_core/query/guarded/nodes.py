"""The parts of SQL that a guarded statement may be made of. What is not listed is refused, whatever it does."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

_STRUCTURE = """
Select Union Intersect Except Subquery With CTE From Where Group GroupingSets Cube Rollup Having Qualify Order Ordered
Limit Offset Fetch LimitOptions Distinct Join Table TableAlias Identifier Column Star Dot Alias Aliases Unnest
Window WindowSpec Filter WithinGroup IgnoreNulls RespectNulls Var Placeholder Paren Tuple Values
"""
_VALUES = """
Literal RawString National Boolean Null Array Struct PropertyEQ Kwarg Bracket Slice Interval IntervalSpan DataType
DataTypeParam ColumnDef Cast TryCast AtTimeZone Extract Lambda Comprehension Case If Coalesce Nullif Try
"""
_OPERATORS = """
And Or Xor Not EQ NEQ LT LTE GT GTE NullSafeEQ NullSafeNEQ Is Between In Like ILike SimilarTo Glob Escape Any All Exists
Add Sub Mul Div IntDiv Mod Pow Neg DPipe BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitwiseLeftShift BitwiseRightShift
ArrayContainsAll ArrayContainedBy ArrayOverlaps Collate
"""
_JSON_PATHS = """
JSONPath JSONPathRoot JSONPathKey JSONPathSubscript JSONPathWildcard JSONPathRecursive JSONPathSlice JSONPathUnion
"""


def classes(names: str) -> frozenset[type[exp.Expr]]:
    """Classes of sqlglot's by their names, of which the installed version must have every one."""
    return frozenset(getattr(exp, name) for name in names.split())


NODES: Final = classes(_STRUCTURE + _VALUES + _OPERATORS + _JSON_PATHS)

REMEDIES: Final = {
    "Columns": "name the columns",
    "Lateral": "join a subquery on equal columns, or UNNEST a list",
    "Pivot": "use CASE or FILTER in aggregates",
    "TableSample": "use a shorter span of time",
    "Into": "only reading is possible",
    "Lock": "only reading is possible",
    "ForClause": "select the columns themselves",
    "Parameter": "write the value",
}
"""By the name of a refused part: what to do instead."""
