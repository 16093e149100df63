"""A question in pieces: words, numbers, and the names of things (addresses, ARNs, e-mails, quoted texts) whole."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "number", "ip", "cidr", "email", "arn", "quoted", "api", "name"]

_PIECES = re.compile(
    r"""(?P<quoted>"[^"]+"|(?<!\w)'(?=\S)[^']+'(?!\w)|(?<!\w)['"][^'"]+$|“[^”]+”|`[^`]+`)
    |(?P<arn>arn:[^\s,;]+)
    |(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    |(?P<address>(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:/\d{1,3})?)
    |(?P<word>[^\W_]+(?:[-_./:@#][^\W_]+)*(?:'s\b|'\b)?)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"\d{1,15}")
_API = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece: as it stands there, and its words as they are looked up."""

    text: str
    kind: Kind
    words: tuple[str, ...] = ()
    owner: bool = False
    """Whether it has something: ``amara's`` logins."""


def tokens(text: str) -> list[Token]:
    """The pieces of a question, in order; punctuation is left out."""
    return [token for found in _PIECES.finditer(text) for token in _read(found)]


def _read(found: re.Match[str]) -> Iterator[Token]:
    text = found[0]
    match found.lastgroup:
        case "quoted":
            closed = len(text) > 1 and text[-1] in "\"'”`"  # what is not closed goes on to the end
            yield Token(text[1:-1] if closed else text, "quoted")
        case "arn" | "email":
            kind: Kind = "arn" if found.lastgroup == "arn" else "email"
            yield Token(text.rstrip("."), kind)
        case "address" if kind_of := _address(text):
            yield Token(text, kind_of)
        case _:
            yield _word(text)


def _address(text: str) -> Literal["ip", "cidr"] | None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return "cidr" if "/" in text else "ip"


def _word(text: str) -> Token:
    owner = text.endswith(("'s", "s'"))
    text = text.removesuffix("'s").removesuffix("'").rstrip(".")
    if _NUMBER.fullmatch(text):
        return Token(text, "number")
    if _API.fullmatch(text) and not text.endswith("s3"):
        return Token(text, "api", (stem(text),))
    words = tuple(stem(each) for each in re.split(r"[-_./]", text) if each)
    odd = any(character in "@#:" for character in text) or any(c.isdigit() for c in text)
    return Token(text, "name" if odd or len(words) > 3 else "word", words, owner)


_IRREGULAR = {"ips": "ip", "ins": "in", "dns": "dns", "aws": "aws", "address": "address", "addresses": "address",
              "access": "access",
              "accesses": "access", "status": "status", "process": "process", "users": "user", "us": "us",
              "success": "success", "https": "https", "pass": "pass", "bypass": "bypass", "this": "this", "was": "was",
              "is": "is", "has": "has", "does": "does", "s": "s", "as": "as", "kubernetes": "kubernetes", "sos": "sos",
              "people": "people", "countries": "country", "identities": "identity", "policies": "policy",
              "repo": "repository", "repos": "repository", "org": "organization", "orgs": "organization",
              "admin": "administrator", "admins": "administrator", "cred": "credential", "creds": "credential",
              "app": "application", "apps": "application", "2fa": "mfa", "2sv": "mfa", "config": "configuration",
              "configs": "configuration", "perm": "permission", "perms": "permission", "cmd": "command",
              "cmds": "command", "db": "database", "dbs": "database", "saas": "saas", "anonymous": "anonymous",
              "malicious": "malicious", "suspicious": "suspicious", "sms": "sms", "previous": "previous"}  # fmt: skip
"""Plurals that are none, and the short forms that everybody uses."""
_BRITISH = re.compile(r"(?<=[a-z]{3}[^aeiou])is(?=(?:e|es|ed|er|ing|ation|ations)$)")
_NOT_BRITISH = ("promis", "advis", "revis", "supervis", "premis", "cis", "wis", "pris")


def stem(word: str) -> str:
    """Lower case, without the plural's *s*, spelled as in America: ``Logins`` is ``login``."""
    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if "is" in word and not any(each in word for each in _NOT_BRITISH):
        word = _BRITISH.sub("iz", word)
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ses", "shes", "xes")) and len(word) > 5:
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
