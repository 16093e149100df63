"""One syslog message: RFC 5424, RFC 3164 and what devices make of it. Never fails: what is not understood is text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

import msgspec

from . import syslog_auth, syslog_time
from .syslog_auth import Auth

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
"""RFC 5424, 6.2.1."""
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

_PRIORITY = re.compile(r"<(\d{1,3})>")
_RFC5424 = re.compile(r"1 (\S{1,64}) (\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,64})(?: |$)")
_EPOCH = re.compile(r"\d{9,11}(?:\.\d{1,9})?$")
_CISCO = re.compile(r":?(?:\d{1,12}: ){0,2}(?:([A-Za-z0-9][\w.-]{0,254}): )?(?=[*.]?(?:[A-Z][a-z]{2} [ \d]\d |%))")
_TIME = re.compile(syslog_time.TEXT + r":? ?")
_ORIGIN = re.compile(r"(?:([A-Za-z0-9_.:\[\]-]{1,255}) )?:? ?([^\s:\[\]<>]{1,64})(?:\[([^\]\s]{1,64})\])?: ?")
_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.:-]{0,254}) ")
_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,64})((?: [^\s=\]\"]{1,64}=\"(?:[^\"\\\]]|\\.)*\")*) ?\]", re.DOTALL)
_PARAMETER = re.compile(r" ([^\s=\]\"]{1,64})=\"((?:[^\"\\\]]|\\.)*)\"", re.DOTALL)
_ESCAPE = re.compile(r"\\([\"\\\]])")
_BOM = "\ufeff"


class Message(msgspec.Struct, omit_defaults=True):
    """What a message says. ``timestamp`` is ISO 8601 text, ``timestamp_text`` how it stood where it was not."""

    message: str
    timestamp: str | None = None
    timestamp_text: str | None = None
    received: str | None = None
    sender: str | None = None
    priority: int | None = None
    facility: str | None = None
    severity: str | None = None
    hostname: str | None = None
    app_name: str | None = None
    proc_id: str | None = None
    msg_id: str | None = None
    structured_data: dict[str, dict[str, str | list[str]]] | None = None
    protocol: str | None = None
    auth: Auth | None = None


def parse(text: str, zone: tzinfo, reference: datetime) -> Message:
    """Take ``text`` apart. ``zone`` is that of times that name none, ``reference`` is when it came."""
    found = Message("")
    _take_apart(found, text, zone, reference)
    if found.app_name is not None:
        found.auth = syslog_auth.read(found.app_name, found.message)
    return found


def _take_apart(found: Message, text: str, zone: tzinfo, reference: datetime) -> None:
    if (priority := _PRIORITY.match(text)) and int(priority[1]) < 192:
        found.priority = number = int(priority[1])
        found.facility, found.severity = FACILITIES[number >> 3], SEVERITIES[number & 7]
        text = text[priority.end() :]
        if header := _RFC5424.match(text):
            _rfc5424(found, header, text)
            return
    _rfc3164(found, text, zone, reference)


def _rfc5424(found: Message, header: re.Match[str], text: str) -> None:
    found.protocol = "rfc5424"
    time, host, app, process, kind = header.groups()
    if _EPOCH.match(time):
        found.timestamp, found.timestamp_text = _from_epoch(time), time
    elif time != "-":
        stamp = _TIME.fullmatch(time)
        found.timestamp = syslog_time.read_time(stamp, UTC, datetime.min) if stamp and stamp["iso"] else None
        found.timestamp_text = None if found.timestamp == time else time
    found.hostname = None if host == "-" else host
    found.app_name = None if app == "-" else app
    if found.timestamp_text is not None and found.timestamp is not None:  # Meraki: the message begins here
        found.message = text[header.start(4) :]
        return
    found.proc_id = None if process == "-" else process
    found.msg_id = None if kind == "-" else kind
    at = header.end()
    if text[at : at + 1] == "-":
        at += 1
    elif text[at : at + 1] == "[":
        elements, at = _structured(text, at)
        found.structured_data = elements or None
    found.message = text[at:].removeprefix(" ").removeprefix(_BOM)


def _structured(text: str, at: int) -> tuple[dict[str, dict[str, str | list[str]]], int]:
    """Elements with their parameters (RFC 5424, 6.3); what is none is left to the message."""
    elements: dict[str, dict[str, str | list[str]]] = {}
    while element := _ELEMENT.match(text, at):
        parameters = elements.setdefault(element[1], {})
        for name, value in _PARAMETER.findall(element[2]):
            value = _ESCAPE.sub(r"\1", value) if "\\" in value else value
            if name not in parameters:
                parameters[name] = value
            elif isinstance(held := parameters[name], list):
                held.append(value)
            else:
                parameters[name] = [held, value]
        at = element.end()
    return elements, at


def _rfc3164(found: Message, text: str, zone: tzinfo, reference: datetime) -> None:
    at = 0
    if (cisco := _CISCO.match(text)) and cisco.end():
        found.hostname, at = cisco[1], cisco.end()
    if stamp := _TIME.match(text, at):
        found.timestamp = syslog_time.read_time(stamp, zone, reference)
        written = stamp[0].rstrip(": ")
        found.timestamp_text = None if found.timestamp == written else written
        at = stamp.end()
    if stamp or found.priority is not None:
        found.protocol = "rfc3164"
    if (origin := _ORIGIN.match(text, at)) and (stamp or not origin[1]):
        found.hostname = origin[1] or found.hostname
        found.app_name, found.proc_id = origin[2], origin[3]
        at = origin.end()
    elif stamp and (host := _HOST.match(text, at)):
        found.hostname, at = host[1], host.end()
    found.message = text[at:]


def _from_epoch(text: str) -> str | None:
    seconds, _, fraction = text.partition(".")
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}Z"
