"""core.smtp against a real mail server, over TLS and with a login."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_smtp import PASSWORD, USER, FakeSMTP
from mantissa_core.alert.email.smtp import SMTP
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Delivery
from mantissa_core.testing.alert_sink import AlertSinkContract, Fault, delivery
from pydantic import ValidationError

AMARA, LIN, NOOR = "amara@example.com", "lin@example.com", "noor@example.com"


def sink(server: FakeSMTP, certificate: tuple[Path, Path], **changes: Any) -> SMTP:
    settings = {
        "host": "localhost",
        "port": server.port,
        "username": USER,
        "password": PASSWORD,
        "ca_file": certificate[0],
        "sender": "Mantissa Log <mantissa@example.com>",
        "to": [AMARA],
        "timeout": 5,
    }
    return SMTP(SMTP.Config.model_validate({**settings, **changes}))


class TestSMTP(AlertSinkContract):
    secrets = (PASSWORD,)
    survives_restarts = False

    @pytest.fixture
    def destination(self, certificate: tuple[Path, Path]) -> Iterator[FakeSMTP]:
        self.certificate = certificate
        with FakeSMTP(certificate) as server:
            yield server

    def sink(self, destination: FakeSMTP) -> SMTP:
        return sink(destination, self.certificate, timeout=2)


def test_it_encrypts_and_logs_in_before_it_sends(mail: FakeSMTP, certificate: tuple[Path, Path]) -> None:
    receipt = sink(mail, certificate).deliver(delivery())
    assert mail.sessions == [{"tls": True, "login": True}]
    assert receipt.reference == "<kit-1@example.com>"
    [(to, message)] = mail.mails
    assert to == [AMARA]
    assert message["From"] == "Mantissa Log <mantissa@example.com>"


def test_it_speaks_tls_from_the_start_where_told_to(certificate: tuple[Path, Path]) -> None:
    with FakeSMTP(certificate, implicit=True) as server:
        sink(server, certificate, tls="implicit").deliver(delivery())
        assert server.sessions == [{"tls": True, "login": True}]


def test_without_starttls_at_the_server_nothing_is_sent(certificate: tuple[Path, Path]) -> None:
    with FakeSMTP() as server:
        with pytest.raises(NeedsOperator, match="does not offer STARTTLS: check host, port and tls"):
            sink(server, certificate).deliver(delivery())
        assert server.mails == []


def test_a_certificate_that_nobody_vouches_for_is_refused(mail: FakeSMTP, certificate: tuple[Path, Path]) -> None:
    with pytest.raises(NeedsOperator, match=r"a certificate that is not trusted .* or name the authority in ca_file"):
        sink(mail, certificate, ca_file=None).deliver(delivery())
    assert mail.mails == []


def test_tls_on_a_port_that_speaks_none_needs_the_operator(mail: FakeSMTP, certificate: tuple[Path, Path]) -> None:
    with pytest.raises(NeedsOperator, match=r"does not speak TLS there .*: check port and tls"):
        sink(mail, certificate, tls="implicit").deliver(delivery())


def test_a_relay_on_this_machine_may_take_plain_text(certificate: tuple[Path, Path]) -> None:
    with FakeSMTP() as server:
        plain = {"host": "127.0.0.1", "tls": "none", "username": "", "password": None, "ca_file": None}
        subject = sink(server, certificate, **plain)
        subject.check()
        subject.deliver(delivery())
        assert server.sessions == [{"tls": False, "login": False}] * 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "mail.example.com", "tls": "none"}, "allow_plaintext = true"),
        ({"username": "mantissa"}, "both or neither"),
        ({"sender": "nobody"}, "an address: name@example.com"),
        ({"sender": "a@example.com\r\nBcc: eve@example.com"}, "address"),
        ({"to": ["amara@example.com, lin@example.com"]}, "address"),
        ({"to": []}, "at least 1 item"),
        ({"to": ["zoe@exämple.com"]}, "ASCII"),
        ({"subject_prefix": "x\ny"}, "pattern"),
    ],
    ids=["plain", "password", "name", "injection", "two", "nobody", "ascii", "prefix"],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], words: str) -> None:
    whole = {"host": "mail.example.com", "sender": "mantissa@example.com", "to": [AMARA], **settings}
    with pytest.raises(ValidationError, match=words):
        SMTP.Config.model_validate(whole)


def test_a_repeat_has_the_same_id_and_later_messages_refer_to_the_first(
    mail: FakeSMTP, certificate: tuple[Path, Path]
) -> None:
    first = sink(mail, certificate).deliver(delivery())
    sink(mail, certificate).deliver(delivery())
    made = delivery("kit-2")
    over = replace(made, event="resolved", previous=first.reference, alert=replace(made.alert, status="resolved"))
    last = sink(mail, certificate).deliver(over)
    assert last.reference == first.reference
    one, again, end = (message for _, message in mail.mails)
    assert one["Message-ID"] == again["Message-ID"] == "<kit-1@example.com>"
    assert (one["References"], one["In-Reply-To"]) == (None, None)
    assert end["Message-ID"] == "<kit-2@example.com>"
    assert end["In-Reply-To"] == end["References"] == "<kit-1@example.com>"
    assert end["Subject"] == f"Re: {one['Subject']}"


def test_those_whom_the_server_takes_get_the_message_and_the_others_are_told_of(
    mail: FakeSMTP, certificate: tuple[Path, Path]
) -> None:
    mail.replies[LIN] = "550 5.1.1 no such user"
    subject = sink(mail, certificate, to=[AMARA, LIN, NOOR])
    receipt = subject.deliver(delivery())
    assert [to for to, _ in mail.mails] == [[AMARA, NOOR]]
    assert receipt.detail["refused"] == [LIN]
    with pytest.raises(NeedsOperator, match=r"refuses recipients: lin@example.com: 550 5.1.1 no such user"):
        subject.check()


def test_a_recipient_who_is_refused_for_now_gets_it_later_and_nobody_gets_it_twice(
    mail: FakeSMTP, certificate: tuple[Path, Path]
) -> None:
    mail.replies[LIN] = "450 4.2.0 greylisted"
    subject = sink(mail, certificate, to=[AMARA, LIN])
    with pytest.raises(Retry, match=r"refuses recipients: lin@example.com: 450 4.2.0 greylisted"):
        subject.deliver(delivery())
    mail.replies.clear()
    subject.deliver(replace(delivery(), attempt=2))
    assert [to for to, _ in mail.mails] == [[AMARA], [LIN]]


@pytest.mark.parametrize(
    ("place", "reply", "error", "words"),
    [
        ("MAIL", "421 4.3.2 shutting down", Retry, "answered 421"),
        ("MAIL", "452 4.3.1 no space", Retry, "answered 452"),
        ("MAIL", "553 5.7.1 not your address", NeedsOperator, "the login may not send as Mantissa Log"),
        (AMARA, "450 4.2.1 mailbox busy", Retry, "450 4.2.1 mailbox busy"),
        (AMARA, "550 5.1.1 no such user", NeedsOperator, "550 5.1.1 no such user"),
        ("DATA", "451 4.3.0 try again", Retry, "answered 451"),
        ("DATA", "552 5.3.4 too large", NeedsOperator, "552 5.3.4 too large"),
        ("DATA", "554 5.7.1 spam", NeedsOperator, "554 5.7.1 spam"),
    ],
    ids=["421", "452", "553", "450", "550", "451", "552", "554"],
)
def test_what_the_server_says_decides_what_happens_next(
    mail: FakeSMTP, certificate: tuple[Path, Path], place: str, reply: str, error: type[Exception], words: str
) -> None:
    mail.replies[place] = reply
    with pytest.raises(error, match=words):
        sink(mail, certificate).deliver(delivery())
    assert mail.mails == []


def test_a_wrong_password_needs_the_operator_also_when_only_checked(
    mail: FakeSMTP, certificate: tuple[Path, Path]
) -> None:
    wrong = sink(mail, certificate, password="another-one")
    for act in (wrong.check, lambda: wrong.deliver(delivery())):
        with pytest.raises(NeedsOperator, match=r"answered 535 .*: check username and password") as caught:
            act()
        assert "another-one" not in str(caught.value)


def test_a_server_that_repeats_the_password_is_not_quoted(mail: FakeSMTP, certificate: tuple[Path, Path]) -> None:
    mail.inject(Fault.REFUSED)
    with pytest.raises(NeedsOperator, match=r"535 5\.7\.8 \w+ \*\*\* \*\*\* refused"):
        sink(mail, certificate).deliver(delivery())


def test_a_check_sends_nothing(mail: FakeSMTP, certificate: tuple[Path, Path]) -> None:
    sink(mail, certificate).check()
    assert mail.mails == []
    assert mail.sessions == [{"tls": True, "login": True}]


def test_a_server_that_is_not_there_is_a_retry(certificate: tuple[Path, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"host": "127.0.0.1", "port": port, "sender": "m@example.com", "to": [AMARA]}
    with pytest.raises(Retry, match="cannot be reached"):
        SMTP(SMTP.Config.model_validate(settings)).deliver(delivery())


def test_a_server_that_hangs_up_is_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def hang_up() -> None:
            rude.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        settings = {"host": "127.0.0.1", "port": rude.getsockname()[1], "sender": "m@example.com", "to": [AMARA]}
        with pytest.raises(Retry, match="cannot be reached"):
            SMTP(SMTP.Config.model_validate(settings)).deliver(delivery())
        thread.join()


def test_a_ca_file_that_is_none_needs_the_operator(
    mail: FakeSMTP, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(NeedsOperator, match=f"ca_file: .*{name}"):
            sink(mail, certificate, ca_file=tmp_path / name).deliver(delivery())


def test_mail_about_a_hostile_alert_has_only_our_headers(mail: FakeSMTP, certificate: tuple[Path, Path]) -> None:
    nasty = "x\r\nBcc: eve@example.com\r\n\r\n<b>"
    made = delivery("kit\r\nBcc: eve@example.com", summary=nasty, id=nasty, rule_name=nasty)
    sink(mail, certificate).deliver(Delivery(made.key, "updated", made.alert, previous=f"<a@b>{nasty}"))
    [(to, message)] = mail.mails
    assert to == [AMARA]
    ours = ["Alert", "Severity", "Key"]
    usual = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
    assert sorted(message.keys()) == sorted([*usual, *(f"X-Mantissa-{each}" for each in ours)])
