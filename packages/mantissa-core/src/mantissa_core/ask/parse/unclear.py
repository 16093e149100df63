"""Why there is no one plan for what was said."""

from __future__ import annotations

from collections.abc import Sequence


class Unclear(Exception):
    """There is no one plan for it; the text says why. ``sources`` are the logs of which one must be named."""

    def __init__(self, reason: str, sources: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.sources = tuple(sources)
