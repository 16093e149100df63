"""Credentials: tokens that are known by their form, and whatever follows a word such as ``password``.

What the alert had cut short (with ``…``) counts too: the beginning of a token is still a part of it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .detector import Detector, Label
from .kinds import Kind

_WORD = r"(?<![A-Za-z0-9_-])"


def _is_value(value: str) -> bool:
    """Whether something that was assigned to a password is one, and no word about it."""
    return _NO_SECRET.fullmatch(value) is None


def _token(least: int, *prefixes: str) -> Detector:
    """Tokens that begin with one of ``prefixes``, and ``least`` more characters unless they were cut."""
    start = "|".join(map(re.escape, prefixes))
    pattern = re.compile(rf"{_WORD}(?:{start})(?:[\w-]{{{least},}}|[\w-]*(?=…))")
    return Detector(Kind.SECRET, pattern, hints=tuple(prefix.lower() for prefix in prefixes))


_NAME = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret(?:[ _-]?(?:access[ _-]?)?key)?|client[ _-]?secret|api[ _-]?key"
    r"|(?:access|refresh|auth|bearer|session|id|api|bot)[ _-]?token|(?<!client)(?<!client[_-])token"
    r"|private[ _-]?key|credentials?|account[ _-]?key|shared[ _-]?access[ _-]?key|otp|pin"
)
_NAME_HINTS = ("pass", "pwd", "secret", "token", "key", "credential", "otp", "pin")
_ASSIGNED = re.compile(
    rf"(?:(?<![A-Za-z0-9])|(?<=_))(?:{_NAME})\\?[\"']?\s*(?:=>|=|:(?!:))\s*\\?[\"']?"
    r"(?P<value>(?<=[\"'])[^\"'\\\r\n]+|[^\s\"'\\,;&<>(){}\[\]]{3,})",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"true|false|null|none|nil|yes|no|undefined|required|invalid|missing|expired|wrong|incorrect|empty|unknown"
    r"|enabled|disabled|changed|reset|rotated|revoked|set|unset|not|[*x•.…]+|\$.*|<.*|%.*",
    re.IGNORECASE,
)
_FIELD = re.compile(rf"(?:\A|(?<!hashed)[._-]|(?-i:(?<=[a-z])(?=[A-Z])))(?:{_NAME})\Z", re.IGNORECASE)
_OPTIONS = ("--pass", "--pwd", "--token", "--secret", "--api-key", "--client-secret")
_OPTION = r"(?<![\w-])--(?:password|passwd|pwd|token|secret|api-key|client-secret)[ =]"

SECRET = (
    Detector(
        Kind.SECRET,
        re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|\Z)"),
        hints=("private key",),
    ),
    Detector(Kind.SECRET, re.compile(r"(?<![\w.-])eyJ[\w-]{5,}(?:\.[\w-]*){0,4}"), hints=("eyj",)),
    _token(20, "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    _token(15, "glpat-", "glptt-", "gldt-", "glrt-"),
    _token(8, "xoxa-", "xoxb-", "xoxc-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"),
    _token(12, "sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
    _token(30, "AIza"),
    _token(
        15, "ya29.", "GOCSPX-", "npm_", "pypi-", "dop_v1_", "doo_v1_", "shpat_", "shpss_", "hvs.", "hvb.", "ops_eyJ"
    ),
    _token(15, "dckr_pat_", "lin_api_", "PMAK-", "NRAK-", "sntrys_", "figd_", "tskey-", "ATATT3", "ATCTT3"),
    _token(20, "sk-", "AGE-SECRET-KEY-1"),
    Detector(Kind.SECRET, re.compile(rf"{_WORD}SG\.[\w-]{{8,}}\.[\w-]{{10,}}"), hints=("sg.",)),
    Detector(
        Kind.SECRET,
        re.compile(rf"{_WORD}(?:SK|key-|dapi|secret_)(?:[0-9a-f]{{32}}|[A-Za-z0-9]{{40,}})\b"),
        hints=("sk", "key-", "dapi", "secret_"),
        digits=4,
    ),
    Detector(Kind.SECRET, re.compile(r"(?<!\w)\d{8,10}:AA[\w-]{30,}"), hints=(":aa",)),
    Detector(
        Kind.SECRET,
        re.compile(r"https://hooks\.slack\.com/(?P<value>(?:services|workflows|triggers)/[\w/+-]+)"),
        hints=("hooks.slack.com",),
    ),
    Detector(Kind.SECRET, re.compile(r"discord(?:app)?\.com/api/webhooks/(?P<value>\d+/[\w-]+)"), hints=("webhooks",)),
    Detector(
        Kind.SECRET,
        re.compile(r"(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://[^\s/:@]*:(?P<value>[^\s/@]+)@"),
        hints=("://",),
    ),
    Detector(
        Kind.SECRET,
        re.compile(r"[?&](?:sig|X-Amz-Signature|X-Goog-Signature|X-Amz-Security-Token)=(?P<value>[^\s&\"'<>]{8,})"),
        hints=("sig=", "-signature=", "-token="),
    ),
    Detector(
        Kind.SECRET,
        re.compile(r"\b(?:bearer|basic|ssws|negotiate|apikey)\s+(?P<value>[A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE),
        lambda value: any(each.isdigit() for each in value) or not value.islower(),
        hints=("bearer", "basic", "ssws", "negotiate", "apikey"),
    ),
    Detector(Kind.SECRET, re.compile(rf"{_OPTION}[\"']?(?P<value>[^\s\"']{{3,}})"), _is_value, hints=_OPTIONS),
    Detector(
        Kind.SECRET,
        re.compile(r"(?:mysql|sshpass|mongo)\w{0,20}\s(?:.{0,400}?\s)??-p(?P<value>[^\s\"']{3,})"),
        _is_value,
        hints=("mysql", "sshpass", "mongo"),
    ),
    Detector(Kind.SECRET, re.compile(r"\s(?:-u|--user)[ =]?[\"']?[\w.@-]+:(?P<value>[^\s\"':]{3,})"), hints=("curl",)),
    Detector(Kind.SECRET, _ASSIGNED, _is_value, hints=_NAME_HINTS),
    Detector(
        Kind.SECRET,
        re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])"),
        lambda value: not re.fullmatch(r"[0-9a-f]{40}|[0-9A-F]{40}|[A-Za-z/]+", value),
        Label(re.compile(r"secret|aws|amazon", re.IGNORECASE), ("secret", "aws", "amazon")),
    ),
)


@lru_cache(maxsize=4096)
def names_a_secret(field: str) -> bool:
    """Whether a field is called as credentials are: ``password``, ``client_secret``, ``sessionToken``."""
    return _FIELD.search(field) is not None
