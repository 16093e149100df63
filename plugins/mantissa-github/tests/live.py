"""GitHub in the simulation of live collection: ``just live``."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_github import TOKEN, FakeGitHub
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeGitHub() as fake:
        settings = {"enterprise": "example", "api_url": fake.url, "timeout": 10, "page_size": 10}
        yield [Live("github.audit", settings, fake, {"github_audit": "_document_id"}, secrets={"token": TOKEN})]
