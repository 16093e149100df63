"""What collectors of vendors' APIs share: addresses, credentials, limits, answers, pages and windows.

A collector describes its :class:`Vendor`, opens a :class:`VendorClient` with a scheme of :mod:`.auth`,
:mod:`.access_token` and :mod:`.oauth`, and gives :class:`WindowReader` a function that fetches one page.
``docs/vendor-api.md`` walks through one.
"""

from .access_token import AccessToken, Grant, OAuth
from .address import BaseUrl, Origin, base_url, origin, same_origin
from .answer import Answer
from .auth import Auth, Basic, Bearer, HeaderToken, identity_of, require_sendable
from .budget import Budget
from .client import VendorClient
from .cursors import CursorRefused, in_body, in_link, next_address, next_offset, next_page
from .lookup import Lookup
from .oauth import ClientCredentials, JWTBearer, RefreshToken, TokenEndpoint
from .rate_limit import RateLimit
from .vendor import Vendor
from .walk import Batch, Walk, WindowReader, epoch_ms, timestamp

__all__ = [
    "AccessToken",
    "Answer",
    "Auth",
    "BaseUrl",
    "Basic",
    "Batch",
    "Bearer",
    "Budget",
    "ClientCredentials",
    "CursorRefused",
    "Grant",
    "HeaderToken",
    "JWTBearer",
    "Lookup",
    "OAuth",
    "Origin",
    "RateLimit",
    "RefreshToken",
    "TokenEndpoint",
    "Vendor",
    "VendorClient",
    "Walk",
    "WindowReader",
    "base_url",
    "epoch_ms",
    "identity_of",
    "in_body",
    "in_link",
    "next_address",
    "next_offset",
    "next_page",
    "origin",
    "require_sendable",
    "same_origin",
    "timestamp",
]
