"""What an address, an instance or a bucket is, by AWS's own inventory.

Reference: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html,
…/API_DescribeInstances.html and https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any

from botocore.exceptions import ClientError
from mantissa_core.alert.enrich.facts import TagNames, host_address, known, one_of, told_by_tags
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Enrichment
from pydantic import Field

from .errors import code_of, translated, wanted
from .session import Access, client

MOST = 10
"""Addresses, instances and buckets of an alert that are asked about."""
_NEEDS = "ec2:DescribeNetworkInterfaces and ec2:DescribeInstances"
_INSTANCE = re.compile(r"(?:arn:aws[a-z-]*:ec2:[a-z0-9-]*:\d*:instance/)?(i-[0-9a-f]{8}(?:[0-9a-f]{9})?)")
_BUCKET = re.compile(r"arn:aws[a-z-]*:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/.*)?", re.DOTALL)
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""What is nobody's public address; a network of one's own may use other addresses too."""
_FOREIGN = "of another account, or s3:GetBucketTagging is not granted"


class Assets:
    """Tells of addresses, instances and buckets of one account and region."""

    about = ("src_ip", "dst_ip", "target")

    class Config(Access, TagNames):
        """Settings of ``aws.assets``."""

        buckets: bool = True
        """Whether the tags of buckets are read."""
        timeout: float = Field(default=3, gt=0, le=10)
        """Seconds to wait for a connection or an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._place = f"EC2 in {config.region or 'the default region'}"

    @cached_property
    def _ec2(self) -> Any:
        return client("ec2", self._config, attempts=1)  # the alert waits

    @cached_property
    def _s3(self) -> Any:
        return client("s3", self._config, attempts=1)

    @hookimpl
    def check(self) -> None:
        """Ask for a few interfaces and instances."""
        with translated(self._place, _NEEDS):
            self._ec2.describe_network_interfaces(MaxResults=5)
            self._ec2.describe_instances(MaxResults=5)

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """What the alert's addresses and targets are."""
        values = list(dict.fromkeys(value for kind in self.about for value in alert.entities.get(kind, ())))
        addresses = {value: ip_address(text) for value in values if (text := host_address(value))}
        instances = {value: match[1] for value in values if (match := _INSTANCE.fullmatch(value))}
        buckets = {value: match[1] for value in values if len(value) < 2_000 and (match := _BUCKET.fullmatch(value))}
        assets = self._machines(_first(addresses), _first(instances))
        if self._config.buckets:
            assets |= {value: facts for value, name in _first(buckets).items() if (facts := self._bucket(name))}
        return Enrichment({"assets": assets}) if assets else None

    def _machines(
        self, addresses: Mapping[str, IPv4Address | IPv6Address], instances: Mapping[str, str]
    ) -> dict[str, Any]:
        """Facts by the value that the alert has. An address that stands in several networks is told as such."""
        with translated(self._place, _NEEDS):
            interfaces = self._interfaces(addresses)
            attached = {_attached(each) for found in interfaces.values() for each in found}
            described = self._instances({*attached, *instances.values()} - {""})
        assets: dict[str, Any] = {}
        for value, found in interfaces.items():
            assets[value] = one_of([described.get(_attached(each)) or self._interface(each) for each in found])
        return assets | {value: described[name] for value, name in instances.items() if name in described}

    def _interfaces(self, addresses: Mapping[str, IPv4Address | IPv6Address]) -> dict[str, list[Mapping[str, Any]]]:
        """The interfaces that have each address. AWS joins filters by "and": a request for each kind of address."""
        asked: dict[str, list[str]] = {}
        for address in addresses.values():
            if address.version == 6:
                asked.setdefault("ipv6-addresses.ipv6-address", []).append(str(address))
            else:
                asked.setdefault("addresses.private-ip-address", []).append(str(address))
                if not any(address in network for network in _PRIVATE):
                    asked.setdefault("addresses.association.public-ip", []).append(str(address))
        found: dict[str, dict[str, Mapping[str, Any]]] = {}
        for name, values in asked.items():
            answer = self._ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": values}])
            for each in wanted(answer, "NetworkInterfaces", self._place):
                for text in _addresses_of(each):
                    found.setdefault(text, {})[str(each.get("NetworkInterfaceId"))] = each
        texts = {value: str(address) for value, address in addresses.items()}
        return {value: list(found[text].values()) for value, text in texts.items() if text in found}

    def _instances(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Facts by instance id. By filter: an id in the list of ids that is not there would fail the request."""
        if not (listed := sorted(ids)):
            return {}
        answer = self._ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": listed}])
        return {
            str(each["InstanceId"]): self._told(
                each["InstanceId"],
                "EC2 instance",
                _tags(each.get("Tags")),
                reservation.get("OwnerId"),
                state=each.get("State", {}).get("Name"),
            )
            for reservation in wanted(answer, "Reservations", self._place)
            for each in reservation.get("Instances", ())
        }

    def _interface(self, each: Mapping[str, Any]) -> dict[str, Any]:
        """An interface that belongs to no instance: a load balancer, a NAT gateway, a function."""
        kind = str(each.get("InterfaceType") or "interface").replace("_", " ")
        name = each.get("Description") or each.get("NetworkInterfaceId")
        kind = "network interface" if kind == "interface" else f"network interface of a {kind}"
        return self._told(name, kind, _tags(each.get("TagSet")), each.get("OwnerId"))

    def _bucket(self, name: str) -> dict[str, Any] | None:
        """A bucket's tags. A refusal tells of the bucket, not of this plugin: it may be anybody's."""
        with translated("S3", "s3:GetBucketTagging"):
            try:
                tags = _tags(wanted(self._s3.get_bucket_tagging(Bucket=name), "TagSet", "S3"))
            except ClientError as error:
                match code_of(error):
                    case "NoSuchBucket":
                        return None
                    case "NoSuchTagSet":
                        tags = {}
                    case "AccessDenied" | "PermanentRedirect" | "IllegalLocationConstraintException":
                        return known(name=name, kind="S3 bucket", note=_FOREIGN)
                    case _:
                        raise
        return known(name=name, kind="S3 bucket", **told_by_tags(tags, self._config))

    def _told(self, id_: Any, kind: str, tags: Mapping[str, str], account: Any, **more: Any) -> dict[str, Any]:
        named = {"name": tags.get("Name") or id_, "id": id_, "kind": kind, "account": account, **more}
        return known(**named, region=self._ec2.meta.region_name, **told_by_tags(tags, self._config))


def _addresses_of(interface: Mapping[str, Any]) -> set[str]:
    private = interface.get("PrivateIpAddresses", ())
    found = {each.get("PrivateIpAddress") for each in private}
    found |= {each.get("Association", {}).get("PublicIp") for each in (interface, *private)}
    found |= {str(ip_address(each["Ipv6Address"])) for each in interface.get("Ipv6Addresses", ())}
    return {str(each) for each in found if each}


def _attached(interface: Mapping[str, Any]) -> str:
    return str(interface.get("Attachment", {}).get("InstanceId") or "")


def _tags(listed: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    return {str(each["Key"]): str(each.get("Value", "")) for each in listed or ()}


def _first(found: Mapping[str, Any]) -> dict[str, Any]:
    return dict(list(found.items())[:MOST])
