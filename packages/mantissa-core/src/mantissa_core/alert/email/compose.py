"""An alert as an e-mail message (RFC 5322): headers that make threads and let mailboxes drop repeats; text and HTML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import quote

from pydantic import Field

from mantissa_core.hookspecs import PluginConfig
from mantissa_core.model.alert import Delivery

from .html import as_html
from .letter import letter
from .mailbox import Mailbox, parsed
from .text import as_text

_SUBJECT = 160
_LOCAL = 120


class Correspondents(PluginConfig):
    """Who writes to whom: part of the settings of every sink that sends e-mail."""

    sender: Mailbox
    """Address in ``From``; its domain is that of the message ids."""
    to: list[Mailbox] = Field(min_length=1, max_length=50)
    """Addresses of those who are told."""
    reply_to: Mailbox | None = None
    """Where answers go; without it, to the sender."""
    subject_prefix: str = Field(default="[Mantissa]", max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")
    """What every subject begins with."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A message, and the id of the first one about its alert: what the next one refers to."""

    message: EmailMessage
    id: str
    thread: str


def compose(delivery: Delivery, who: Correspondents, now: datetime | None = None) -> Composed:
    """Compose the message. Its id follows from the delivery's key, so a repeated one has the same.

    ``delivery.previous`` is the id of the alert's first message. ``Date`` is the moment of sending: a message that was
    held up for days would else be hidden among those of that day.
    """
    said = letter(delivery)
    own = message_id(delivery.key, parsed(who.sender).domain)
    thread = delivery.previous if delivery.previous and _ID.fullmatch(delivery.previous) else None
    message = EmailMessage(policy=SMTP)
    message["From"] = parsed(who.sender)
    message["To"] = [parsed(each) for each in who.to]
    if who.reply_to:
        message["Reply-To"] = parsed(who.reply_to)
    message["Subject"] = _subject(said.severity, said.summary, who.subject_prefix, follows=thread is not None)
    message["Date"] = format_datetime(now or datetime.now(UTC))
    message["Message-ID"] = own
    if thread:
        message["In-Reply-To"] = thread
        message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message["X-Mantissa-Alert"] = _token(delivery.alert.id)
    message["X-Mantissa-Severity"] = said.severity
    message["X-Mantissa-Key"] = _token(delivery.key)
    message.set_content(as_text(said), cte="quoted-printable")
    message.add_alternative(as_html(said), subtype="html", cte="quoted-printable")
    _name_boundary(message, own)
    return Composed(message, own, thread or own)


def message_id(key: str, domain: str) -> str:
    """``<key@domain>``; what may not stand in an id is percent-encoded, a long key becomes its digest."""
    return f"<{_token(key)}@{domain}>"


_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")


def _token(text: str) -> str:
    """Letters, digits, hyphens: the text, percent-encoded, or its digest where that is long."""
    token = quote(text, safe="", errors="replace").replace(".", "%2E")
    return token if 0 < len(token) <= _LOCAL else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _subject(severity: str, summary: str, prefix: str, *, follows: bool) -> str:
    """The same for all messages about an alert but for ``Re:``, by which programs that go by subjects make threads."""
    words: Sequence[str] = [*(["Re:"] if follows else []), prefix, f"{severity.capitalize()}:", summary]
    subject = " ".join(filter(None, words))
    return subject if len(subject) <= _SUBJECT else f"{subject[: _SUBJECT - 1]}…"


def _name_boundary(message: EmailMessage, own: str) -> None:
    """A boundary from the id, not a random one: the same message is the same bytes."""
    message.set_boundary(f"mantissa-{hashlib.sha256(own.encode()).hexdigest()[:24]}")
