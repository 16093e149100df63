"""What a person sees when a command fails: one line that names place and remedy; a traceback on request."""

from __future__ import annotations

import json
import os
import sys

import click

from .exit_codes import Exit, exit_code
from .session import Session
from .text import printable


def report(error: BaseException, session: Session | None) -> int:
    """Tell about ``error`` on standard error and return the exit code.

    With ``--json`` the line is a JSON object: ``{"error", "kind", "exit_code"}``.
    """
    code = exit_code(error)
    message = _message(error, code)
    if session and session.json:
        document = {"error": message, "kind": type(error).__name__, "exit_code": int(code)}
        click.echo(json.dumps(document, ensure_ascii=False), err=True)
    else:
        click.echo(f"error: {printable(message)}", err=True)
    if session and session.debug:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    return code


def _message(error: BaseException, code: Exit) -> str:
    if code is Exit.INTERRUPTED:
        return "interrupted; what was committed is kept"
    if code is Exit.BUG:
        return (
            f"internal error: {type(error).__name__}: {error}. This is a bug in Mantissa Log: "
            "please report it with the output of the same command under '--log-level debug'"
        )
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, OSError):
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    return str(error) or type(error).__name__
