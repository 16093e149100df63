from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from fake_inventory import FakeInventory
from mantissa_aws.assets import Assets
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert
from mantissa_core.testing.fake_http import Fault

SECRET = "secret-of-the-tests"
REGION = "eu-north-1"
TAGS = {"Name": "web-1", "Owner": "web@example.com", "env": "production", "Criticality": "high"}


@dataclass(frozen=True)
class Machine:
    instance: str
    private: str
    public: str
    interface: str


@pytest.fixture(scope="module")
def machine(moto: str) -> Machine:
    ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=moto, aws_access_key_id="x", aws_secret_access_key="x")
    network = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    listed = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    [made] = ec2.run_instances(
        ImageId="ami-12c6146b",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        TagSpecifications=[{"ResourceType": "instance", "Tags": listed}],
    )["Instances"]
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(InstanceId=made["InstanceId"], AllocationId=address["AllocationId"])
    interface = ec2.create_network_interface(SubnetId=subnet, Description="ELB app/shop", PrivateIpAddress="10.7.1.99")
    name = interface["NetworkInterface"]["NetworkInterfaceId"]
    return Machine(made["InstanceId"], made["PrivateIpAddress"], address["PublicIp"], name)


@pytest.fixture
def inventory(moto: str) -> Iterator[FakeInventory]:
    with FakeInventory(moto) as fake:
        yield fake


def assets(source: FakeInventory, **settings: Any) -> Assets:
    access = {"region": REGION, "endpoint_url": source.url, "access_key_id": "AKIAEXAMPLE", "secret_access_key": SECRET}
    return Assets(Assets.Config.model_validate({**access, "timeout": 3, **settings}))


def facts(enricher: Assets, **entities: str) -> dict[str, Any]:
    found = enricher.enrich(an_alert(**entities))
    assert found
    [told] = found.facts["assets"].values()
    return dict(told)


class TestAwsAssets(EnricherContract):
    secrets = (SECRET,)

    @pytest.fixture
    def source(self, moto: str, machine: Machine) -> Iterator[FakeInventory]:
        self.machine = machine
        with FakeInventory(moto) as fake:
            yield fake

    def enricher(self, source: FakeInventory) -> Assets:
        return assets(source)

    def known(self, source: FakeInventory) -> Alert:
        return an_alert(src_ip=self.machine.private)


@pytest.mark.parametrize("by", ["private", "public", "id", "arn"])
def test_an_instance_is_found_by_each_of_its_addresses_and_ids(
    inventory: FakeInventory, machine: Machine, by: str
) -> None:
    inventory.public = {machine.public: "203.0.113.77"}
    arn = f"arn:aws:ec2:{REGION}:123456789012:instance/{machine.instance}"
    entities = {
        "private": {"src_ip": machine.private},
        "public": {"dst_ip": "203.0.113.77"},
        "id": {"target": machine.instance},
        "arn": {"target": arn},
    }
    assert facts(assets(inventory), **entities[by]) == {
        "name": "web-1",
        "id": machine.instance,
        "kind": "EC2 instance",
        "account": "123456789012",
        "state": "running",
        "region": REGION,
        "owner": "web@example.com",
        "environment": "production",
        "criticality": "high",
        "tags": TAGS,
    }


def test_an_address_of_no_instance_is_told_by_its_interface(inventory: FakeInventory, machine: Machine) -> None:
    told = facts(assets(inventory), dst_ip="10.7.1.99")
    assert (told["name"], told["kind"]) == ("ELB app/shop", "network interface")


def test_an_ipv6_address_is_found_however_it_is_written(inventory: FakeInventory, moto: str) -> None:
    ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=moto)
    network = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    ec2.create_network_interface(
        SubnetId=subnet, Description="six", Ipv6Addresses=[{"Ipv6Address": "2001:db8::7"}], PrivateIpAddress="10.9.1.7"
    )
    assert facts(assets(inventory), src_ip="2001:0DB8:0:0:0:0:0:7")["name"] == "six"


def test_an_address_in_two_networks_is_not_taken_for_one_of_them(inventory: FakeInventory, moto: str) -> None:
    ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=moto)
    for name in ("blue", "green"):
        network = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.8.1.0/24")["Subnet"]["SubnetId"]
        ec2.create_network_interface(SubnetId=subnet, Description=name, PrivateIpAddress="10.8.1.50")
    told = facts(assets(inventory), src_ip="10.8.1.50")
    assert told["kind"] == "one of 2 assets with this address"
    assert sorted(told["candidates"]) == ["blue", "green"]


def test_which_tags_say_what_is_configured(inventory: FakeInventory, machine: Machine) -> None:
    told = facts(assets(inventory, owner_tags=["Criticality"], environment_tags=[]), target=machine.instance)
    assert told["owner"] == "high"
    assert "environment" not in told


@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "untagged"])
def test_a_bucket_is_found_by_the_arn_of_an_object(inventory: FakeInventory, moto: str, *, tagged: bool) -> None:
    s3, name = boto3.client("s3", region_name="us-east-1", endpoint_url=moto), f"example-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    if tagged:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "Team", "Value": "finance"}]})
    told = facts(assets(inventory), target=f"arn:aws:s3:::{name}/2026/report.pdf")
    expected = {"name": name, "kind": "S3 bucket"}
    assert told == ({**expected, "owner": "finance", "tags": {"Team": "finance"}} if tagged else expected)
    assert assets(inventory, buckets=False).enrich(an_alert(target=f"arn:aws:s3:::{name}")) is None


def test_a_bucket_of_somebody_else_is_told_as_such(inventory: FakeInventory) -> None:
    inventory.foreign = {"somebody-elses"}
    told = facts(assets(inventory), target="arn:aws:s3:::somebody-elses/x")
    assert told["note"] == "of another account, or s3:GetBucketTagging is not granted"


def test_a_bucket_that_is_gone_is_unknown(inventory: FakeInventory) -> None:
    assert assets(inventory).enrich(an_alert(target="arn:aws:s3:::example-never-made/x")) is None


@pytest.mark.parametrize(
    "value",
    ["127.0.0.1", "::1", "fe80::1%eth0", "0.0.0.0", "10.7.1.99/24", "i-123", "i-" + "g" * 17, "arn:aws:s3:::A_B"],
)
def test_what_is_no_asset_of_ours_is_not_asked_about(inventory: FakeInventory, value: str) -> None:
    assert assets(inventory).enrich(an_alert(target=value)) is None
    assert inventory.requests == []


def test_an_instance_that_is_gone_does_not_hide_the_others(inventory: FakeInventory, machine: Machine) -> None:
    alert = an_alert(target="i-0a1b2c3d4e5f60718", src_ip=machine.private)
    found = assets(inventory).enrich(alert)
    assert found
    assert list(found.facts["assets"]) == [machine.private]


def test_missing_permissions_are_named(inventory: FakeInventory) -> None:
    inventory.inject(Fault.REJECTED)
    for ask in (assets(inventory).check, lambda: assets(inventory).enrich(an_alert(src_ip="10.7.1.99"))):
        with pytest.raises(NeedsOperator, match="ec2:DescribeNetworkInterfaces and ec2:DescribeInstances"):
            ask()


def test_the_check_asks_for_both(inventory: FakeInventory) -> None:
    assets(inventory).check()
    assert [request.form["Action"] for request in inventory.requests] == [
        "DescribeNetworkInterfaces",
        "DescribeInstances",
    ]
