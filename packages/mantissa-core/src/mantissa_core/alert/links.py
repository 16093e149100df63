"""Pages about what an alert tells of. Addresses are built from identifiers alone, never from a log."""

from __future__ import annotations

from collections.abc import Sequence

from mantissa_core.model.alert import Alert
from mantissa_core.model.attack import techniques

_FEW = 5


def technique_links(alert: Alert) -> Sequence[tuple[str, str]]:
    """Name and address of up to five ATT&CK techniques: https://attack.mitre.org/techniques/."""
    few = techniques(alert.tags)[:_FEW]
    return [(each, f"https://attack.mitre.org/techniques/{each.replace('.', '/')}/") for each in few]
