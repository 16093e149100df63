from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from mantissa_core.errors import Conflict, NeedsOperator, Retry, SecretError
from mantissa_core.hookspecs import PluginConfig
from mantissa_core.model import Secret
from mantissa_core.settings import configure
from mantissa_core.stored_secret import Secrets, StoredSecret
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request
from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.vendor_api import (
    AccessToken,
    Basic,
    ClientCredentials,
    JWTBearer,
    OAuth,
    RefreshToken,
    TokenEndpoint,
    Vendor,
)
from mantissa_core.vendor_api.http import http_client
from pydantic import SecretStr

ACME = Vendor("Acme")
SECRET = "s3cret-of-the-tests"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Given:
    """A grant that counts its tokens."""

    identity = "given"

    def __init__(self, expires_in: float | None, *, pause: float = 0) -> None:
        self.count, self.expires_in, self.pause = 0, expires_in, pause

    def fetch(self) -> AccessToken:
        time.sleep(self.pause)
        self.count += 1
        return AccessToken(f"t{self.count}", self.expires_in)


class Store:
    """A secret store with one secret; ``broken`` says why it cannot write."""

    def __init__(self, value: str) -> None:
        self.secret, self.broken = Secret(value, 1), ""

    def get_secret(self, name: str) -> Secret | None:
        return self.secret if name == "acme" else None

    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        if self.broken:
            raise SecretError(self.broken)
        if expected_version not in (None, self.secret.version):
            raise Conflict("version")
        self.secret = Secret(value, self.secret.version + 1)
        return self.secret.version


def signed(scheme: OAuth) -> httpx.Request:
    request = httpx.Request("GET", "https://api.example.com")
    scheme.sign(request)
    return request


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens("client", SECRET)


@pytest.fixture
def server(tokens: FakeTokens) -> Iterator[FakeHTTP]:
    with FakeHTTP(tokens.answer) as fake:
        yield fake


def endpoint(server: FakeHTTP, client: Basic | None = None) -> TokenEndpoint:
    return TokenEndpoint(ACME, f"{server.url}/token", http_client("test", 10), client)


@pytest.mark.parametrize(("life", "kept", "replaced"), [(3600, 3539, 3541), (60, 53, 55), (None, 1e9, None)])
def test_a_token_is_kept_until_shortly_before_its_end(life: float | None, kept: float, replaced: float | None) -> None:
    clock, grant = Clock(), Given(life)
    scheme = OAuth(grant, clock)
    signed(scheme)
    clock.now = kept
    assert signed(scheme).headers["Authorization"] == "Bearer t1"
    if replaced is not None:
        clock.now = replaced
        assert signed(scheme).headers["Authorization"] == "Bearer t2"


def test_many_threads_fetch_one_token() -> None:
    grant = Given(3600, pause=0.05)
    scheme, barrier = OAuth(grant), threading.Barrier(8)

    def sign() -> str:
        barrier.wait()
        return signed(scheme).headers["Authorization"]

    with ThreadPoolExecutor(8) as pool:
        found = {each.result() for each in [pool.submit(sign) for _ in range(8)]}
    assert found == {"Bearer t1"}
    assert grant.count == 1


def test_a_refused_token_is_replaced_once_for_all_who_used_it() -> None:
    grant = Given(3600)
    scheme = OAuth(grant)
    one, other = signed(scheme), signed(scheme)
    assert scheme.renew(one)
    assert signed(scheme).headers["Authorization"] == "Bearer t2"
    assert scheme.renew(other)
    assert signed(scheme).headers["Authorization"] == "Bearer t2"


@pytest.mark.parametrize("in_body", [True, False])
def test_client_credentials_are_exchanged_for_a_token(tokens: FakeTokens, server: FakeHTTP, in_body: bool) -> None:
    client = None if in_body else Basic("client", SecretStr(SECRET))
    grant = ClientCredentials(
        endpoint(server, client), "client", SecretStr(SECRET), in_body=in_body, extra={"scope": "audit:read"}
    )
    scheme = OAuth(grant)
    assert signed(scheme).headers["Authorization"] == f"Bearer {tokens.given[0]}"
    assert server.requests[0].form["scope"] == "audit:read"
    assert (b"client_secret" in server.requests[0].body) is in_body
    assert SECRET not in f"{scheme!r} {vars(scheme)!r} {vars(grant)!r} {scheme.identity}"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.BUSY, Retry),
        (Fault.SERVER_ERROR, Retry),
        (Fault.TRUNCATED, Retry),
        (Fault.REFUSED, NeedsOperator),
        (Fault.REDIRECT, NeedsOperator),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_token_endpoint_that_fails_is_named_without_the_secret(
    server: FakeHTTP, fault: Fault, kind: type[Exception]
) -> None:
    server.inject(fault)
    with pytest.raises(kind) as raised:
        ClientCredentials(endpoint(server), "client", SecretStr(SECRET)).fetch()
    assert SECRET not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert "Acme" in str(raised.value)


