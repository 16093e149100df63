from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_graph import CLIENT, SECRET, TENANT
from fake_resource_graph import GROUP, INTERFACE, MACHINE, SUBSCRIPTION, FakeResourceGraph, resource
from mantissa_azure.assets import Assets
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert
from mantissa_core.testing.fake_http import Answer

WEB = {
    "name": "web-1",
    "kind": "virtual machine",
    "account": SUBSCRIPTION,
    "region": "northeurope",
    "resource_group": "web",
    "owner": "web@example.com",
    "environment": "production",
    "tags": {"Owner": "web@example.com", "env": "production"},
}


def assets(source: FakeResourceGraph, **settings: Any) -> Assets:
    place = {"management_url": source.url, "login_url": source.url, "tenant_id": TENANT}
    given = {**place, "client_id": CLIENT, "client_secret": SECRET, "timeout": 3, **settings}
    return Assets(Assets.Config.model_validate(given))


@pytest.fixture
def azure() -> Iterator[FakeResourceGraph]:
    with FakeResourceGraph() as fake:
        yield fake


class TestAzureAssets(EnricherContract):
    secrets = (SECRET, "access-")

    @pytest.fixture
    def source(self) -> Iterator[FakeResourceGraph]:
        with FakeResourceGraph() as fake:
            yield fake

    def enricher(self, source: FakeResourceGraph) -> Assets:
        return assets(source)

    def known(self, source: FakeResourceGraph) -> Alert:
        return an_alert(src_ip="10.7.1.4", target=MACHINE)


def facts(enricher: Assets, **entities: str) -> dict[str, Any]:
    found = enricher.enrich(an_alert(**entities))
    assert found
    [told] = found.facts["assets"].values()
    return dict(told)


@pytest.mark.parametrize(
    "entities",
    [
        {"src_ip": "10.7.1.4"},
        {"dst_ip": "203.0.113.77"},
        {"target": MACHINE},
        {"target": MACHINE.upper()},
    ],
    ids=["private", "public", "id", "upper case"],
)
def test_a_machine_is_found_by_each_of_its_addresses_and_by_id(
    azure: FakeResourceGraph, entities: dict[str, str]
) -> None:
    assert facts(assets(azure), **entities) == WEB


def test_an_address_without_machine_is_told_by_its_interface(azure: FakeResourceGraph) -> None:
    assert facts(assets(azure), src_ip="10.7.1.5")["kind"] == "network interface"


def test_an_address_in_two_networks_is_not_taken_for_one_of_them(azure: FakeResourceGraph) -> None:
    azure.interfaces[1]["private"] = "10.7.1.4"
    told = facts(assets(azure), src_ip="10.7.1.4")
    assert told["kind"] == "one of 2 assets with this address"
    assert sorted(told["candidates"]) == ["lonely", "web-1"]


@pytest.mark.parametrize(
    "target",
    [
        f"{GROUP}/x') or true //",
        f"{GROUP}/x\\",
        f"{GROUP}/\u017f\u212a",
        f"{GROUP}/x\n| union secrets",
        f"{GROUP}/" + "x" * 10_000,
        "/subscriptions/1/resourceGroups/web/x",
        "web-1",
        "10.7.1.4' or '1",
        "fe80::1%' or true",
    ],
    ids=["quote", "backslash", "unicode", "newline", "long", "id", "name", "address", "scope"],
)
def test_nothing_of_a_log_gets_into_a_query_but_addresses_and_ids(azure: FakeResourceGraph, target: str) -> None:
    assert assets(azure).enrich(an_alert(target=target, src_ip=target)) is None
    assert azure.bodies == []


def test_an_id_that_azure_gives_is_looked_at_as_well(azure: FakeResourceGraph) -> None:
    azure.interfaces[0]["owner"] = f"{GROUP}/x') or true //"
    assert assets(azure).enrich(an_alert(src_ip="10.7.1.4")) is None
    assert len(azure.bodies) == 1


def test_only_the_configured_subscriptions_are_asked(azure: FakeResourceGraph) -> None:
    assets(azure, subscriptions=[SUBSCRIPTION]).enrich(an_alert(target=INTERFACE))
    assert azure.bodies[0]["subscriptions"] == [SUBSCRIPTION]


def test_a_kind_without_a_name_of_ours_is_told_by_azures(azure: FakeResourceGraph) -> None:
    path = f"{GROUP}/providers/Microsoft.Web/sites/shop"
    azure.resources.append(resource(path, "Microsoft.Web/sites"))
    assert facts(assets(azure), target=path)["kind"] == "microsoft.web/sites"


def test_without_a_role_the_check_says_so(azure: FakeResourceGraph) -> None:
    assets(azure).check()
    azure.readable = False
    with pytest.raises(NeedsOperator, match="role Reader"):
        assets(azure).check()
    azure.forbidden = True
    with pytest.raises(NeedsOperator, match="role Reader"):
        assets(azure).enrich(an_alert(src_ip="10.7.1.4"))


def test_a_quota_says_when_it_is_renewed() -> None:
    class Throttling(FakeResourceGraph):
        def answer(self, request: Any) -> Answer:
            headers = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:01:30"}
            return Answer(429, {"error": {"code": "RateLimiting"}}, headers)

    with Throttling() as busy, pytest.raises(Retry) as caught:
        assets(busy).enrich(an_alert(src_ip="10.7.1.4"))
    assert caught.value.after == 90
