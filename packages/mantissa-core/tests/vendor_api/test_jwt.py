from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from mantissa_core.errors import NeedsOperator
from mantissa_core.vendor_api.jwt import private_key, signed
from pydantic import SecretStr

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any, password: bytes | None = None) -> SecretStr:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return SecretStr(key.private_bytes(serialization.Encoding.PEM, form, encryption).decode())


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify_rsa(signature: bytes, text: bytes) -> None:
    RSA.public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())


def verify_ec(signature: bytes, text: bytes) -> None:
    assert len(signature) == 64
    pair = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    EC.public_key().verify(encode_dss_signature(*pair), text, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(("key", "algorithm", "verify"), [(RSA, "RS256", verify_rsa), (EC, "ES256", verify_ec)])
def test_an_assertion_is_signed_as_its_header_says(
    key: Any, algorithm: str, verify: Callable[[bytes, bytes], None]
) -> None:
    claims = {"iss": "app", "aud": "https://example.com", "exp": 1_741_078_800}
    token = signed(claims, private_key(pem(key)), key_id="k1")
    header, payload, signature = token.split(".")
    assert "=" not in token
    assert json.loads(decoded(header)) == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert json.loads(decoded(payload)) == claims
    verify(decoded(signature), f"{header}.{payload}".encode())
    with pytest.raises(InvalidSignature):
        verify(decoded(signature), f"{header}.{payload}x".encode())


@pytest.mark.parametrize(
    "text",
    [
        SecretStr("s3cret"),
        pem(RSA, password=b"s3cret"),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(rsa.generate_private_key(65537, 1024)),
    ],
    ids=["text", "encrypted", "P-384", "Ed25519", "RSA 1024"],
)
def test_a_key_of_another_kind_is_refused_without_being_quoted(text: SecretStr) -> None:
    with pytest.raises(NeedsOperator, match="app_key") as raised:
        private_key(text, "app_key")
    assert text.get_secret_value() not in str(raised.value)