def test_a_wrong_client_needs_the_operator(server: FakeHTTP) -> None:
    with pytest.raises(NeedsOperator, match="invalid_client"):
        ClientCredentials(endpoint(server), "client", SecretStr("wrong")).fetch()


def test_an_assertion_is_sent_with_the_times_filled_in() -> None:
    sent: list[Request] = []

    def answer(request: Request) -> Answer:
        sent.append(request)
        return Answer(200, {"access_token": "granted"})

    with FakeHTTP(answer) as server:
        key = ec.generate_private_key(ec.SECP256R1())
        claims = {"iss": "robot@example.com", "aud": "https://example.com/token"}
        assert JWTBearer(endpoint(server), claims, key, clock=lambda: 1000.9).fetch().value == "granted"
    assert sent[0].form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert sent[0].form["assertion"].count(".") == 2


def test_a_rotated_refresh_token_is_stored_before_its_access_token_is_used(
    tokens: FakeTokens, server: FakeHTTP
) -> None:
    tokens.rotate, store = True, Store(tokens.refresh_token)
    grant = RefreshToken(endpoint(server), StoredSecret(store.secret.value, "acme", store))
    for version in (2, 3):
        assert grant.fetch().value == tokens.given[-1]
        assert (store.secret.value, store.secret.version) == (tokens.refresh_token, version)


def test_a_refresh_token_that_cannot_be_stored_is_kept_and_stored_later(tokens: FakeTokens, server: FakeHTTP) -> None:
    tokens.rotate, store = True, Store(tokens.refresh_token)
    grant = RefreshToken(endpoint(server), StoredSecret(store.secret.value, "acme", store))
    store.broken = "the disk is full"
    for _ in range(2):
        with pytest.raises(NeedsOperator, match="the disk is full") as raised:
            grant.fetch()
        assert tokens.refresh_token not in str(raised.value)
    assert len(tokens.given) == 1  # it was not used up while its successor could not be stored
    store.broken = ""
    grant.fetch()
    assert store.secret.value == tokens.refresh_token


def test_the_token_that_another_process_stored_is_used(tokens: FakeTokens, server: FakeHTTP) -> None:
    tokens.rotate, store = True, Store(tokens.refresh_token)
    one, other = (RefreshToken(endpoint(server), StoredSecret("", "acme", store)) for _ in range(2))
    one.fetch()
    other.fetch()
    one.fetch()
    assert store.secret.value == tokens.refresh_token


def test_a_rotation_by_another_process_between_reading_and_using_is_noticed(
    tokens: FakeTokens, server: FakeHTTP
) -> None:
    tokens.rotate, store = True, Store("used-up-meanwhile")
    current = tokens.refresh_token

    class Slow(StoredSecret):
        def read(self) -> tuple[str, int]:
            found = super().read()
            store.secret = Secret(current, 2)
            return found

    RefreshToken(endpoint(server), Slow("", "acme", store)).fetch()
    assert store.secret == Secret(tokens.refresh_token, 3)


def test_a_refresh_token_that_is_used_up_needs_the_operator(server: FakeHTTP) -> None:
    store = Store("used-up")
    with pytest.raises(NeedsOperator, match=r"mantissa secrets set acme") as raised:
        RefreshToken(endpoint(server), StoredSecret("", "acme", store)).fetch()
    assert "used-up" not in str(raised.value)


class Config(PluginConfig):
    refresh_token: StoredSecret
    """What the vendor replaces."""


def test_a_setting_that_is_replaced_is_lent_the_store() -> None:
    store = Store("first")
    config, hidden = configure(Config, {"refresh_token": "secret://acme"}, Secrets(store), "f", "collectors.acme")
    assert config.refresh_token.replace("second", 1) == 2
    assert config.refresh_token.read() == ("second", 2)
    assert hidden == {"first"}
    assert "first" not in repr(config)


@pytest.mark.parametrize("value", ["literal", "env:ACME_REFRESH_TOKEN"])
def test_a_setting_that_is_replaced_must_be_stored(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_REFRESH_TOKEN", "first")
    with pytest.raises(Exception, match=r"secret://name") as raised:
        configure(Config, {"refresh_token": value}, Secrets(Store("first")), "f", "collectors.acme")
    assert "first" not in str(raised.value)
