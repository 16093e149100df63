"""What an address or a resource is, by Cloud Asset Inventory.

Reference: https://cloud.google.com/asset-inventory/docs/reference/rest/v1/TopLevel/searchAllResources and
https://cloud.google.com/asset-inventory/docs/query-syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mantissa_core.alert.enrich.facts import TagNames, host_address, known, one_of, told_by_tags
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import BaseUrl, Vendor, VendorClient
from pydantic import Field

from .access import Identity, auth

MOST = 10
"""Addresses and resources of an alert that are asked about, in one request."""
ROWS = 100
SEARCH = "cloudasset.assets.searchAllResources"
ASSETS = Vendor(
    "Cloud Asset Inventory",
    error_code="error.status",
    remedies={
        400: "Cloud Asset Inventory refuses the search: check scope",
        401: "Cloud Asset Inventory refuses the access token: check the credentials",
        403: f"Cloud Asset Inventory refuses: the identity needs {SEARCH} on the scope (role Cloud Asset Viewer), and "
        "the Cloud Asset API must be enabled",
        404: "Cloud Asset Inventory knows no such scope: check scope",
    },
)
_NAME = re.compile(r"(?a)[\w.~:/-]{1,500}")
"""What becomes part of a search besides addresses: no quote and no backslash, so that it cannot leave its quotes."""
_BUCKET = re.compile(r"projects/_/buckets/([^/]+)(?:/.*)?", re.DOTALL)
_COMPUTE = re.compile(r"projects/[^/]+/(?:zones|regions|global)/.+")
_MACHINE = "compute.googleapis.com/Instance"
_FIELDS = "name,assetType,displayName,project,location,state,labels,additionalAttributes"


class Assets:
    """Tells of addresses and resources of one project, folder or organisation."""

    about = ("src_ip", "dst_ip", "target")

    class Config(Identity, TagNames):
        """Settings of ``gcp.assets``."""

        scope: str = Field(pattern=r"^(projects/[a-z0-9:.-]+|(folders|organizations)/[0-9]+)$")
        """Where is searched: projects/<id>, folders/<number> or organizations/<number>."""
        endpoint: BaseUrl = "https://cloudasset.googleapis.com"
        """Address of Cloud Asset Inventory."""
        timeout: float = Field(default=3, gt=0, le=10)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._api = VendorClient(ASSETS, config.endpoint, auth(config, "cloud-platform"), timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """Search for anything."""
        self._search("", 1)

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """What the alert's addresses and targets are."""
        values = list(dict.fromkeys(value for kind in self.about for value in alert.entities.get(kind, ())))
        addresses = dict([(value, text) for value in values if (text := host_address(value))][:MOST])
        names = dict([(value, name) for value in values if (name := _full_name(value))][:MOST])
        if not addresses and not names:
            return None
        asked = [*(f'"{text}"' for text in addresses.values()), *(f'name="{name}"' for name in names.values())]
        found = self._search(" OR ".join(dict.fromkeys(asked)), ROWS)
        assets = {
            value: one_of([self._told(each) for each in having])
            for value, text in addresses.items()
            if (having := _with_address(found, text))
        }
        named = {str(each.get("name")): each for each in found}
        assets |= {value: self._told(named[name]) for value, name in names.items() if name in named}
        return Enrichment({"assets": assets}) if assets else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _search(self, query: str, rows: int) -> Sequence[Mapping[str, Any]]:
        asked = {"query": query, "pageSize": str(rows), "readMask": _FIELDS}
        answer = self._api.get(f"/v1/{self._config.scope}:searchAllResources", asked)
        if not isinstance(answer.document, dict) or answer.document.keys() - {"results", "nextPageToken"}:
            raise Retry(f"Cloud Asset Inventory's answer is no list of resources{answer.quoted}")
        return answer.records("results") if answer.at("results") is not None else []

    def _told(self, each: Mapping[str, Any]) -> dict[str, Any]:
        labels, name = each.get("labels"), str(each.get("name") or "")
        project = re.search("/projects/([^/]+)/", name)
        return known(
            name=each.get("displayName") or name.rpartition("/")[2],
            kind=_in_words(str(each.get("assetType") or "")),
            account=project[1] if project else each.get("project"),
            region=each.get("location"),
            state=str(each.get("state") or "").lower(),
            **told_by_tags(labels if isinstance(labels, dict) else {}, self._config),
        )


def _with_address(found: Sequence[Mapping[str, Any]], address: str) -> list[Mapping[str, Any]]:
    """The machines that have an address, else whatever has it. A search by words finds more than was meant."""
    having = [each for each in found if address in set(_texts(each.get("additionalAttributes")))]
    return [each for each in having if each.get("assetType") == _MACHINE] or having


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _full_name(value: str) -> str:
    """The full name of the resource that an audit log's ``resourceName`` means; empty where that is not known."""
    name = ""
    if bucket := _BUCKET.fullmatch(value):
        name = f"//storage.googleapis.com/{bucket[1]}"
    elif _COMPUTE.fullmatch(value):
        name = f"//compute.googleapis.com/{value}"
    elif value.startswith("//"):
        name = value
    return name if _NAME.fullmatch(name) else ""


def _in_words(kind: str) -> str:
    """``compute.googleapis.com/Instance`` as ``compute instance``."""
    service, _, name = kind.partition("/")
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return f"{service.removesuffix('.googleapis.com')} {words}".strip()
