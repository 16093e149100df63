"""Snapshots: what a sink sends, kept in a file beside the test, so that a change is seen and read by somebody."""

from __future__ import annotations

import os
import re
from pathlib import Path

WRITE = "MANTISSA_WRITE_SNAPSHOTS"
"""Environment variable: when it is set, snapshots are written anew. Read what changed before you commit it."""


def assert_snapshot(path: Path, text: str) -> None:
    """Compare with the file; characters repeated more than 60 times stand there as ``x…×1000``."""
    shown = re.sub(r"(.)\1{60,}", lambda run: f"{run[1]}…×{len(run[0])}", text)
    if os.environ.get(WRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, "utf-8", newline="\n")
    kept = path.read_bytes().decode() if path.exists() else ""
    assert shown == kept, f"{path.name} says something else: set {WRITE}=1 to write it, and read it"
