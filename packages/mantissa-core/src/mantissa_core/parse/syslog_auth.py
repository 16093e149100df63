"""Who did what, in the messages of sshd, sudo and su: the only programs whose free text is taken apart.

Sources: OpenSSH auth.c (``auth_log``), sudo's logging.c, shadow's su.c; PAM's ``pam_unix`` for sessions.
"""

from __future__ import annotations

import re

import msgspec


class Auth(msgspec.Struct, omit_defaults=True):
    """What is known of a sign-in or of a command with other rights."""

    event: str
    result: str
    user: str | None = None
    address: str | None = None
    method: str | None = None
    target: str | None = None


_METHODS = "none|password|publickey|keyboard-interactive/pam|hostbased|gssapi-with-mic"
_SSHD = re.compile(
    rf"(Accepted|Failed|Invalid) (?:({_METHODS}) for )?(?:invalid user |user )?"
    r"(.{0,256}) from (\S{2,45})(?: port \d|$)"  # greedy: the name is what a stranger typed, and may hold ' from '
)
_SUDO = re.compile(
    r" *(\S{1,256}) : ((?!TTY=|PWD=).{0,512}?; )?(?:TTY=\S+ ; )?PWD=.{0,4096}? ; USER=(\S{1,256}) ; "
    r"(?:[A-Z]+=\S* ; )*COMMAND="
)
_SU = re.compile(r"(FAILED SU )?\(to (\S{1,256})\) (\S{1,256}) on ")
_SESSION = re.compile(
    r"pam_unix\((?:sshd|login|su|su-l|sudo):session\): session opened for user ([^\s(]{1,256})(?:\(uid=\d+\))?"
    r"(?: by ([^\s(]{0,256})\()?"
)


def read(program: str, message: str) -> Auth | None:
    """What a message of ``program`` says about somebody's rights, ``None`` where it says nothing."""
    if program in ("sshd", "sshd-session"):
        return _sshd(message)
    if program == "sudo":
        return _sudo(message)
    if program in ("su", "login", "su-l"):
        return _session(message) or _su(message)
    return None


def _sshd(message: str) -> Auth | None:
    if message.startswith("pam_unix"):
        return _session(message)
    found = _SSHD.match(message)
    if found is None or found[2] == "none":  # how a client asks what it may try
        return None
    result = "success" if found[1] == "Accepted" else "failure"
    return Auth("login", result, found[3] or None, found[4], found[2])


def _sudo(message: str) -> Auth | None:
    if (found := _SUDO.match(message)) is None:
        return None
    refused = found[2] is not None  # a remark: not in sudoers, command not allowed, 3 incorrect password attempts
    return Auth("command", "failure" if refused else "success", found[1], target=found[3])


def _su(message: str) -> Auth | None:
    if (found := _SU.match(message)) is None:
        return None
    return Auth("session", "failure" if found[1] else "success", found[3], target=found[2])


def _session(message: str) -> Auth | None:
    if (found := _SESSION.match(message)) is None:
        return None
    return Auth("session", "success", found[2] or found[1], target=found[1] if found[2] else None)
