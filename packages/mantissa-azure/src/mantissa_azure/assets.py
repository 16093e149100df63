"""What an address or a resource is, by Azure Resource Graph.

Reference: https://learn.microsoft.com/en-us/rest/api/azureresourcegraph/resourcegraph/resources/resources and
https://learn.microsoft.com/en-us/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from mantissa_core.alert.enrich.facts import TagNames, host_address, known, one_of, told_by_tags
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import Origin, RateLimit, Vendor, VendorClient
from mantissa_core.vendor_api.http import http_client
from pydantic import Field

from .tenant import Application, sign_in

PATH = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
MOST = 10
"""Addresses, and resources, of an alert that are asked about."""
ROWS = 100
_RESOURCE = re.compile(r"(?ai)/subscriptions/[0-9a-f-]{36}/resourcegroups/[a-z0-9._()/-]{1,700}")
"""The ids that become part of a query: no other character than these does, so that none can end a text in it."""
_KINDS = {
    "microsoft.compute/virtualmachines": "virtual machine",
    "microsoft.network/networkinterfaces": "network interface",
    "microsoft.storage/storageaccounts": "storage account",
    "microsoft.keyvault/vaults": "key vault",
}
_BY_ID = "resources | where id in~ ({ids}) | project id, name, type, location, subscriptionId, resourceGroup, tags"
_BY_ADDRESS = """resources
| where type =~ 'microsoft.network/networkinterfaces'
| mv-expand each = properties.ipConfigurations
| extend private = tostring(each.properties.privateIPAddress)
| extend pip = tolower(tostring(each.properties.publicIPAddress.id))
| join kind=leftouter (resources | where type =~ 'microsoft.network/publicipaddresses'
| project pip = tolower(id), public = tostring(properties.ipAddress)) on pip
| where private in~ ({addresses}) or public in~ ({addresses})
| project private, public, owner = coalesce(tostring(properties.virtualMachine.id), id)"""


@dataclass(frozen=True, slots=True)
class _Quota(RateLimit):
    """A limit whose reset is written ``hh:mm:ss``."""

    def wait(self, headers: httpx.Headers) -> float | None:
        """Seconds until the limit is renewed."""
        found = re.fullmatch(r"(\d\d):(\d\d):(\d\d)", headers.get(self.reset, "").strip())
        if "Retry-After" in headers or not found:
            return RateLimit.wait(self, headers)
        return max(1.0, int(found[1]) * 3600.0 + int(found[2]) * 60 + int(found[3]))


_NEEDS = "the application needs the role Reader on the subscriptions, or on a management group"
RESOURCE_GRAPH = Vendor(
    "Azure Resource Graph",
    request_id="x-ms-request-id",
    error_code="error.code",
    rate_limit=_Quota("x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"),
    remedies={
        401: "Azure Resource Graph refuses the access token: check tenant_id, and management_url for a national cloud",
        403: f"Azure Resource Graph refuses: {_NEEDS}",
        404: "There is no Azure Resource Manager at this address: check management_url",
    },
)


class Assets:
    """Tells of addresses and resources of the subscriptions that the application may read."""

    about = ("src_ip", "dst_ip", "target")

    class Config(Application, TagNames):
        """Settings of ``azure.assets``."""

        subscriptions: tuple[UUID, ...] = ()
        """Ids of the subscriptions that are asked about; by default all that the application may read."""
        management_url: Origin = "https://management.azure.com"
        """Address of Azure Resource Manager; national clouds have their own."""
        timeout: float = Field(default=3, gt=0, le=10)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._logins = http_client("mantissa-entra", config.timeout)
        auth = sign_in(config, config.management_url, self._logins)
        self._api = VendorClient(RESOURCE_GRAPH, config.management_url, auth, timeout=config.timeout, burst=15)

    @hookimpl
    def check(self) -> None:
        """Ask for one resource: without any right the answer is empty."""
        if not self._ask("resources | project id | limit 1"):
            raise NeedsOperator(f"Azure Resource Graph shows no resource: {_NEEDS}")

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """What the alert's addresses and targets are."""
        values = list(dict.fromkeys(value for kind in self.about for value in alert.entities.get(kind, ())))
        addresses = {value: text for value in values if (text := host_address(value))}
        owners = self._owners(_first(addresses))
        ids = {value: value.lower() for value in values if _RESOURCE.fullmatch(value)}
        described = self._described({*_first(ids).values(), *(each for found in owners.values() for each in found)})
        assets: dict[str, Any] = {}
        for value, found in owners.items():
            if told := [described[each] for each in found if each in described]:
                assets[value] = one_of(told)
        assets |= {value: described[text] for value, text in ids.items() if text in described}
        return Enrichment({"assets": assets}) if assets else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._logins.close()

    def _owners(self, addresses: Mapping[str, str]) -> dict[str, list[str]]:
        """The ids of the machines, else of the interfaces, that have each address."""
        if not addresses:
            return {}
        found: dict[str, dict[str, None]] = {}
        for row in self._ask(_BY_ADDRESS.format(addresses=_listed(addresses.values()))):
            owner = str(row.get("owner") or "")
            for text in {str(row.get("private") or ""), str(row.get("public") or "")}:
                if _RESOURCE.fullmatch(owner):
                    found.setdefault(text, {})[owner.lower()] = None
        return {value: list(found[text]) for value, text in addresses.items() if text in found}

    def _described(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Facts by id, in lower case: Azure writes an id in many ways."""
        if not (wanted := sorted(ids)):
            return {}
        return {str(row.get("id")).lower(): self._told(row) for row in self._ask(_BY_ID.format(ids=_listed(wanted)))}

    def _told(self, row: Mapping[str, Any]) -> dict[str, Any]:
        kind, tags = str(row.get("type") or "").lower(), row.get("tags")
        return known(
            name=row.get("name"),
            kind=_KINDS.get(kind, kind),
            account=row.get("subscriptionId"),
            region=row.get("location"),
            resource_group=row.get("resourceGroup"),
            **told_by_tags(tags if isinstance(tags, dict) else {}, self._config),
        )

    def _ask(self, query: str) -> Sequence[Mapping[str, Any]]:
        body: dict[str, Any] = {"query": query, "options": {"resultFormat": "objectArray", "$top": ROWS}}
        if self._config.subscriptions:
            body["subscriptions"] = [str(each) for each in self._config.subscriptions]
        return self._api.request("POST", PATH, body=body).records("data")


def _listed(texts: Iterable[str]) -> str:
    """Texts of the query's language. They hold no quote and no backslash: addresses, and what ``_RESOURCE`` admits."""
    return ", ".join(f"'{text}'" for text in dict.fromkeys(texts))


def _first(found: Mapping[str, str]) -> dict[str, str]:
    return dict(list(found.items())[:MOST])
