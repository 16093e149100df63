"""A mail server (aiosmtpd) in a thread: TLS, log-in, mailboxes, and the faults that a test asks for."""

from __future__ import annotations

import asyncio
import email
import email.policy
import logging
import ssl
import threading
from base64 import b64encode
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from mantissa_core.testing.fake_http import Fault

logging.getLogger("mail.log").setLevel("WARNING")  # a server's log is not ours: it holds what was sent
USER, PASSWORD = "mantissa", "pass-of-the-tests"
_REPLIES = {Fault.SERVER_ERROR: "451 4.3.0 try again later", Fault.REJECTED: "554 5.7.1 rejected as spam"}


class FakeSMTP:
    """Keeps what it takes. ``replies`` maps a command (``MAIL``, ``DATA``) or a recipient to a reply in its place."""

    faults = frozenset({Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.REFUSED, Fault.REJECTED})

    def __init__(self, certificate: tuple[Path, Path] | None = None, *, implicit: bool = False) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.replies: dict[str, str] = {}
        self.sessions: list[dict[str, Any]] = []
        self._fault: Fault | None = None
        self._healed = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(*certificate)
        self._implicit = implicit
        self.port = 0

    def __enter__(self) -> Self:
        started = threading.Event()
        threading.Thread(target=self._serve, args=(started,), daemon=True).start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def messages(self) -> list[str]:
        """What people read: the subject, and both forms of the text."""
        return [_readable(mail) for _, mail in self.mails]

    def inject(self, fault: Fault) -> None:
        self._fault = fault

    def heal(self) -> None:
        self._fault = None
        self._loop.call_soon_threadsafe(self._healed.set)

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        starting = self._loop.create_server(self._connection, "127.0.0.1", 0, ssl=self._tls if self._implicit else None)
        server = self._loop.run_until_complete(starting)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._ended())
        self._loop.close()

    async def _ended(self) -> None:
        tasks = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connection(self) -> SMTP:
        starttls = self._tls if not self._implicit else None
        return SMTP(
            self,
            hostname="mail.example.com",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=self._authenticated if self._tls else None,
            auth_required=starttls is not None,
            auth_require_tls=not self._implicit,
            loop=self._loop,
        )

    def _authenticated(self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, said: Any) -> Any:
        if self._fault is Fault.REFUSED:
            careless = f"535 5.7.8 {mechanism} {said.password.decode()} {b64encode(said.password).decode()} refused"
            return AuthResult(success=False, handled=False, message=careless)
        right = (said.login, said.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(self, _s: SMTP, session: Session, envelope: Envelope, sender: str, options: Any) -> str:  # noqa: N802
        if self._fault is Fault.TIMEOUT:
            await asyncio.wait_for(self._healed.wait(), 10)
            return "421 4.3.2 closing"
        if reply := self.replies.get("MAIL"):
            return reply
        self.sessions.append({"tls": session.ssl is not None or self._implicit, "login": bool(session.authenticated)})
        envelope.mail_from = sender
        return "250 OK"

    async def handle_RCPT(self, _s: SMTP, _session: Session, envelope: Envelope, to: str, options: Any) -> str:  # noqa: N802
        if reply := self.replies.get(to):
            return reply
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _s: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if reply := self.replies.get("DATA") or _REPLIES.get(self._fault):  # type: ignore[arg-type]
            return reply
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.rcpt_tos, mail))
        return "250 OK: queued"


def _readable(mail: EmailMessage) -> str:
    parts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    return "\n".join([str(mail["Subject"]), *(part.get_content().replace("\r\n", "\n") for part in parts if part)])
