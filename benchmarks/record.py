"""Keeps the last results of each benchmark in RESULTS.md, one section each, with date and machine."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """One line: when, processor, cores, memory, operating system, and the versions that matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pyarrow", "deltalake"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d} on {_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GB, "
        f"{platform.system()}; Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    if (info := Path("/proc/cpuinfo")).exists() and (found := re.search(r"model name\s*: (.+)", info.read_text())):
        return found[1]
    return platform.processor() or platform.machine()


def table(rows: Iterable[tuple[str, object, str]]) -> str:
    """A Markdown table of figures: what, how much, and what was asked."""
    lines = [f"| {what} | {figure} | {asked} |" for what, figure, asked in rows]
    return "\n".join(["| | measured | target |", "| --- | --- | --- |", *lines])


def record(name: str, text: str) -> None:
    """Replace the section ``name``, or add it."""
    section = f"## {name}\n\n{text.strip()}\n"
    whole = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Results\n"
    pattern = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    replaced, times = pattern.subn(lambda _: f"{section}\n", whole)
    RESULTS.write_text((replaced if times else f"{whole.rstrip()}\n\n{section}").rstrip() + "\n", "utf-8")
