"""Tokens of an identity provider, whose keys come over the wire: what is let in, and what is tried in vain."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from mantissa_core.api.app import create_app
from mantissa_core.api.oidc import AGAIN, KEPT, Oidc
from mantissa_core.api.problem import Problem
from mantissa_core.api.roles import Role
from mantissa_core.api_section import OidcSection
from mantissa_core.state.audit import trail
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault
from starlette.testclient import TestClient

ISSUER, AUDIENCE = "https://login.example.com/", "mantissa"
NEW = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
}
ALGORITHMS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm}


class Clock:
    """Seconds, set by hand."""

    now = 1000.0

    def __call__(self):
        return self.now


class Provider:
    """An identity provider that signs whatever it is told to, and publishes its keys."""

    def __init__(self, server):
        self.server = server
        self.keys = {}
        self.published = []

    def add(self, kid, algorithm="RS256", key=None, **more):
        key = key or NEW[algorithm]()
        self.keys[kid] = (algorithm, key)
        public = json.loads(ALGORITHMS[algorithm].to_jwk(key.public_key()))
        self.published.append({**public, "kid": kid, "use": "sig", **more})

    def token(self, kid="one", headers=None, **claims):
        algorithm, key = self.keys[kid]
        return jwt.encode(self.claims(**claims), key, algorithm, {"kid": kid, **(headers or {})})

    def claims(self, **changed):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": now + 600, "nbf": now - 60, "iat": now - 60,
                  "email": "amara@example.com", "groups": ["analysts"]}  # fmt: skip
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}


@pytest.fixture
def provider():
    """With one RSA key."""
    with FakeHTTP() as server:
        found = Provider(server)
        server._answer = lambda _request: Answer(200, {"keys": found.published})
        found.add("one")
        yield found


@pytest.fixture
def clock():
    """Of the keys' age."""
    return Clock()


@pytest.fixture
def section(provider):
    """What is configured."""
    return OidcSection(
        issuer=ISSUER, audience=AUDIENCE, jwks_url=f"{provider.server.url}/keys", role_claim="groups",
        roles={"analysts": "analyst", "admins": "admin"},
    )  # fmt: skip


@pytest.fixture
def oidc(section, clock):
    """Who is let in by that."""
    return Oidc(section, clock=clock)


def _refused(oidc, token):
    with pytest.raises(Problem) as refused:
        oidc.caller(token)
    return refused.value.status


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_a_valid_token_stands_for_its_user_and_role(provider, oidc, algorithm):
    provider.add("two", algorithm)
    caller = oidc.caller(provider.token("two"))
    assert (caller.id, caller.name, caller.role) == ("oidc/u1", "amara@example.com", Role.ANALYST)


def test_the_highest_of_several_roles_counts(provider, oidc):
    assert oidc.caller(provider.token(groups=["analysts", "other", "admins"])).role == Role.ADMIN


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("openid ask alerts:read playbooks:run", {"ask", "alerts:read"}),
        (["ask", 5, "profile"], {"ask"}),
        ("", set()),
        (None, set()),
        ({"ask": True}, set()),
    ],
    ids=["words", "list", "empty", "none", "object"],
)
def test_a_claim_says_what_a_token_is_for(provider, section, clock, value, expected):
    scoped = Oidc(section.model_copy(update={"scope_claim": "scope"}), clock=clock)
    assert scoped.caller(provider.token(scope=value)).scopes == expected


def test_without_a_configured_claim_a_token_is_for_all_that_its_role_may(provider, oidc):
    assert oidc.caller(provider.token(scope="ask")).scopes is None


@pytest.mark.parametrize("groups", [[], ["others"], None, 5, {"analysts": True}, [["analysts"]]])
def test_a_token_without_a_known_role_is_not_let_in(provider, oidc, groups):
    assert _refused(oidc, provider.token(groups=groups)) == 403


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example.com/"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": []},
        {"exp": 1}, {"exp": None}, {"nbf": int(time.time()) + 10_000}, {"sub": None}, {"exp": "soon"},
    ],
    ids=["iss", "no-iss", "aud", "no-aud", "empty-aud", "expired", "no-exp", "not-yet", "no-sub", "exp-is-text"],
)  # fmt: skip
def test_wrong_claims_are_refused(provider, oidc, changed):
    try:
        token = provider.token(**changed)
    except TypeError:  # the library refuses to make it
        text = json.dumps(provider.claims(**changed)).encode()
        token = jwt.api_jws.encode(text, provider.keys["one"][1], "RS256", {"kid": "one"})
    assert _refused(oidc, token) == 401


