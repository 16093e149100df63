"""CSV, syslog and CEF from a file or a socket to typed rows."""

from __future__ import annotations

import socket
import threading

import pytest
from mantissa_core.detect.match.route import answers
from mantissa_core.errors import ConfigError
from mantissa_core.hookspecs import Receiver
from mantissa_core.model.log_type import LogSource
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.push.syslog import SyslogReceiver
from mantissa_core.receiving import Reception

EXPORT = """
name: acme.export
title: Acme export
decoder: acme_export
time: {path: at}
columns:
  - {path: at, description: When.}
  - {path: user, description: Who.}
  - {path: bytes, type: int64, description: How much.}
overlay: {user: [user]}
"""


def rows(runtime, sql):
    return runtime.query(sql).rows.to_pylist()


def test_a_decoder_may_be_set_up_under_a_name_of_its_own(mantissa, tmp_path):
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "acme_export.yaml").write_text(EXPORT)
    (tmp_path / "export.csv").write_text('2026-03-04T09:15:02Z;"a;b";12\nbroken;"open\n2026-03-04T09:15:03Z;lin;7\n')
    own = {"plugin": "core.csv", "columns": ["at", "user", "bytes"], "delimiter": ";", "numbers": ["bytes"]}
    runtime = mantissa(
        parsers={"acme_export": own},
        log_types={"paths": [str(tmp_path / "types")]},
        collectors={"export": {"plugin": "core.file", "path": str(tmp_path / "export.csv"), "log_type": "acme.export"}},
        rules={"packs": False},
    )
    (done,) = runtime.collect("export")
    assert (done.ingested.rows, done.ingested.dead) == (2, 1)
    found = rows(runtime, "SELECT m_user, bytes, m_time FROM acme_export ORDER BY bytes")
    assert [(row["m_user"], row["bytes"], row["m_time"].second) for row in found] == [("lin", 7, 3), ("a;b", 12, 2)]


def test_settings_of_a_decoder_that_is_not_installed_are_refused(mantissa):
    with pytest.raises(ConfigError, match=r"parsers\.acme: found no parser of that name"):
        mantissa(parsers={"acme": {"plugin": "core.no_such"}})


def test_a_syslog_file_that_grows_is_read_on(mantissa, tmp_path):
    log = tmp_path / "messages"
    log.write_text("Mar  4 09:15:02 web-1 sshd[4]: Failed password for noor from 203.0.113.5 port 50022 ssh2\n")
    runtime = mantissa(
        collectors={"messages": {"plugin": "core.file", "path": str(log), "log_type": "core.syslog", "follow": True}},
        rules={"packs": False},
    )
    list(runtime.collect("messages"))
    with log.open("a") as file:
        file.write("Mar  4 09:15:03 web-1 app: two\nMar  4 09:15:04 web-1 app: not compl")
    list(runtime.collect("messages"))
    found = rows(runtime, "SELECT app_name, m_user, m_src_ip, m_action, m_outcome FROM core_syslog ORDER BY m_time")
    assert [tuple(row.values()) for row in found] == [
        ("sshd", "noor", "203.0.113.5", "login", "failure"),
        ("app", None, None, None, None),
    ]


def test_messages_from_the_network_become_rows_of_two_tables(mantissa):
    runtime = mantissa(receivers={"log": {"plugin": "core.syslog", "port": 0}}, rules={"packs": False})
    assert runtime.labels(Receiver) == ["log"]
    receiver, stop = SyslogReceiver(SyslogReceiver.Config(port=0, protocols=("tcp",))), threading.Event()
    reception = Reception(runtime, "log", Direct(receiver), lambda: None)
    thread = threading.Thread(target=reception.listen, args=(stop,))
    thread.start()
    assert receiver.listening.wait(20)
    with socket.create_connection(("127.0.0.1", receiver.port), 20) as line:
        line.sendall(
            b"<38>1 2026-03-04T09:15:02.123456789Z web-1 app - - - hello\n"
            b"<134>Mar  4 09:15:02 fw-1 CEF:0|Example|Wall|1|100|blocked|5|src=203.0.113.5 dst=192.0.2.1 act=deny\n"
        )
    assert reception.added.wait(20)
    stop.set()
    thread.join(20)
    reception.finish()
    found = rows(runtime, "SELECT hostname, message, sender, m_time, m_flags FROM core_syslog")
    assert [(row["hostname"], row["message"], row["sender"], row["m_flags"]) for row in found] == [
        ("web-1", "hello", "127.0.0.1", None)
    ]
    assert found[0]["m_time"].microsecond == 123456
    assert rows(runtime, "SELECT m_src_ip, m_dst_ip, m_action, m_outcome FROM core_cef") == [
        {"m_src_ip": "203.0.113.5", "m_dst_ip": "192.0.2.1", "m_action": "connection", "m_outcome": "failure"}
    ]


class Direct:
    """The receiver as the host calls it: with those arguments that it asks for."""

    def __init__(self, receiver):
        self._receiver = receiver

    def listen(self, submit, stop, decoder):
        self._receiver.listen(submit, stop)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"product": "linux"}, True),
        ({"product": "linux", "service": "sshd"}, True),
        ({"product": "linux", "service": "cron"}, True),
        ({"product": "linux", "service": "auditd"}, False),
        ({"product": "linux", "category": "process_creation"}, False),
        ({"product": "windows", "service": "system"}, False),
        ({"product": "syslog", "service": "syslog"}, True),
        ({"product": "syslog", "service": "cef"}, False),
    ],
)
def test_syslog_answers_for_the_linux_logs_that_it_carries(asked, expected):
    offered = LogTypes.load().get("core.syslog").sigma.logsources
    assert any(answers(each, LogSource(**asked)) for each in offered) is expected
