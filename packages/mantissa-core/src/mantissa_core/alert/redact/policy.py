"""What one destination may be told: ``[sinks.<label>.redact]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from .kinds import Kind, Treatment


class Redaction(BaseModel):
    """A treatment for each kind, and the fields that never leave."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    email: Treatment = Treatment.MASK
    """E-mail addresses; the mask leaves the first letter and the domain."""
    phone: Treatment = Treatment.MASK
    """Telephone numbers."""
    card: Treatment = Treatment.MASK
    """Payment cards; the mask leaves the last four digits."""
    iban: Treatment = Treatment.MASK
    """Bank accounts; the mask leaves country and last four characters."""
    national_id: Treatment = Treatment.MASK
    """Social security, tax and identity numbers."""
    medical_record: Treatment = Treatment.MASK
    """Medical record and patient numbers."""
    secret: Treatment = Treatment.MASK
    """Passwords, tokens and keys. They cannot be kept."""
    ip: Treatment = Treatment.KEEP
    """IP addresses; kept by default, because nobody can answer to an attack from nowhere."""
    field: Treatment = Treatment.MASK
    """What the fields of ``fields`` hold."""
    fields: tuple[str, ...] = ()
    """Names of fields (the last part of the path, or all of it) whose values are redacted whatever they look like."""
    hash_key: str = ""
    """Key of the treatment ``hash``, as a reference: the same value has the same hash everywhere that has the key."""

    @field_validator("secret")
    @classmethod
    def _never(cls, value: Treatment) -> Treatment:
        if value is Treatment.KEEP:
            raise ValueError("mask, hash or drop: secrets never leave")
        return value

    @model_validator(mode="after")
    def _keyed(self) -> Redaction:
        if not self.hash_key and Treatment.HASH in self.treatments.values():
            raise ValueError("hash_key as well, where something is to be hashed")
        return self

    @property
    def treatments(self) -> Mapping[Kind, Treatment]:
        """By kind."""
        return {kind: getattr(self, kind.value) for kind in Kind}


def strictest(policies: Iterable[Redaction]) -> Redaction:
    """What each of these destinations may be told: a kind is kept where all keep it, and masked where none does more.

    Hashes differ from key to key, so what somebody hashes is dropped.
    """
    known = list(policies)
    treatments = {
        kind.value: max((each.treatments[kind] for each in known), key=_STRICTNESS.__getitem__, default=Treatment.MASK)
        for kind in Kind
    }
    treatments |= {name: Treatment.DROP for name, each in treatments.items() if each is Treatment.HASH}
    fields = tuple(dict.fromkeys(name for each in known for name in each.fields))
    return Redaction(**treatments, fields=fields)


_STRICTNESS = {Treatment.KEEP: 0, Treatment.MASK: 1, Treatment.HASH: 2, Treatment.DROP: 3}

SECRETS_ONLY = Redaction(**{kind.value: Treatment.KEEP for kind in Kind if kind is not Kind.SECRET})
"""For what stays on this machine."""
