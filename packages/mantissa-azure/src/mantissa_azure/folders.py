"""Which folders of a container are streams: those inside which names rise with time.

Diagnostic settings write ``resourceId=/SUBSCRIPTIONS/…/y=2025/m=03/d=04/h=09/m=00/PT1H.json`` (Entra ID:
``tenantId=…/y=…``), Event Hubs Capture ``<namespace>/<event hub>/<partition>/2025/03/04/09/15/30.avro``.
https://learn.microsoft.com/en-us/azure/azure-monitor/essentials/resource-logs#send-to-azure-storage
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

DEEPEST = 16
LOG_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "insights-activity-logs": "azure.activity",
        "insights-operational-logs": "azure.activity",
        "insights-logs-auditlogs": "entra.audit",
        "insights-logs-signinlogs": "entra.signin",
        "insights-logs-noninteractiveusersigninlogs": "entra.signin",
        "insights-logs-serviceprincipalsigninlogs": "entra.signin",
        "insights-logs-managedidentitysigninlogs": "entra.signin",
        "insights-logs-adfssigninlogs": "entra.signin",
        "insights-logs-userriskevents": "entra.risk_detection",
        "insights-logs-serviceprincipalriskevents": "entra.risk_detection",
    }
)
"""What the containers hold that diagnostic settings make, one for each category of logs."""

_WHOLE = re.compile(r"(?:.*/)?(?:resourceId=/SUBSCRIPTIONS/|tenantId=)[^/]+/")
"""A subscription or a tenant, whose logs are not divided further."""
_DATE = re.compile(r"(?:[A-Za-z_]+=)?((?:19|20)[0-9]{2}(?:-?[0-9]{2}){0,2})/")
_LEVELS = {4: 2, 6: 1, 8: 0}
"""By the digits of the first folder of a date: how many levels below it the day stands."""

Children = Callable[[str], Sequence[str]]
"""The folders directly in a folder, as whole prefixes that end with a slash."""


def find(container: str, folder: str, children: Children, levels: int = DEEPEST) -> Iterator[str]:
    """Yield the folders at or below ``folder`` whose own folders are dates."""
    if container in LOG_TYPES and _WHOLE.fullmatch(folder):
        yield folder
        return
    inside = children(folder)
    if any(_DATE.fullmatch(child.removeprefix(folder)) for child in inside):
        yield folder
    elif levels:
        for child in inside:
            yield from find(container, child, children, levels - 1)


def days(folder: str, after: str, children: Children) -> Iterator[str]:
    """Yield the folders of days in ``folder``, in the order of time, from that of the name ``after`` on."""
    for child in sorted(children(folder)):
        if date := _DATE.fullmatch(child.removeprefix(folder)):
            yield from _days(child, after, children, _LEVELS[len(date[1].replace("-", ""))])


def _days(folder: str, after: str, children: Children, levels: int) -> Iterator[str]:
    if folder < after and not after.startswith(folder):
        return
    if levels == 0:
        yield folder
        return
    for child in sorted(children(folder)):
        yield from _days(child, after, children, levels - 1)
