"""Commands for whoever answers an alert: to see all of it, to see its event, to take it over."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mantissa_core.model.alert import Alert


def next_steps(alert: Alert) -> Mapping[str, str]:
    """Commands to copy: ``show``, ``query``, ``acknowledge``, those of them that make sense.

    Only identifiers of our own making get in: the reader pastes them into a shell.
    """
    event = next((each for each in alert.event_ids if re.fullmatch(r"[0-9a-f]{32}", each)), None)
    ours = re.fullmatch(r"[0-9A-Za-z_-]+", alert.id)
    steps = {"show": f"mantissa alerts show {alert.id}"} if ours else {}
    if event and re.fullmatch(r"[a-z][a-z0-9_]*", alert.table):
        steps["query"] = f"mantissa query \"SELECT * FROM {alert.table} WHERE m_id = '{event}'\""
    if ours and alert.status == "open":
        steps["acknowledge"] = f"mantissa alerts ack {alert.id}"
    return steps
