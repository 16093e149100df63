from __future__ import annotations

import httpx
import pytest
from mantissa_core.vendor_api import base_url, origin, same_origin


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("api.example.com", "https://api.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_loses_its_last_slash(text: str, found: str) -> None:
    assert base_url(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "http://api.example.com",
        "http://localhost.example.com",
        "ftp://api.example.com",
        "https://user:password@api.example.com",
        "https://api.example.com?key=1",
        "https://api.example.com#top",
        "https://",
        "https://[",
        "https://ex ample.com",
        "https://api.example.com:port",
        "",
    ],
)
def test_an_address_that_would_give_the_credential_away_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        base_url(text)


def test_an_origin_has_no_path() -> None:
    assert origin("https://api.example.com/") == "https://api.example.com"
    with pytest.raises(ValueError, match="without path"):
        origin("https://api.example.com/v1")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("https://api.example.com:443/x", True),
        ("https://api.example.com:444", False),
        ("http://api.example.com", False),
        ("https://example.com", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(other: str, same: bool) -> None:
    assert same_origin(httpx.URL("https://api.example.com/v1"), httpx.URL(other)) is same
