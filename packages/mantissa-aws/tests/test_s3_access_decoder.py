from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from mantissa_aws.s3_access import S3AccessFile
from mantissa_core.model import Blob
from mantissa_core.testing.parser import ParserContract, ParserSample

USER = "arn:aws:iam::123456789012:user/amara"
HEAD = f"0wner example-logs [04/Mar/2025:09:15:02 +0000] 203.0.113.17 {USER} 7C9E REST.GET.OBJECT"
TAIL = "- s9lzHY= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader example-logs.s3.amazonaws.com TLSv1.3 - Yes eu-west-1"
EVENT = {
    "bucketowner": "0wner",
    "bucket": "example-logs",
    "time": "2025-03-04T09:15:02+00:00",
    "remoteip": "203.0.113.17",
    "requester": USER,
    "requestid": "7C9E",
    "operation": "REST.GET.OBJECT",
    "key": "a/b.txt",
    "objectkey": "a/b.txt",
    "requesturi": "GET /a/b.txt HTTP/1.1",
    "httpstatus": 200,
    "bytessent": 113,
    "objectsize": 113,
    "totaltime": 7,
    "turnaroundtime": 6,
    "useragent": "aws-cli/2.32.6",
    "hostid": "s9lzHY=",
    "signatureversion": "SigV4",
    "ciphersuite": "TLS_AES_128_GCM_SHA256",
    "authenticationtype": "AuthHeader",
    "hostheader": "example-logs.s3.amazonaws.com",
    "tlsversion": "TLSv1.3",
    "aclrequired": "Yes",
    "sourceregion": "eu-west-1",
}


def line(
    key: str = "a/b.txt",
    request: str = '"GET /a/b.txt HTTP/1.1"',
    result: str = "200 - 113 113 7 6",
    clients: str = '"-" "aws-cli/2.32.6"',
    tail: str = TAIL,
) -> str:
    return f"{HEAD} {key} {request} {result} {clients} {tail}\n"


def decode(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Events and the reasons of rejections."""
    decoder = S3AccessFile(S3AccessFile.Config())
    steps = list(decoder.decode(Blob("o", "k", lambda: BytesIO(text.encode()))))
    events = [json.loads(record) for step in steps for record in step.records]
    return events, [each.reason for step in steps for each in step.rejected]


class TestS3AccessFile(ParserContract):
    translated = True
    samples = (
        ParserSample((line() * 2).encode(), (EVENT, EVENT)),
        ParserSample(f"{line()}no line of a log\n{line()}".encode(), (EVENT, EVENT), rejected=1),
    )

    def make_parser(self) -> S3AccessFile:
        return S3AccessFile(S3AccessFile.Config())


def test_keys_are_decoded_twice_and_kept_as_they_are() -> None:
    [event], _ = decode(line(key="2025/%25C3%25BCber%2520uns%2522.txt"))
    assert (event["key"], event["objectkey"]) == ("2025/%25C3%25BCber%2520uns%2522.txt", '2025/über uns".txt')


def test_a_key_with_spaces_and_quotation_marks_is_whole() -> None:
    [event], _ = decode(line(key='my "best" file - 1.txt'))
    assert event["key"] == 'my "best" file - 1.txt'
    assert event["requesturi"] == EVENT["requesturi"]


def test_what_clients_write_does_not_move_the_other_fields() -> None:
    request = '"GET /a?x=" 200 - 1 HTTP/1.1"'
    [event], _ = decode(line(request=request, clients='"http://x/" y" "an "odd" agent" - 7 "'))
    assert event["requesturi"] == request.strip('"')
    assert event["referrer"] == 'http://x/" y'
    assert event["useragent"] == 'an "odd" agent" - 7 '
    assert event | {"requesturi": "", "referrer": "", "useragent": ""} == EVENT | {
        "requesturi": "",
        "referrer": "",
        "useragent": "",
    }


@pytest.mark.parametrize(("request_text", "clients"), [('"-"', '"-" "-"'), ("-", '- "-"')], ids=["quoted", "bare"])
def test_a_line_of_a_batch_has_no_request(request_text: str, clients: str) -> None:
    [event], _ = decode(line(request=request_text, result="204 - - 113 - -", clients=clients))
    assert not {"requesturi", "referrer", "useragent", "bytessent", "totaltime"} & event.keys()
    assert (event["httpstatus"], event["objectsize"], event["key"]) == (204, 113, "a/b.txt")


def test_older_and_newer_lines_have_fewer_and_more_fields() -> None:
    events, _ = decode(line(tail="-") + line(tail="v1 host=") + line(tail=f"{TAIL} one two"))
    assert [sorted(event.keys() & {"versionid", "hostid", "sourceregion", "more"}) for event in events] == [
        [],
        ["hostid", "versionid"],
        ["hostid", "more", "sourceregion"],
    ]
    assert events[2]["more"] == ["one", "two"]


def test_a_time_that_cannot_be_read_stays() -> None:
    events, _ = decode(line().replace("04/Mar/2025:09:15:02 +0000", "yesterday") + line().replace("+0000", "-0730"))
    assert [event["time"] for event in events] == ["yesterday", "2025-03-04T09:15:02-07:30"]


def test_a_line_made_to_be_slow_is_not() -> None:
    hostile = '" "- 200 - ' * 50_000
    events, reasons = decode(line(request=f'"GET {hostile}"') + line(clients=f'"{hostile}" "{hostile}"'))
    assert len(events) + len(reasons) == 2