def test_an_unsigned_token_is_refused(provider, oidc):
    token = jwt.encode(provider.claims(), None, "none", {"kid": "one"})
    assert _refused(oidc, token) == 401
    head, body, _ = provider.token().split(".")
    assert _refused(oidc, f"{head}.{body}.") == 401


def test_the_public_key_is_no_shared_secret(provider, oidc):
    public = provider.keys["one"][1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT", "kid": "one"}) + b"." + part(provider.claims())
    signature = base64.urlsafe_b64encode(hmac.new(public, signed, hashlib.sha256).digest()).rstrip(b"=")
    assert _refused(oidc, (signed + b"." + signature).decode()) == 401


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u"])
def test_a_key_that_the_token_brings_along_does_not_count(provider, oidc, name):
    mine = rsa.generate_private_key(65537, 2048)
    brought = (
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(mine.public_key())) if name == "jwk" else provider.server.url
    )
    token = jwt.encode(provider.claims(), mine, "RS256", {"kid": "one", name: brought})
    assert _refused(oidc, token) == 401


def test_another_algorithm_of_the_same_key_is_refused(provider, oidc):
    token = jwt.encode(provider.claims(), provider.keys["one"][1], "PS256", {"kid": "one"})
    assert _refused(oidc, token) == 401


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
def test_keys_for_encryption_and_short_keys_do_not_count(provider, oidc):
    provider.add("sealing", use="enc")
    provider.add("short", key=rsa.generate_private_key(65537, 1024))
    provider.add("oct", kty="oct", k="c2VjcmV0")
    for kid in ("sealing", "short", "oct"):
        assert _refused(oidc, provider.token(kid)) == 401


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", "é.é.é", "a" * 9000])
def test_what_is_no_token_is_refused(oidc, text):
    assert _refused(oidc, text) == 401


def test_a_new_key_is_found_and_an_old_one_forgotten(provider, oidc, clock):
    old = provider.token()
    oidc.caller(old)
    provider.published.clear()
    provider.add("two")
    clock.now += AGAIN
    oidc.caller(provider.token("two"))
    assert _refused(oidc, old) == 401


def test_unknown_keys_do_not_flood_the_provider(provider, oidc, clock):
    for number in range(20):
        assert _refused(oidc, provider.token(headers={"kid": f"no-{number}"})) == 401
    assert len(provider.server.requests) == 1
    clock.now += AGAIN
    oidc.caller(provider.token())
    assert len(provider.server.requests) == 1


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.TRUNCATED, Fault.REDIRECT], ids=lambda each: each.name)
def test_known_keys_serve_while_the_provider_is_down_but_not_for_long(provider, oidc, clock, fault):
    oidc.caller(provider.token())
    provider.server.inject(fault)
    clock.now += KEPT + 1
    oidc.caller(provider.token())
    clock.now += KEPT
    assert _refused(oidc, provider.token()) == 503
    provider.server.heal()
    clock.now += AGAIN
    oidc.caller(provider.token())


def test_the_api_lets_such_a_caller_in_and_writes_down_who_it_was(provider, oidc, runtime, capsys):
    token = provider.token()
    with TestClient(create_app(runtime, provider=oidc, environ={})) as client:
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/query", headers=headers, json={"sql": "SELECT 1"}).status_code == 200
        assert client.get("/audit", headers=headers).status_code == 403
    assert trail(runtime.state)[-1]["by"] == "amara@example.com"
    said = capsys.readouterr()
    assert token not in said.out + said.err


def test_a_plaintext_address_of_keys_is_refused():
    with pytest.raises(ValueError, match="https"):
        OidcSection(issuer=ISSUER, audience="a", jwks_url="http://login.example.com/keys", roles={})
