"""The stretch of history that a subcommand looks at: ``--last 30d``, ``--until``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mantissa_core.detect.follow.history import Span

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def length(_ctx: click.Context, _param: click.Parameter, value: str) -> timedelta:
    """``36h``, ``30d``, ``12w``."""
    found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", value)
    if found is None:
        raise click.BadParameter(f"found {value!r}, expected a number and h, d or w, such as 30d")
    return int(found[1]) * _UNITS[found[2]]


def span_options(default: str) -> Callable[[F], F]:
    """The options ``--last`` and ``--until``."""

    def decorate(command: F) -> F:
        until = click.option(
            "--until",
            type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
            metavar="TIME",
            help="Where it ends, in UTC. Default: now.",
        )
        last = click.option(
            "--last",
            callback=length,
            metavar="LENGTH",
            default=default,
            show_default=True,
            help="36h, 30d or 12w back.",
        )
        return last(until(command))

    return decorate


def span_of(last: timedelta, until: datetime | None) -> Span:
    """The span that the options mean."""
    from mantissa_core.detect.follow.history import Span

    end = datetime.now(UTC) if until is None else until.replace(tzinfo=UTC)
    return Span(end - last, end)
