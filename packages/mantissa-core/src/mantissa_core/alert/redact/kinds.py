"""What is looked for, and what may be done with it."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A kind of personal data or credential."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    """Payment card numbers (ISO/IEC 7812), by issuer, length and check digit."""
    IBAN = "iban"
    """Bank accounts (ISO 13616), by country, length and check digits."""
    NATIONAL_ID = "national_id"
    """Numbers that states give to people: social security, tax and identity numbers."""
    MEDICAL_RECORD = "medical_record"
    """Medical record and patient numbers, where the text says so; NHS numbers."""
    SECRET = "secret"  # noqa: S105  # a name
    """Passwords, tokens, private keys, signed links."""
    IP = "ip"
    FIELD = "field"
    """Everything in a field that the configuration names."""


class Treatment(StrEnum):
    """What becomes of a value that was found."""

    MASK = "mask"
    """What of it helps people and tells nobody else: ``a…@example.com``, ``[card …4242]``."""
    HASH = "hash"
    """Its kind and a keyed hash, the same for the same value: ``[email #3f2a9c1b7d04]``."""
    DROP = "drop"
    """Its kind: ``[email]``."""
    KEEP = "keep"
