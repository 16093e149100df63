"""Okta in the simulation of live collection: ``just live``."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_okta import FakeOkta
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeOkta() as fake:
        settings = {"org_url": fake.url, "page_size": 10, "timeout": 10}
        yield [Live("okta.system", settings, fake, {"okta_system": "uuid"}, secrets={"api_token": fake.token})]
