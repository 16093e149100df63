"""EC2 and S3 over the wire: moto, behind a small proxy that refuses and fails as AWS does."""

from __future__ import annotations

import http.client
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request

_REFUSALS = {
    Fault.BUSY: (503, "RequestLimitExceeded"),
    Fault.SERVER_ERROR: (500, "InternalError"),
    Fault.REFUSED: (401, "AuthFailure"),
    Fault.REJECTED: (403, "UnauthorizedOperation"),
}


_EC2 = "{http://ec2.amazonaws.com/doc/2016-11-15}"
_FILTERS = {"addresses.association.public-ip": "publicIp", "ipv6-addresses.ipv6-address": "ipv6Address"}
"""Filters that moto does not know, and the element that they are about."""


class FakeInventory(FakeHTTP):
    """Forwards to moto. ``foreign`` are buckets of other accounts, which S3 denies.

    ``public`` says which address moto's are to be seen as: it gives those of this machine away as public ones.
    """

    faults = frozenset({*_REFUSALS, Fault.TIMEOUT, Fault.TRUNCATED})

    def __init__(self, moto: str) -> None:
        super().__init__()
        self._moto = urlsplit(moto)
        self.foreign: set[str] = set()
        self.public: dict[str, str] = {}
        self._refusal: tuple[int, str] | None = None

    def inject(self, fault: Fault) -> None:
        self._refusal = _REFUSALS.get(fault)
        if self._refusal is None:
            super().inject(fault)

    def heal(self) -> None:
        self._refusal = None
        super().heal()

    def answer(self, request: Request) -> Answer:
        if self._refusal:
            status, code = self._refusal
            echo = f"refused: {request.headers.get('authorization')}"
            return Answer(status, _error(code, echo), {"Content-Type": "text/xml"})
        if request.route.strip("/") in self.foreign:
            return Answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        form = request.form
        if element := _FILTERS.get(form.get("Filter.1.Name", "")):
            values = {self._inside(value) for name, value in form.items() if name.startswith("Filter.1.Value.")}
            plain = {name: value for name, value in form.items() if not name.startswith("Filter.")}
            whole = self._forwarded(request, urlencode(plain).encode())
            return Answer(whole.status, self._seen(_only(whole.content(), element, values)), whole.headers)
        answer = self._forwarded(request, request.body)
        return Answer(answer.status, self._seen(answer.content()), answer.headers)

    def _forwarded(self, request: Request, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._moto.hostname or "", self._moto.port)
        headers = {**request.headers, "content-length": str(len(body))}
        connection.request(request.method, request.path, body, headers)
        answer = connection.getresponse()
        content, kind = answer.read(), answer.getheader("Content-Type", "text/xml")
        connection.close()
        return Answer(answer.status, content, {"Content-Type": kind})

    def _inside(self, address: str) -> str:
        return next((inside for inside, outside in self.public.items() if outside == address), address)

    def _seen(self, body: bytes) -> bytes:
        for inside, outside in self.public.items():
            body = body.replace(inside.encode(), outside.encode())
        return body


def _only(document: bytes, element: str, values: set[str]) -> bytes:
    """The interfaces in which an element of that name has one of the values."""
    root = ElementTree.fromstring(document)  # moto's own answer
    [listed] = root.iter(f"{_EC2}networkInterfaceSet")
    for item in list(listed):
        if not values & {each.text for each in item.iter(f"{_EC2}{element}")}:
            listed.remove(item)
    return ElementTree.tostring(root)


def _error(code: str, message: str) -> bytes:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>".encode()
