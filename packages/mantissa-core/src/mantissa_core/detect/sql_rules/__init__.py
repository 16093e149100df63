"""Rules that are SQL: a query over the lake, run on a schedule; they fire where it returns enough rows."""

from .rule import SqlRule

__all__ = ["SqlRule"]
