"""Which sources a command means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime


def labels_of(runtime: Runtime, label: str | None) -> list[str]:
    """All configured and enabled collectors, or the one that was named.

    Raises:
        click.BadParameter: there is none of that name.
    """
    from mantissa_core.hookspecs import Collector

    labels = runtime.labels(Collector)
    if label is None:
        return labels
    if label not in labels:
        known = f"one of {', '.join(labels)}" if labels else "one: [collectors] of mantissa.toml is empty"
        raise click.BadParameter(f"no source is called {label!r}, expected {known}")
    return [label]
