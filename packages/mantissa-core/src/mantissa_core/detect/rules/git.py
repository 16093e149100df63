"""Fetching a tree of rules with git, which may belong to anybody: nothing in it is run.

No hook and no submodule is fetched or run, links become plain files, nothing asks for a password, and no setting of the
caller's environment gets in. Credentials are git's own affair: a helper, or a key for ssh.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mantissa_core.errors import NeedsOperator, RuleError

SCHEMES = ("https", "ssh", "file")
TIMEOUT = 600.0
"""Seconds that one command of git's may take."""

_SAFE = (
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
)
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]{0,199}")
_LONGEST = 400


def check_url(url: str) -> None:
    """Refuse an address that is not one of ours, or that holds a credential.

    Raises:
        RuleError: says which, without repeating a credential.
    """
    try:
        parts = urlsplit(url)
        secret = parts.password is not None or (parts.scheme == "https" and parts.username is not None)
    except ValueError as error:
        raise RuleError(f"the address cannot be read: {error}") from None
    if parts.scheme not in SCHEMES:
        raise RuleError(f"the address must begin with {', '.join(f'{each}://' for each in SCHEMES)}")
    if secret:
        raise RuleError("the address holds a credential: leave it to git's credential helper, or use ssh with a key")
    if not url.isprintable() or " " in url or (parts.hostname or "").startswith("-"):
        raise RuleError("the address has characters that no address has")
    if not parts.path.strip("/") or (parts.scheme != "file" and not parts.hostname):
        raise RuleError("the address names no repository, expected one such as https://host/group/rules")


def check_ref(ref: str) -> None:
    """Refuse what is no name of a branch or tag and no commit.

    Raises:
        RuleError: it is none.
    """
    if not _REF.fullmatch(ref) or ".." in ref or "@{" in ref:
        raise RuleError(f"ref: found {ref!r}, expected a branch, a tag or a commit")


def fetch(url: str, ref: str, into: Path, *, timeout: float = TIMEOUT) -> None:
    """Check out ``ref`` of the repository, without its history, into the folder ``into``, which is not there yet.

    Raises:
        RuleError: the address or the ref is refused.
        NeedsOperator: git is not installed, or could not fetch; the folder is not there then.
    """
    check_url(url)
    check_ref(ref)
    try:
        _git(["init", "--quiet", "--template=", "--", str(into)], timeout)
        fetched = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", url, ref]
        _git(["-C", str(into), *fetched], timeout)
        _git(["-C", str(into), "checkout", "--quiet", "--detach", "--force", "FETCH_HEAD", "--"], timeout)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def changed(folder: Path) -> list[str]:
    """The files of a checkout that differ from its commit, those that git does not know included.

    Raises:
        NeedsOperator: git cannot tell.
    """
    found = _git(["-C", str(folder), "status", "--porcelain", "--no-renames", "--ignore-submodules=all"], TIMEOUT)
    return [line[3:] for line in found.splitlines()]


def _git(words: Sequence[str], timeout: float) -> str:
    program = shutil.which("git")
    if program is None:
        raise NeedsOperator("git is not installed: install it, or name a folder of rules in [rules] paths")
    settings = [word for each in _SAFE for word in ("-c", each)]
    process = subprocess.Popen(  # noqa: S603  # fixed words; what is not ours stands behind "--"
        [program, *settings, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise NeedsOperator(f"git took longer than {timeout:.0f} s") from None
        raise
    if process.returncode:
        raise NeedsOperator(f"git could not do it: {_told(err)}")
    return out.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """With the helpers that git started, which would keep the pipes open."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_ALLOW_PROTOCOL": ":".join(SCHEMES),
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
    }


def _told(text: bytes) -> str:
    """The end of what git said, without what stands before an ``@`` in an address."""
    plain = " ".join(text.decode("utf-8", "replace").split())
    return re.sub(r"//[^/@\s]+@", "//***@", plain)[-_LONGEST:] or "it does not say why"
