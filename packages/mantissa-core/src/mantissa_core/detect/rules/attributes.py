"""Our own attributes of a rule, in one place of its file, beside Sigma's.

.. code-block:: yaml

    mantissa:
      stage: shadow            # active (the default) or shadow: records signals, never alerts
      owner: identity-team     # who looks after the rule
      group_by: [user.name]    # whose values tell its alerts apart

A filter has ``owner``, ``reason`` and ``expires`` there (see :mod:`.filters`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mantissa_core.errors import RuleError

from . import keys

SECTION = "mantissa"
KNOWN = ("stage", "owner", "group_by", "schedule_expression", "window")


class Stage(StrEnum):
    """What becomes of a rule's signals: they open alerts, or are only recorded."""

    ACTIVE = "active"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the file says about the rule's stage, owner and last change (``modified``, else ``date``)."""

    stage: Stage
    owner: str
    modified: str


def attributes(document: Mapping[str, Any], warnings: list[str]) -> Attributes:
    """Read them from a rule or correlation. A key that means nothing here is a warning.

    Raises:
        RuleError: the section is no mapping, or the stage is none.
    """
    section = section_of(document, KNOWN, warnings)
    stage = keys.text(section, "stage") or Stage.ACTIVE
    if stage not in set(Stage):
        raise RuleError(f"mantissa.stage: found {stage!r}, expected one of {', '.join(Stage)}")
    modified = keys.text(document, "modified") or keys.text(document, "date")
    return Attributes(Stage(stage), keys.text(section, "owner"), modified)


def section_of(document: Mapping[str, Any], known: Collection[str], warnings: list[str]) -> Mapping[str, Any]:
    """The document's own section; empty where it has none.

    Raises:
        RuleError: it is no mapping.
    """
    section = keys.mapping(document, SECTION, {})
    if unknown := [str(key) for key in section if key not in known]:
        warnings.append(f"mantissa.{unknown[0]}: means nothing here, expected one of {', '.join(known)}")
    return section
