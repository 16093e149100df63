"""Structured logs: key=value lines for people, JSON lines for machines, always on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog

_WITHOUT_LOCALS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Local variables may hold credentials and what senders sent."""


def configure_logging(form: Literal["console", "json"] = "console", level: str = "info") -> None:
    """Set up the process's log. For programs; a library that embeds the runtime leaves this alone."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _WITHOUT_LOCALS if form == "json" else structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(stage: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry the pipeline stage they come from."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(stage=stage)
    return logger
