"""Signed assertions (RFC 7519) with RS256 or ES256 (RFC 7518, sections 3.3 and 3.4). Nothing here reads a token."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from pydantic import SecretStr

from mantissa_core.errors import NeedsOperator

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_P256_BYTES = 32


def private_key(pem: SecretStr, setting: str = "private_key") -> PrivateKey:
    """Read an unencrypted key in PEM: RSA of at least 2,048 bits, or EC on P-256.

    Raises:
        NeedsOperator: it is something else; its content is not quoted.
    """
    try:
        key = serialization.load_pem_private_key(pem.get_secret_value().encode(), password=None)
    except (ValueError, TypeError):  # TypeError: it is encrypted
        raise NeedsOperator(f"{setting}: found no unencrypted private key in PEM") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise NeedsOperator(f"{setting}: found another key than RSA of at least 2,048 bits or EC on P-256")


def signed(claims: Mapping[str, Any], key: PrivateKey, key_id: str | None = None) -> str:
    """The claims as a JWT, signed with RS256 or ES256 as the key demands. Times in ``claims`` are epoch seconds."""
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    text = f"{_encoded(_json(header))}.{_encoded(_json(claims))}"
    return f"{text}.{_encoded(_signature(text.encode(), key))}"


def _signature(text: bytes, key: PrivateKey) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
