"""Bytes that an engine reads for one statement per rule and for shared scans: the sizes of the columns they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlglot
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.sql import dialect_named
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.detect.sql.statement import statement
from mantissa_core.model import LogType
from sqlglot.tokenizer_core import TokenType

EXTRA = "m_extra"


def scanned(files: Iterable[Path], rules: Sequence[Rule], log_type: LogType) -> dict[str, Any]:
    """Compressed bytes of the column chunks that the statements for Athena name, ``m_extra`` among them."""
    sizes, rows = column_sizes(files)
    dialect = dialect_named("athena")
    plan = Planner(dialect, log_type).plan(rules)
    refused = {rule.id for rule, _ in plan.refused}
    each = [columns(statement(rule, dialect, log_type), sizes) for rule in rules if rule.id not in refused]
    shared = [columns(scan.sql, sizes) for scan in plan.scans]
    return {
        "rules": len(each),
        "refused": len(refused),
        "scans": len(shared),
        "events": rows,
        "one_by_one": sum(sizes[name] for names in each for name in names),
        "shared": sum(sizes[name] for names in shared for name in names),
        "extra_one_by_one": sum(sizes[EXTRA] for names in each if EXTRA in names),
        "extra_shared": sum(sizes[EXTRA] for names in shared if EXTRA in names),
        "table": sum(sizes.values()),
    }


def columns(sql: str, sizes: Counter[str]) -> set[str]:
    """The table's columns that a statement names."""
    tokens = sqlglot.tokenize(sql, read="trino")
    return {each.text for each in tokens if each.token_type is TokenType.IDENTIFIER and each.text in sizes}


def column_sizes(files: Iterable[Path]) -> tuple[Counter[str], int]:
    """Compressed bytes by column, and rows, of Parquet files."""
    sizes: Counter[str] = Counter()
    rows = 0
    for file in files:
        found = pq.read_metadata(file)
        rows += found.num_rows
        for group in (found.row_group(number) for number in range(found.num_row_groups)):
            for chunk in (group.column(number) for number in range(group.num_columns)):
                sizes[chunk.path_in_schema.split(".")[0]] += chunk.total_compressed_size
    return sizes, rows
