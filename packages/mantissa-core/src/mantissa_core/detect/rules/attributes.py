"""Our own attributes of a rule, in one place of its file, beside Sigma's.

.. code-block:: yaml

    mantissa:
      stage: shadow            # active (the default) or shadow: records signals, never alerts
      owner: identity-team     # who looks after the rule
      group_by: [user.name]    # whose values tell its alerts apart
      alert_window: 30m        # signals this close together are one alert; without it alerts.window_minutes

A filter has ``owner``, ``reason`` and ``expires`` there (see :mod:`.filters`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from mantissa_core.duration import parse_duration
from mantissa_core.errors import RuleError

from . import keys

SECTION = "mantissa"
LONGEST_WINDOW = timedelta(hours=24)
KNOWN = ("stage", "owner", "group_by", "schedule_expression", "window", "alert_window")


class Stage(StrEnum):
    """What becomes of a rule's signals: they open alerts, or are only recorded."""

    ACTIVE = "active"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the file says about the rule's stage, owner and last change (``modified``, else ``date``).

    ``alert_window`` is the time between two signals of one alert, ``None`` where the instance's counts.
    """

    stage: Stage
    owner: str
    modified: str
    alert_window: timedelta | None


def attributes(document: Mapping[str, Any], warnings: list[str]) -> Attributes:
    """Read them from a rule or correlation. A key that means nothing here is a warning.

    Raises:
        RuleError: the section is no mapping, the stage is none, or the window no length of up to a day.
    """
    section = section_of(document, KNOWN, warnings)
    stage = keys.text(section, "stage") or Stage.ACTIVE
    if stage not in set(Stage):
        raise RuleError(f"mantissa.stage: found {stage!r}, expected one of {', '.join(Stage)}")
    modified = keys.text(document, "modified") or keys.text(document, "date")
    return Attributes(Stage(stage), keys.text(section, "owner"), modified, _alert_window(section))


def _alert_window(section: Mapping[str, Any]) -> timedelta | None:
    text = keys.text(section, "alert_window")
    if not text:
        return None
    try:
        window = parse_duration(text)
    except RuleError as error:
        raise RuleError(f"mantissa.alert_window: {error}") from None
    if window > LONGEST_WINDOW:
        raise RuleError(f"mantissa.alert_window: found {text!r}, expected at most 24h, which is what one alert spans")
    return window


def section_of(document: Mapping[str, Any], known: Collection[str], warnings: list[str]) -> Mapping[str, Any]:
    """The document's own section; empty where it has none.

    Raises:
        RuleError: it is no mapping.
    """
    section = keys.mapping(document, SECTION, {})
    if unknown := [str(key) for key in section if key not in known]:
        warnings.append(f"mantissa.{unknown[0]}: means nothing here, expected one of {', '.join(known)}")
    return section
