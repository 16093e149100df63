from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_assets import MACHINE, SCOPE, FakeAssets
from fake_google import pem
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert
from mantissa_gcp.assets import Assets

WEB = {
    "name": "web-1",
    "kind": "compute instance",
    "account": "example-prod",
    "region": "europe-north1-a",
    "state": "running",
    "owner": "web",
    "environment": "production",
    "tags": {"team": "web", "env": "production"},
}


def assets(source: FakeAssets, **settings: Any) -> Assets:
    given = {"scope": SCOPE, "credentials": source.key_file, "endpoint": source.url, "timeout": 3, **settings}
    return Assets(Assets.Config.model_validate(given))


@pytest.fixture
def inventory() -> Iterator[FakeAssets]:
    with FakeAssets() as fake:
        yield fake


class TestGcpAssets(EnricherContract):
    @property
    def secrets(self) -> tuple[str, ...]:  # type: ignore[override]
        return (pem().splitlines()[5], "ya29.")

    @pytest.fixture
    def source(self) -> Iterator[FakeAssets]:
        with FakeAssets() as fake:
            yield fake

    def enricher(self, source: FakeAssets) -> Assets:
        return assets(source)

    def known(self, source: FakeAssets) -> Alert:
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
        {"target": f"//compute.googleapis.com/{MACHINE}"},
    ],
    ids=["internal", "external", "audit", "full"],
)
def test_a_machine_is_found_by_each_of_its_addresses_and_names(inventory: FakeAssets, entities: dict[str, str]) -> None:
    assert facts(assets(inventory), **entities) == WEB


def test_a_bucket_is_found_by_the_name_of_an_object(inventory: FakeAssets) -> None:
    told = facts(assets(inventory), target="projects/_/buckets/example-salaries/objects/2025.csv")
    assert told == {"name": "example-salaries", "kind": "storage bucket", "account": "projects/555", "region": "eu"}


def test_an_address_that_only_stands_in_a_text_is_not_the_assets(inventory: FakeAssets) -> None:
    assert assets(inventory).enrich(an_alert(src_ip="10.7.1.40")) is None
    inventory.resources[2]["description"] = "used by 10.7.9.9"
    assert assets(inventory).enrich(an_alert(src_ip="10.7.9.9")) is None


def test_an_address_in_two_networks_is_not_taken_for_one_of_them(inventory: FakeAssets) -> None:
    name = inventory.resources[0]["name"].replace("web-1", "web-2")
    inventory.resources.append({**inventory.resources[0], "name": name, "displayName": "web-2"})
    told = facts(assets(inventory), src_ip="10.7.1.4")
    assert told == {"kind": "one of 2 assets with this address", "candidates": ["web-1", "web-2"]}


@pytest.mark.parametrize(
    "target",
    [
        '//x" OR name="y',
        "//x\\",
        "projects/_/buckets/a\nb/objects/x",
        'projects/p/zones/z/instances/"',
        "//" + "x" * 10_000,
        '10.7.1.4" OR "10',
        "projects/example-prod",
        "projects/-/serviceAccounts/1",
        'fe80::1%" OR "',
    ],
    ids=["quote", "backslash", "newline", "compute", "long", "address", "project", "account", "scope"],
)
def test_nothing_of_a_log_gets_into_a_search_but_addresses_and_plain_names(inventory: FakeAssets, target: str) -> None:
    assert assets(inventory).enrich(an_alert(target=target, src_ip=target)) is None
    assert inventory.requests == []


def test_a_missing_role_is_named(inventory: FakeAssets) -> None:
    assets(inventory).check()
    inventory.denied = True
    for ask in (assets(inventory).check, lambda: assets(inventory).enrich(an_alert(src_ip="10.7.1.4"))):
        with pytest.raises(NeedsOperator, match="role Cloud Asset Viewer"):
            ask()


@pytest.mark.parametrize("scope", ["example-prod", "projects/../x", "organizations/x", "projects/a:b/c"])
def test_a_scope_of_another_form_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        Assets.Config.model_validate({"scope": scope})
