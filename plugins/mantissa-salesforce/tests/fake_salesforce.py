"""Salesforce's REST API over the wire, as far as a collector of its logs can tell."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

CLIENT, USER = "3MVG9consumer-key-of-the-tests", "mantissa@example.com"
AUDIENCE = "https://login.salesforce.com"
DATA = "/services/data/v62.0"
HEADER = '"EVENT_TYPE","TIMESTAMP","REQUEST_ID","USER_ID","TIMESTAMP_DERIVED"'
_FILES = re.compile(
    r"SELECT Id, EventType, LogDate, CreatedDate, LogFileLength FROM EventLogFile WHERE Interval = '(?P<interval>\w+)'"
    r"(?: AND EventType IN \((?P<types>[^)]*)\))? AND CreatedDate >= (?P<since>\S+) AND CreatedDate < (?P<until>\S+)"
    r"(?: AND \(CreatedDate > (?P<made>\S+) OR \(CreatedDate = (?P=made) AND Id > '(?P<id>\w+)'\)\))?"
    r" ORDER BY CreatedDate, Id LIMIT (?P<limit>\d+)"
)
_LOGINS = re.compile(
    r"SELECT FIELDS\(STANDARD\) FROM LoginHistory WHERE LoginTime >= (?P<since>\S+) AND LoginTime < (?P<until>\S+)"
    r" ORDER BY LoginTime"
)


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def pem() -> str:
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key().private_bytes(kind, form, serialization.NoEncryption()).decode()


class FakeSalesforce(FakeVendor):
    """One organisation. Each event is a file of one row, and a sign-in. A refused limit is a 403."""

    limit_headers = None
    throttled_status = 403
    faults = FakeVendor.faults | {Fault.TOKEN_LAPSED}

    def __init__(self, log: str = "login") -> None:
        super().__init__()
        if log == "event_log":  # no cursor, and always in order
            unable = {Fault.ENDLESS, Fault.BIG_CURSORS, Fault.EMPTY_PAGE, Fault.SHUFFLED, Fault.DUPLICATES}
            self.faults = FakeSalesforce.faults - unable
        self.tokens: list[str] = []
        self._good: set[str] = set()
        self._queries: dict[str, tuple[datetime, datetime]] = {}

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self._good

    def other(self, request: Request) -> Answer | None:
        if request.route != "/services/oauth2/token":
            return None
        form = request.form
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" or not _genuine(form["assertion"]):
            return Answer(400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"})
        self.tokens.append(f"00D!session-{len(self.tokens)}")
        self._good.add(self.tokens[-1])
        return Answer(200, {"access_token": self.tokens[-1], "instance_url": self.url, "token_type": "Bearer"})

    def lapse(self) -> None:
        self._good.clear()

    def events(self, request: Request) -> Answer:
        if request.route == f"{DATA}/query":
            soql = request.query["q"]
            if found := re.fullmatch(r"SELECT Id FROM (EventLogFile|LoginHistory) LIMIT 1", soql):
                return Answer(200, {"totalSize": 0, "done": True, "records": [], "of": found[1]})
            if files := _FILES.fullmatch(soql):
                return self._files(files)
            if logins := _LOGINS.fullmatch(soql):
                return self._logins(_moment(logins["since"]), _moment(logins["until"]), None)
            raise Refused(400, "MALFORMED_QUERY")
        if request.route.startswith(f"{DATA}/query/01g"):
            cursor = request.route.removeprefix(f"{DATA}/query/01g")
            if not self.knows(cursor):
                raise Refused(400, "INVALID_QUERY_LOCATOR")
            return self._logins(*self._queries[cursor], cursor)
        if file := re.fullmatch(rf"{DATA}/sobjects/EventLogFile/(\w+)/LogFile", request.route):
            for event in self.ledger.between():
                if file_id(event) == file[1]:
                    return Answer(200, csv(event), {"Content-Type": "application/octetstream"})
        raise Refused(404, "NOT_FOUND")

    def _files(self, query: re.Match[str]) -> Answer:
        since, until = _moment(query["since"]), _moment(query["until"])
        keyed = sorted((_text(event.time), file_id(event), event) for event in self.ledger.between(since, until))
        after = (_text(_moment(query["made"])), query["id"]) if query["made"] else ("", "")
        rest = [event for made, number, event in keyed if (made, number) > after]
        records = [file(event) for event in rest[: int(query["limit"])]]
        return Answer(200, {"totalSize": len(records), "done": True, "records": records})

    def _logins(self, since: datetime, until: datetime, cursor: str | None) -> Answer:
        served = self.page(self.ledger.between(since, until), cursor, self.page_size)
        records = [login(event) for event in served.events]
        body = {"totalSize": len(records), "done": served.cursor is None, "records": records}
        if served.cursor is not None:
            self._queries[served.cursor] = since, until
            body["nextRecordsUrl"] = f"{DATA}/query/01g{served.cursor}"
        return Answer(200, body)

    def refusal(self, status: int, code: str) -> Answer:
        codes = {401: "INVALID_SESSION_ID", 403: "REQUEST_LIMIT_EXCEEDED", 500: "UNKNOWN_EXCEPTION"}
        return Answer(status, [{"message": "refused", "errorCode": code or codes.get(status, "INVALID")}])


def _genuine(assertion: str) -> bool:
    """Whether the assertion is signed with the key whose certificate the app has, and holds for minutes only."""
    signed, _, signature = assertion.rpartition(".")
    try:
        key().public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    claims = json.loads(_decoded(signed.split(".")[1]))
    named = {name: claims[name] for name in ("iss", "sub", "aud")} == {"iss": CLIENT, "sub": USER, "aud": AUDIENCE}
    return named and 0 < claims["exp"] - time.time() <= 300


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def file_id(event: Event) -> str:
    return f"0AT{hashlib.sha256(event.id.encode()).hexdigest()[:15]}"


def csv(event: Event) -> bytes:
    """The file of an event: one row."""
    row = f'"Login","20250304090000.000","{event.id}","0055j000000utlP","{_text(event.time)}"'
    return f"{HEADER}\n{row}\n".encode()


def file(event: Event) -> dict[str, Any]:
    """An EventLogFile as a query shows it."""
    return {
        "attributes": {"type": "EventLogFile", "url": f"{DATA}/sobjects/EventLogFile/{file_id(event)}"},
        "Id": file_id(event),
        "EventType": "Login",
        "LogDate": _text(event.time),
        "CreatedDate": _text(event.time),
        "LogFileLength": float(len(csv(event))),
    }


def login(event: Event) -> dict[str, Any]:
    """A LoginHistory as a query shows it."""
    return {
        "attributes": {"type": "LoginHistory", "url": f"{DATA}/sobjects/LoginHistory/{event.id}"},
        "Id": event.id,
        "UserId": "0055j000000utlPAAQ",
        "LoginTime": _text(event.time),
        "LoginType": "Application",
        "SourceIp": "203.0.113.17",
        "Status": "Success",
    }
