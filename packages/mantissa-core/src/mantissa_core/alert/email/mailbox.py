"""Addresses of people, as settings name them: ``amara@example.com`` or ``Security <security@example.com>``."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated

from pydantic import AfterValidator


def mailbox(text: str) -> str:
    """The text, if it is one address, with or without a name.

    Raises:
        ValueError: it is none, or several, or not ASCII: of a domain with other letters write ``xn--…``.
    """
    parsed(text)
    return text


def parsed(text: str) -> Address:
    """The address that :func:`mailbox` has let through."""
    name, address = parseaddr(text)
    if not address.isascii():
        raise ValueError("an address in ASCII; of a domain with other letters its form xn--…")
    try:
        made = Address(name, addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        raise ValueError("an address: name@example.com, or Name <name@example.com>") from None
    if not made.username or not made.domain or not text.isprintable() or "," in text or ";" in text:
        raise ValueError("one address: name@example.com, or Name <name@example.com>")
    return made


Mailbox = Annotated[str, AfterValidator(mailbox)]
"""A setting that holds one address."""
