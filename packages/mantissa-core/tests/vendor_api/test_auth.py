from __future__ import annotations

import httpx
import pytest
from mantissa_core.errors import NeedsOperator
from mantissa_core.vendor_api import Auth, Basic, Bearer, HeaderToken
from pydantic import SecretStr

SECRET = SecretStr("s3cret-of-the-tests")
SCHEMES: list[tuple[Auth, str, str]] = [
    (HeaderToken(SECRET, prefix="SSWS "), "Authorization", "SSWS s3cret-of-the-tests"),
    (HeaderToken(SECRET, header="X-Api-Key"), "X-Api-Key", "s3cret-of-the-tests"),
    (Bearer(SECRET), "Authorization", "Bearer s3cret-of-the-tests"),
    (Basic("Aladdin", SecretStr("open sesame")), "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
]


@pytest.mark.parametrize(("scheme", "header", "value"), SCHEMES, ids=lambda each: type(each).__name__)
def test_a_scheme_sets_its_header(scheme: Auth, header: str, value: str) -> None:
    request = httpx.Request("GET", "https://api.example.com")
    scheme.sign(request)
    assert request.headers[header] == value
    assert not scheme.renew(request)


@pytest.mark.parametrize(("scheme", "_header", "_value"), SCHEMES, ids=lambda each: type(each).__name__)
def test_a_scheme_does_not_show_its_secret(scheme: Auth, _header: str, _value: str) -> None:
    shown = f"{scheme!r} {vars(scheme)!r} {scheme.identity}"
    assert "s3cret" not in shown
    assert "sesame" not in shown


def test_credentials_have_identities_of_their_own() -> None:
    assert len({scheme.identity for scheme, _, _ in SCHEMES}) == 3  # two send one token under one header


@pytest.mark.parametrize("token", ["", "new\nline", "spa ce", "ümlaut"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_quoted(token: str) -> None:
    with pytest.raises(NeedsOperator, match="api_key") as raised:
        Bearer(SecretStr(token), setting="api_key")
    assert not token or token not in str(raised.value)


def test_a_user_with_a_colon_is_refused() -> None:
    with pytest.raises(NeedsOperator, match="colon"):
        Basic("a:b", SECRET)
