"""The alert sink ``core.smtp``: e-mail through a mail server.

References: RFC 5321 (reply codes, 4.2), RFC 6409 and RFC 8314 (ports, TLS), RFC 5322 (Message-ID, References).
"""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

import structlog
from pydantic import Field, SecretStr, ValidationInfo, field_validator

from mantissa_core import web
from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model.alert import Delivery, Receipt
from mantissa_core.recent import Recent

from .compose import Composed, Correspondents, compose
from .mailbox import parsed

Refusals = dict[str, tuple[int, bytes]]
"""By recipient: the reply's code and text."""

PORTS: Mapping[str, int] = {"starttls": 587, "implicit": 465, "none": 25}

_log = structlog.get_logger(__name__)


class SMTP:
    """Sends each message about an alert as an e-mail; those about the same alert form a thread.

    SMTP drops no repeats: after a time-out while the server took the message, or a crash before our commit, it comes
    again, with the same ``Message-ID``, by which many mailboxes drop it.
    """

    per_minute = 30

    class Config(Correspondents):
        """Settings of ``core.smtp``."""

        host: str = Field(min_length=1)
        """Name of the mail server; its certificate must be for this name."""
        port: Annotated[int, Field(ge=1, le=65535)] | None = None
        """Port; by default 587, with ``tls = "implicit"`` 465, with ``"none"`` 25."""
        allow_plaintext: bool = False
        """Whether ``tls = "none"`` may be used to another machine than this: anybody on the way reads everything."""
        tls: Literal["starttls", "implicit", "none"] = "starttls"
        """``starttls`` asks for TLS and goes no further without; ``implicit`` begins with it."""
        ca_file: Path | None = None
        """PEM file with the authority of the server's certificate, where the system does not know it."""
        password: SecretStr | None = None
        """Password, or what the mail service gives to programs in its place."""
        username: str = Field(default="", validate_default=True)
        """Name to log in with; without it nobody logs in."""
        timeout: Annotated[float, Field(gt=0, le=45)] = 15.0
        """Seconds to wait for the connection, and for each reply."""

        @field_validator("tls")
        @classmethod
        def _plain_at_home_only(cls, tls: str, info: ValidationInfo) -> str:
            if (
                tls == "none"
                and not info.data.get("allow_plaintext")
                and not _is_this_machine(info.data.get("host", ""))
            ):
                raise ValueError(
                    '"starttls" or "implicit"; without TLS only to 127.0.0.1, or with allow_plaintext = true'
                )
            return tls

        @field_validator("username")
        @classmethod
        def _with_its_password(cls, username: str, info: ValidationInfo) -> str:
            if "password" in info.data and bool(username) != bool(info.data["password"]):
                raise ValueError("username and password: both or neither")
            return username

    def __init__(self, config: Config) -> None:
        self.config = config
        self._server = f"{config.host}:{config.port or PORTS[config.tls]}"
        self._taken: Recent[set[str]] = Recent()

    @hookimpl
    def check(self) -> None:
        """Log in, and ask whether the server takes mail from the sender to each recipient. Nothing is sent."""
        with self._session() as server:
            _accepted(server.noop())
            _accepted(server.mail(parsed(self.config.sender).addr_spec))
            refused: Refusals = {}
            for each in self._everybody():
                code, said = server.rcpt(each)
                if code >= 400:
                    refused[each] = (code, said)
            server.rset()
            if refused:
                raise self._of_recipients(refused)

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Send the message to those who have not got it. The receipt is the id of the alert's first message.

        Recipients that the server refuses for good while it takes the message for others are logged, and ``check``
        tells of them; for those that it refuses for now the message is tried again, and goes to them only.
        """
        composed = compose(delivery, self.config)
        taken = self._taken_before(delivery.key)
        refused: Refusals = {}
        if left := [each for each in self._everybody() if each not in taken]:
            refused = self._sent(composed, left)
            taken.update(each for each in left if each not in refused)
        if any(code < 500 for code, _ in refused.values()):
            raise self._of_recipients(refused)
        for each, reply in refused.items():
            _log.warning("a recipient was refused", server=self._server, recipient=each, reason=self._quoted(*reply))
        return Receipt(composed.thread, {"message_id": composed.id, "refused": sorted(refused)})

    def _everybody(self) -> list[str]:
        return list(dict.fromkeys(parsed(each).addr_spec for each in self.config.to))

    def _taken_before(self, key: str) -> set[str]:
        """Who has got this message from this process."""
        taken = self._taken.setdefault(key, set())
        return taken

    def _sent(self, composed: Composed, to: list[str]) -> Refusals:
        """Whom the server refused. All of them: an error."""
        with self._session() as server:
            try:
                return server.send_message(composed.message, parsed(self.config.sender).addr_spec, to)
            except smtplib.SMTPRecipientsRefused as error:
                if any(code < 500 for code, _ in error.recipients.values()):
                    return error.recipients
                raise self._of_recipients(error.recipients) from None

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A connection, encrypted and logged in; its errors as what happens next."""
        try:
            server = self._connected()
            try:
                if self.config.tls == "starttls":
                    server.starttls(context=self._trust())
                server.ehlo_or_helo_if_needed()
                if self.config.password:
                    server.login(self.config.username, self.config.password.get_secret_value())
                yield server
            finally:
                with suppress(smtplib.SMTPException, OSError):  # the message's fate is settled before the farewell
                    server.quit()
                server.close()
        except (smtplib.SMTPException, OSError) as error:
            raise self._explained(error) from None

    def _connected(self) -> smtplib.SMTP:
        host, port = self.config.host, self.config.port or PORTS[self.config.tls]
        if self.config.tls == "implicit":
            return smtplib.SMTP_SSL(host, port, timeout=self.config.timeout, context=self._trust())
        return smtplib.SMTP(host, port, timeout=self.config.timeout)

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.config.ca_file)
        except OSError as error:
            raise NeedsOperator(f"ca_file: {self.config.ca_file}: {error.strerror or 'is no PEM file'}") from None

    def _explained(self, error: Exception) -> MantissaError:
        """What happens next. Text of the server is quoted without our password."""
        match error:
            case smtplib.SMTPResponseException():
                return self._of_reply(error)
            case smtplib.SMTPNotSupportedError():
                what = "STARTTLS" if "STARTTLS" in str(error) else "to log in"
                return NeedsOperator(f"{self._server} does not offer {what}: check host, port and tls")
            case smtplib.SMTPException() if type(error) is smtplib.SMTPException:
                return NeedsOperator(f"{self._server} offers no way to log in that is known here")
            case ssl.SSLCertVerificationError():
                return NeedsOperator(
                    f"{self._server} shows a certificate that is not trusted ({error.verify_message}): check host, "
                    "or name the authority in ca_file"
                )
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return Retry(f"{self._server} broke off the TLS handshake")
            case ssl.SSLError():
                return NeedsOperator(f"{self._server} does not speak TLS there ({error.reason}): check port and tls")
            case TimeoutError():
                return Retry(f"{self._server} did not answer in time")
        return Retry(f"{self._server} cannot be reached: {type(error).__name__}: {self._clean(str(error))}")

    def _of_reply(self, error: smtplib.SMTPResponseException) -> MantissaError:
        said = f"{self._server} answered {self._quoted(error.smtp_code, error.smtp_error)}"
        if error.smtp_code < 500:  # 4xx, and -1 for what is no reply
            return Retry(said)
        if isinstance(error, smtplib.SMTPAuthenticationError) or error.smtp_code in (530, 535):
            return NeedsOperator(f"{said}: check username and password")
        if isinstance(error, smtplib.SMTPSenderRefused):
            return NeedsOperator(f"{said}: the login may not send as {self.config.sender}")
        return NeedsOperator(said)

    def _of_recipients(self, refused: Refusals) -> MantissaError:
        """Of several recipients: what passes comes first."""
        reasons = "; ".join(f"{each}: {self._quoted(*reply)}" for each, reply in sorted(refused.items()))
        kind = Retry if any(code < 500 for code, _ in refused.values()) else NeedsOperator
        return kind(f"{self._server} refuses recipients: {reasons}")

    def _quoted(self, code: int, said: bytes | str) -> str:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"{code} {self._clean(text)}".rstrip()

    def _clean(self, text: str) -> str:
        return web.excerpt(text, self._secrets())

    def _secrets(self) -> list[str]:
        """The password as it stands and as it goes over the wire (AUTH LOGIN and PLAIN)."""
        if self.config.password is None:
            return []
        password = self.config.password.get_secret_value()
        sent = (password, f"\0{self.config.username}\0{password}")
        return [password, *(base64.b64encode(each.encode()).decode() for each in sent)]


def _accepted(reply: tuple[int, bytes]) -> None:
    if reply[0] >= 400:
        raise smtplib.SMTPResponseException(*reply)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
