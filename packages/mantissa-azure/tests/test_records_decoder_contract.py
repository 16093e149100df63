from __future__ import annotations

import json

from fake_capture import captured, wrapped
from mantissa_azure.parser import RecordsFile
from mantissa_core.testing.parser import ParserContract, ParserSample

RECORDS = tuple({"category": "Administrative", "operationName": f"op {number}"} for number in range(4))
LINES = b"".join(json.dumps(record).encode() + b"\r\n" for record in RECORDS)


class TestLines(ParserContract):
    samples = (ParserSample(LINES, RECORDS),)

    def make_parser(self) -> RecordsFile:
        return RecordsFile(RecordsFile.Config())


class TestDocument(ParserContract):
    samples = (ParserSample(wrapped(RECORDS), RECORDS), ParserSample(b' {"records" : [ ] }', ()))

    def make_parser(self) -> RecordsFile:
        return RecordsFile(RecordsFile.Config())


class TestCapture(ParserContract):
    samples = (
        ParserSample(captured(wrapped(RECORDS[:2]), wrapped(RECORDS[2:])), RECORDS),
        ParserSample(captured(None, b"", wrapped([]), json.dumps(RECORDS[0]).encode()), RECORDS[:1]),
        ParserSample(captured(json.dumps(RECORDS[:3]).encode(), b"no JSON"), RECORDS[:3], rejected=1),
        ParserSample(captured(wrapped(RECORDS), codec="deflate"), RECORDS),
        ParserSample(
            captured(wrapped([*RECORDS, {"category": "AuditLogs"}])),
            RECORDS,
            context={"categories": ["Administrative"]},
        ),
    )
    translated = True

    def make_parser(self) -> RecordsFile:
        return RecordsFile(RecordsFile.Config())
