from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from mantissa_core.model import Blob, Decoded
from mantissa_core.testing.parser import ParserContract, ParserSample
from mantissa_jamf.parser import LONGEST, JamfProLog

ACCESS = (
    b"[JSSACCESSLOG] 2025-03-04T09:15:02,679 - username=amara, status=Successful Login, "
    b"ipAddress=203.0.113.17, entryPoint=Single Sign On (OIDC)\n"
)
SIGN_IN = {
    "log": "access",
    "time": "2025-03-04T09:15:02,679",
    "username": "amara",
    "status": "Successful Login",
    "ipAddress": "203.0.113.17",
    "entryPoint": "Single Sign On (OIDC)",
}
HEAD = (
    "[CHANGEMANAGEMENT] 2025-03-04T09:16:40,039 [INFO ] [Tomcat-380 ] [file                     ] - "
    "[lin@example.com (ID: 7)] [DELETE] [Computer] [2025-03-04T09:16:40.039+0000]"
)
CHANGE = {
    "log": "change-management",
    "level": "INFO",
    "thread": "Tomcat-380",
    "username": "lin@example.com",
    "userId": "7",
    "operation": "DELETE",
    "objectType": "Computer",
    "eventTime": "2025-03-04T09:16:40.039+0000",
}
DETAILS = "\tID             2430\n\tName ......... MAC-0088"
DETAILED = {**CHANGE, "objectId": "2430", "objectName": "MAC-0088", "details": DETAILS}


def stream(time: str, message: str) -> bytes:
    """A line of the Jamf Log Stream."""
    return json.dumps({"time": time, "message": message}).encode() + b"\n"


class TestLogs(ParserContract):
    translated = True
    samples = (
        ParserSample(ACCESS + ACCESS.replace(b"amara", b"lin"), (SIGN_IN, {**SIGN_IN, "username": "lin"})),
        ParserSample(
            stream("2025-03-04T09:15:02.6801Z", ACCESS.decode().strip())
            + stream("2025-03-04T09:16:40.04Z", f"{HEAD}\n{DETAILS}")
            + b'{"webhook": {"id": 4, "webhookEvent": "JSSStartup"}, "event": {}}\n',
            (
                {**SIGN_IN, "time": "2025-03-04T09:15:02.6801Z", "loggedTime": "2025-03-04T09:15:02,679"},
                {**DETAILED, "time": "2025-03-04T09:16:40.04Z"},
                {"webhook": {"id": 4, "webhookEvent": "JSSStartup"}, "event": {}},
            ),
        ),
        ParserSample(b"Started\n" + ACCESS + b"[1] something else\n" + HEAD.encode() + b"\n", (SIGN_IN, CHANGE), 2),
    )

    def make_parser(self) -> JamfProLog:
        return JamfProLog(JamfProLog.Config())


def decode(content: bytes, offset: int = 0, *, final: bool = True) -> list[Decoded]:
    blob = Blob("origin", "JAMFChangeManagement.log", lambda: io.BytesIO(content), offset, final)
    return list(JamfProLog(JamfProLog.Config()).decode(blob))


def records(steps: list[Decoded]) -> list[dict[str, Any]]:
    return [json.loads(record) for step in steps for record in step.records]


def reasons(steps: list[Decoded]) -> list[str]:
    return [each.reason for step in steps for each in step.rejected]


def test_the_lines_below_a_change_are_its_details() -> None:
    content = f"{HEAD}\n{DETAILS}\n{HEAD}\nUNKNOWN\n".encode()
    assert records(decode(content)) == [DETAILED, {**CHANGE, "details": "UNKNOWN"}]


def test_the_last_change_of_a_growing_file_waits_for_its_details() -> None:
    begun = f"{HEAD}\n\tID             2430\n".encode()
    steps = decode(begun, final=False)
    assert (records(steps), steps[-1].end) == ([], 0)
    whole = f"{HEAD}\n{DETAILS}\n".encode() + ACCESS
    steps = decode(whole, steps[-1].end, final=False)
    assert records(steps) == [DETAILED, SIGN_IN]
    assert steps[-1].end == len(whole)


def test_a_change_whose_last_line_is_cut_is_rejected() -> None:
    steps = decode(f"{HEAD}\n\tID             24".encode())
    assert (records(steps), reasons(steps)) == ([], ["the text ends in the middle of this entry"])


def test_endless_details_are_rejected_without_being_held() -> None:
    content = f"{HEAD}\n".encode() + (b"\tPayload " + b"x" * 1000 + b"\n") * (16 * LONGEST // 1000) + ACCESS
    tracemalloc.start()
    steps = decode(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert records(steps) == [SIGN_IN]
    [rejected] = [each for step in steps for each in step.rejected]
    assert "more than 1,048,576 bytes" in rejected.reason
    assert len(rejected.raw) <= 64 * 1024 < rejected.size
    assert peak < 12 * LONGEST


def test_a_user_name_cannot_forge_the_rest_of_the_line() -> None:
    name = "x, status=Successful Login, ipAddress=192.0.2.1, entryPoint=JSS"
    line = f"2025-03-04 09:15:02,679: username={name}, status=Failed Login, ipAddress=198.51.100.66, entryPoint=JSS\n"
    [event] = records(decode(line.encode()))
    assert (event["username"], event["status"], event["ipAddress"]) == (name, "Failed Login", "198.51.100.66")


def test_an_empty_user_name_is_none() -> None:
    [event] = records(decode(ACCESS.replace(b"amara", b"")))
    assert "username" not in event


@pytest.mark.parametrize(
    "line",
    [
        b'{"time": "2025-03-04T09:15:02Z", "message": "restarted"}\n',
        b'{"time": "2025-03-04T09:15:02Z", "message": 7}\n',
        b'{"message"\n',
        b'{"message": "' + b'{"message": ' * 2000 + b"\n",
    ],
)
def test_an_object_that_holds_no_entry_stays_as_it_is(line: bytes) -> None:
    [step] = [step for step in decode(line) if step.records]
    assert list(step.records) == [line.rstrip(b"\n")]


def test_bytes_that_are_no_text_are_rejected() -> None:
    assert reasons(decode(ACCESS.replace(b"amara", b"\xff"))) == ["not UTF-8"]
