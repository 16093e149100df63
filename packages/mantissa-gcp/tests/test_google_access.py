from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_google import FakeTokens, key_file, pem
from google.auth import _exponential_backoff
from google.auth.compute_engine import _metadata
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.testing.loopback import Answer, LoopbackServer, Request
from mantissa_gcp.access import GoogleGrant, given
from pydantic import SecretStr


class FakeGoogle(LoopbackServer):
    """The token endpoints of service accounts, of workload identity federation, and of a virtual machine."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens("pubsub")
        self.requests: list[Request] = []

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.route == "/token":
            return self.tokens.answer(request)
        if request.route == "/sts" and request.form["subject_token"] == "token-of-another-provider":
            return self.tokens.give()
        if request.headers.get("metadata-flavor") == "Google":
            return self._metadata(request)
        return Answer(400, {"error": "invalid_request"})

    def _metadata(self, request: Request) -> Answer:
        found: Any = {"email": "vm@example-prod.iam.gserviceaccount.com", "scopes": ["cloud-platform"], "aliases": []}
        if request.route.endswith("/token"):
            found = self.tokens.give().body
        elif request.route.endswith("/project-id"):
            return Answer(200, b"example-prod", {"Metadata-Flavor": "Google", "Content-Type": "text/plain"})
        return Answer(200, found, {"Metadata-Flavor": "Google"})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoogle]:
    monkeypatch.setattr(_exponential_backoff.time, "sleep", lambda _seconds: None)
    with FakeGoogle() as server:
        yield server


def grant(text: str | None) -> GoogleGrant:
    return GoogleGrant(SecretStr(text) if text else None, "pubsub")


def federation(fake: FakeGoogle, **source: Any) -> str:
    return json.dumps(
        {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{fake.url}/sts",
            "credential_source": source,
        }
    )


def test_the_key_of_a_service_account_gives_a_token_for_an_hour(fake: FakeGoogle) -> None:
    token = grant(key_file(fake.url)).fetch()
    assert token.value == "ya29.token-1"
    assert token.expires_in is not None
    assert 3500 < token.expires_in <= 3600


def test_the_file_that_the_environment_names_counts_where_no_credentials_are_set(
    fake: FakeGoogle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.json").write_text(key_file(fake.url))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    assert grant(None).fetch().value == "ya29.token-1"


def test_a_virtual_machine_has_its_token_from_the_metadata_server(
    fake: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = fake.url.removeprefix("http://")
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", host)  # the library reads the variable when it is imported
    monkeypatch.setenv("GCE_METADATA_IP", host)
    assert grant(None).fetch().value == "ya29.token-1"


def test_a_token_of_another_provider_is_exchanged(fake: FakeGoogle, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token-of-another-provider")
    assert grant(federation(fake, file=str(tmp_path / "token"))).fetch().value == "ya29.token-1"


def test_no_credential_anywhere_needs_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)
    with pytest.raises(NeedsOperator, match="set credentials or GOOGLE_APPLICATION_CREDENTIALS"):
        grant(None).fetch()


def test_a_key_that_google_does_not_accept_needs_the_operator(fake: FakeGoogle) -> None:
    fake.tokens.scope = "another"
    with pytest.raises(NeedsOperator, match=r"no access token \(invalid_grant\)") as raised:
        grant(key_file(fake.url)).fetch()
    assert "Invalid JWT" not in str(raised.value)


def test_an_unavailable_token_server_asks_for_a_retry(fake: FakeGoogle) -> None:
    fake.tokens.refusal = Answer(503, {"error": "server_error"})
    with pytest.raises(Retry, match="for now"):
        grant(key_file(fake.url)).fetch()
    with pytest.raises(Retry, match="cannot be reached"):
        grant(key_file("http://127.0.0.1:9")).fetch()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("key.json", "found no JSON object"),
        ("[1]", "found no JSON object"),
        ('{"type": "authorized_user", "refresh_token": "1//secret"}', "JSON of another type"),
        ('{"type": "service_account", "private_key": "secret"}', "incomplete"),
        ('{"type": "external_account"}', "incomplete"),
        ('{"type": "external_account", "credential_source": 7}', "incomplete"),
        (
            '{"type": "external_account", "credential_source": {"executable": {"command": "/bin/secret"}}}',
            "runs a program",
        ),
        ('{"type": "external_account", "credential_source": {"file": "/secret"}}', "incomplete"),
    ],
    ids=range(8),
)
def test_credentials_that_are_of_no_use_are_refused_without_being_quoted(text: str, words: str) -> None:
    with pytest.raises(NeedsOperator, match=words) as raised:
        given(text, [])
    assert "secret" not in str(raised.value)


def test_a_damaged_private_key_is_not_quoted(fake: FakeGoogle) -> None:
    damaged = json.loads(key_file(fake.url)) | {"private_key": pem()[:200]}
    with pytest.raises(NeedsOperator, match="cannot be read") as raised:
        given(json.dumps(damaged), [])
    assert pem()[100:140] not in repr(raised.value)
