"""core.syslog: messages as they come, framed as they come."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.model import Blob
from mantissa_core.parse import cef
from mantissa_core.parse.syslog import Syslog, translate, zone_of
from mantissa_core.parse.syslog_message import parse
from mantissa_core.testing.parser import Decoder, ParserContract, ParserSample
from pydantic import ValidationError

ARRIVED = datetime(2026, 3, 4, 12, tzinfo=UTC)
CONTEXT = {"received": ARRIVED.isoformat(), "sender": "192.0.2.7"}


def said(text: str, zone: Any = UTC, reference: datetime = ARRIVED) -> dict[str, Any]:
    found = parse(text, zone, reference)
    return {name: value for name in found.__struct_fields__ if (value := getattr(found, name)) is not None}


def decode(content: bytes, offset: int = 0, **settings: Any) -> list[Any]:
    parser = Syslog(Syslog.Config(**settings))
    return list(parser.decode(Blob("o", "n", lambda: io.BytesIO(content), offset, context=CONTEXT)))


class TestSyslog(ParserContract):
    translated = True
    plain_text = True
    samples = (
        ParserSample(
            b"<34>1 2026-03-04T09:15:02.003Z web-1 su - ID47 - hello\n"
            b"Mar  4 09:15:03 web-1 sshd[4711]: Accepted\r\n\n"
            b"28 <13>Mar  4 09:15:04 a b: c\nd"
            b"\n<13>just text\n",
            records=(
                {
                    "message": "hello",
                    "timestamp": "2026-03-04T09:15:02.003Z",
                    "priority": 34,
                    "facility": "auth",
                    "severity": "crit",
                    "hostname": "web-1",
                    "app_name": "su",
                    "msg_id": "ID47",
                    "protocol": "rfc5424",
                    **CONTEXT,
                },
                {
                    "message": "Accepted",
                    "timestamp": "2026-03-04T09:15:03Z",
                    "timestamp_text": "Mar  4 09:15:03",
                    "hostname": "web-1",
                    "app_name": "sshd",
                    "proc_id": "4711",
                    "protocol": "rfc3164",
                    **CONTEXT,
                },
                {
                    "message": "c\nd",
                    "timestamp": "2026-03-04T09:15:04Z",
                    "timestamp_text": "Mar  4 09:15:04",
                    "priority": 13,
                    "facility": "user",
                    "severity": "notice",
                    "hostname": "a",
                    "app_name": "b",
                    "protocol": "rfc3164",
                    **CONTEXT,
                },
                {
                    "message": "just text",
                    "priority": 13,
                    "facility": "user",
                    "severity": "notice",
                    "protocol": "rfc3164",
                    **CONTEXT,
                },
            ),
            context=CONTEXT,
        ),
    )

    def make_parser(self) -> Decoder:
        return Syslog(Syslog.Config())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            ("2025-10-11T22:14:15Z", "mymachine", "su", None, "'su root' failed for lonvick on /dev/pts/8"),
        ),
        ("Mar  4 09:15:02 gw sshd[47]: Failed", ("2026-03-04T09:15:02Z", "gw", "sshd", "47", "Failed")),
        ("<13>Mar  4 09:15:02 su: local", ("2026-03-04T09:15:02Z", None, "su", None, "local")),
        ("<13>Mar  4 09:15:02 gw no tag here", ("2026-03-04T09:15:02Z", "gw", None, None, "no tag here")),
        ("<13>Mar  4 09:15:02.250 10.0.0.1 a: x", ("2026-03-04T09:15:02.250Z", "10.0.0.1", "a", None, "x")),
        ("<13>Mar  4 09:15:02 fe80::1 a: x", ("2026-03-04T09:15:02Z", "fe80::1", "a", None, "x")),
        ("<30>Mar  4 09:15:02 gw kernel: [12.3] usb", ("2026-03-04T09:15:02Z", "gw", "kernel", None, "[12.3] usb")),
        ("<29>Mar  4 09:15:02 2026 gw a: x", ("2026-03-04T09:15:02Z", "gw", "a", None, "x")),
        ("2026-03-04T09:15:02.1+01:00 gw a[1]: x", ("2026-03-04T09:15:02.1+01:00", "gw", "a", "1", "x")),
        ("<13>2026-03-04 09:15:02,5 gw a: x", ("2026-03-04T09:15:02.5Z", "gw", "a", None, "x")),
        (
            "<189>29: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured",
            ("2026-03-01T18:46:11.123Z", None, "%SYS-5-CONFIG_I", None, "Configured"),
        ),
        (
            "<189>245: rtr1: *Mar  1 18:46:11: %LINK-3-UPDOWN: up",
            ("2026-03-01T18:46:11Z", "rtr1", "%LINK-3-UPDOWN", None, "up"),
        ),
        ("<166>Jan 31 2026 10:10:10 fw : %ASA-6-1: x", ("2026-01-31T10:10:10Z", "fw", "%ASA-6-1", None, "x")),
        ("<166>:Jan 31 10:10:10 EST: %ASA-6-1: x", ("2026-01-31T10:10:10Z", None, "%ASA-6-1", None, "x")),
        ("<187>%ASA-3-710003: denied", (None, None, "%ASA-3-710003", None, "denied")),
        ("<13>warning disk: full", (None, None, None, None, "warning disk: full")),
        ("<34>Feb 31 10:00:00 gw a: no such day", (None, "gw", "a", None, "no such day")),
        ("<34>Mar  4 25:00:00 gw a: no such hour", (None, "gw", "a", None, "no such hour")),
        ("<34>Mar  4 09:60:00 gw a: no such minute", (None, "gw", "a", None, "no such minute")),
        ("<34>Mar  4 09:15:61 gw a: no such second", (None, "gw", "a", None, "no such second")),
        ("<34>Mar  4 09:15:60.5 gw a: leap second", ("2026-03-04T09:15:59.5Z", "gw", "a", None, "leap second")),
        ("<999>x", (None, None, None, None, "<999>x")),
        (
            "<134>1 1563249630.774247467 mx84 flows src=192.0.2.1 x",
            ("2019-07-16T04:00:30.774247467Z", "mx84", "flows", None, "src=192.0.2.1 x"),
        ),
    ],
)
def test_dialects_of_rfc_3164(text, expected):
    found = said(text)
    assert tuple(found.get(name) for name in ("timestamp", "hostname", "app_name", "proc_id", "message")) == expected


def test_structured_data_keeps_escapes_repeats_and_what_is_broken():
    start = "<165>1 2026-03-04T09:15:02Z gw app 7 ID47 "
    whole = said(start + r'[a@1 iut="3" q="say \"hi\" \\ \] c:\dir" e=""][b] ' + "\ufeffmessage é")
    assert whole["structured_data"] == {"a@1": {"iut": "3", "q": r'say "hi" \ ] c:\dir', "e": ""}, "b": {}}
    assert whole["message"] == "message é"
    assert said(start + '[a x="1" x="2" x="3"] m')["structured_data"] == {"a": {"x": ["1", "2", "3"]}}
    assert said(start + '[a x="1"]')["message"] == ""
    broken = said(start + '[a x="1"][b y="2 m')
    assert (broken["structured_data"], broken["message"]) == ({"a": {"x": "1"}}, '[b y="2 m')
    assert said("<165>1 - - - - - - only this") | {"priority": 165} == {
        "message": "only this",
        "priority": 165,
        "facility": "local4",
        "severity": "notice",
        "protocol": "rfc5424",
    }


@pytest.mark.parametrize(
    ("text", "arrived", "expected"),
    [
        ("Dec 31 23:59:59 a b: c", "2026-01-01T00:00:05+00:00", "2025-12-31T23:59:59Z"),
        ("Jan  1 00:00:01 a b: c", "2025-12-31T23:59:59+00:00", "2026-01-01T00:00:01Z"),
        ("Mar  5 11:59:59 a b: c", "2026-03-04T12:00:00+00:00", "2026-03-05T11:59:59Z"),
        ("Mar  5 12:00:01 a b: c", "2026-03-04T12:00:00+00:00", "2025-03-05T12:00:01Z"),
        ("Feb 29 10:00:00 a b: c", "2026-03-04T12:00:00+00:00", "2024-02-29T10:00:00Z"),
    ],
)
def test_a_time_without_a_year_is_the_latest_that_can_be(text, arrived, expected):
    assert said(text, reference=datetime.fromisoformat(arrived))["timestamp"] == expected


def test_times_without_a_zone_are_in_the_configured_one():
    zone = ZoneInfo("Europe/Amsterdam")
    assert said("Mar  4 09:15:02.5 a b: c", zone)["timestamp"] == "2026-03-04T09:15:02.5+01:00"
    assert said("Jul  4 09:15:02 a b: c", zone)["timestamp"] == "2025-07-04T09:15:02+02:00"
    assert said("Mar  4 09:15:02 UTC: %A-1-B: c", zone)["timestamp"] == "2026-03-04T09:15:02Z"
    with pytest.raises(ValidationError, match="Europe/Amsterdam"):
        Syslog.Config(timezone="Atlantis/Capital")


def test_the_time_as_it_stood_is_kept_where_it_was_another_text():
    assert said("Mar  4 09:15:02 a b: c")["timestamp_text"] == "Mar  4 09:15:02"
    assert "timestamp_text" not in said("2026-03-04T09:15:02Z a b: c")


@pytest.mark.parametrize("counted", [False, True])
def test_a_message_that_is_too_long_is_passed_over_and_the_next_is_read(counted):
    long = b"<13>" + b"x" * 3_000_000
    content = (b"%d %s" % (len(long), long)) if counted else long + b"\n"
    steps = decode(b"<13>a: before\n" + content + b"<13>a: after\n", max_message_bytes=1_000)
    assert [json.loads(each)["message"] for step in steps for each in step.records] == ["before", "after"]
    (rejected,) = [each for step in steps for each in step.rejected]
    assert (rejected.size, rejected.position, len(rejected.raw)) == (len(long), 14, 1_000)
    assert "longer than max_message_bytes = 1,000" in rejected.reason
    assert steps[-1].end == 14 + len(content) + 13


def test_bytes_that_are_no_text_are_kept_readable():
    (record,) = [each for step in decode(b"<13>a: \xff\x00\x1b[2J") for each in step.records]
    assert json.loads(record)["message"] == "\\xff\x00\x1b[2J"


@pytest.mark.parametrize(
    ("program", "message", "expected"),
    [
        (
            "sshd",
            "Failed password for invalid user noor from 203.0.113.5 port 50022 ssh2",
            "login failure noor 203.0.113.5",
        ),
        ("sshd", "Failed password for root from 2001:db8::5 port 22 ssh2", "login failure root 2001:db8::5"),
        (
            "sshd-session",
            "Accepted publickey for amara from 203.0.113.5 port 50022 ssh2: ED25519 SHA256:x",
            "login success amara 203.0.113.5",
        ),
        ("sshd", "Invalid user  from 203.0.113.5 port 50022", "login failure None 203.0.113.5"),
        (
            "sshd",
            "Failed password for invalid user x from 192.0.2.1 port 1 ssh2 from 203.0.113.5 port 2 ssh2",
            "login failure x from 192.0.2.1 port 1 ssh2 203.0.113.5",
        ),
        ("sshd", "Failed none for invalid user noor from 203.0.113.5 port 50022 ssh2", None),
        ("sshd", "Connection closed by 203.0.113.5 port 50022 [preauth]", None),
        (
            "sshd",
            "pam_unix(sshd:session): session opened for user amara(uid=1000) by (uid=0)",
            "session success amara None",
        ),
        ("sudo", "   amara : TTY=pts/0 ; PWD=/home ; USER=root ; COMMAND=/bin/ls", "command success amara None root"),
        (
            "sudo",
            "amara : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
            "command failure amara None root",
        ),
        (
            "sudo",
            "noor : user NOT in sudoers ; PWD=/ ; USER=root ; ENV=A ; COMMAND=/bin/ls",
            "command failure noor None root",
        ),
        ("su", "(to root) amara on pts/1", "session success amara None root"),
        ("su", "FAILED SU (to root) amara on pts/1", "session failure amara None root"),
        (
            "su",
            "pam_unix(su:session): session opened for user root by amara(uid=1000)",
            "session success amara None root",
        ),
        ("cron", "Failed password for root from 203.0.113.5 port 22 ssh2", None),
    ],
)
def test_sign_ins_and_commands_are_taken_apart(program, message, expected):
    found = parse(f"<38>Mar  4 09:15:02 web-1 {program}[1]: {message}", UTC, ARRIVED).auth
    parts = found and [found.event, found.result, found.user, found.address, *([found.target] if found.target else [])]
    assert (parts and " ".join(map(str, parts))) == expected


PIECES = st.sampled_from(
    [
        *("<34>", "<191>", "1", "0", "-", ":", "*", "%", "[", "]", "=\\", ";", "\u0663", "\ufeff", "\x00"),
        *("0001-01-01T00:00:00", "9999-12-31T23:59:59.999Z", "0000-00-00T00:00:00+99:99", "2026-03-04T09:15:60Z"),
        *(
            "Mar",
            "Feb",
            "29",
            "31",
            "23:59:60",
            "24:00:00",
            "2026",
            "0000",
            "UTC",
            "EST",
            "99999999999",
            "1563249630.5",
        ),
        *("host", "app[1]:", "sshd[1]:", "sudo:", "su:", "%A-1-B:", '[a b="c"]', "CEF:0|", "a|b|c|d|e|f|", "rt=1"),
        *("rt=99999999999999", "end=Mar", "PWD=", "USER=x", "COMMAND=", "Failed", "password", "for", "from", "port"),
        *("pam_unix(sshd:session):", "session", "opened", "user"),
    ]
)


@given(st.lists(PIECES, max_size=14).map(" ".join), st.sampled_from(["UTC", "Europe/Amsterdam", "Pacific/Kiritimati"]))
def test_whatever_is_said_is_kept(text, name):
    zone = zone_of(name)
    assert isinstance(parse(text, zone, ARRIVED).message, str)
    assert json.loads(translate(text, zone, ARRIVED, {}))["message"] in text
    found = cef.translate(text, zone, ARRIVED, {})
    assert found is None or json.loads(found)["extension"] is not None
