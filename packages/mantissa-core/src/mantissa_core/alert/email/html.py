"""The letter as HTML: tables and styles in place, as mail programs want them, and nothing from elsewhere.

Severity is a word and a colour. Light by default; where the program says that the reader prefers it, dark.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from .letter import Letter, Lines

COLOURS: Mapping[str, tuple[str, str]] = {
    "critical": ("#b3001b", "#ffffff"),
    "high": ("#c2410c", "#ffffff"),
    "medium": ("#f2c230", "#2b2100"),
    "low": ("#1d5fa8", "#ffffff"),
    "informational": ("#5b6470", "#ffffff"),
}
"""Background and text of a severity's badge; each pair has a contrast of 4.5 or more (WCAG 2, AA)."""

_SANS = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "font-family:ui-monospace,'SF Mono',Menlo,Consolas,monospace"
_STYLE = """
@media (prefers-color-scheme: dark) {
  .page { background: #15181c !important; }
  .card { background: #1f2429 !important; border-color: #3a4149 !important; }
  .text { color: #e8eaed !important; }
  .quiet { color: #a9b1ba !important; }
  .box { background: #15181c !important; border-color: #3a4149 !important; }
  .rule { border-color: #3a4149 !important; }
}
"""
_TOP = "vertical-align:top;padding:4px 0;line-height:21px"
_BREAK = "overflow-wrap:anywhere;word-break:break-word"


def as_html(letter: Letter) -> str:
    """A whole document; all that comes from a log is escaped."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(letter.summary)}</title><style>{_STYLE}</style></head>\n"
        f'<body class="page" style="margin:0;padding:12px;background:#eef0f3;{_SANS}">\n'
        '<table role="presentation" class="card" width="100%" cellspacing="0" cellpadding="0" style="max-width:680px;'
        'margin:0 auto;background:#ffffff;border:1px solid #d5dae0;border-radius:6px">\n'
        f"{_bar(letter)}"
        f'<tr><td style="padding:16px 20px 18px">\n{_parts(letter)}</td></tr></table>\n</body></html>\n'
    )


def _bar(letter: Letter) -> str:
    style = f"height:5px;line-height:5px;font-size:0;background:{COLOURS[letter.severity][0]};border-radius:6px 6px 0 0"
    return f'<tr><td style="{style}">&nbsp;</td></tr>\n'


def _parts(letter: Letter) -> str:
    return "".join(
        [
            _head(letter),
            _rows(letter.answers),
            _line(),
            _rows(letter.facts),
            *(_event(number, each) for number, each in enumerate(letter.events, start=1)),
            _paragraph(letter.more),
            _steps(letter),
            _line(),
            _paragraph(letter.foot),
        ]
    )


def _head(letter: Letter) -> str:
    background, ink = COLOURS[letter.severity]
    badge = (
        f'<span style="display:inline-block;background:{background};color:{ink};font-size:13px;font-weight:700;'
        f'letter-spacing:.04em;padding:3px 9px;border-radius:4px">{letter.severity.upper()}</span>'
    )
    status = (
        f' <b class="text" style="color:#1c2126;font-size:14px">{escape(letter.status)}</b>' if letter.status else ""
    )
    heading = f'class="text" style="margin:10px 0 12px;font-size:20px;line-height:1.3;color:#1c2126;{_BREAK}"'
    return f"<div>{badge}{status}</div>\n<h1 {heading}>{escape(letter.summary)}</h1>\n"


def _rows(lines: Lines) -> str:
    return _table("".join(_row(name, text) for name, text in lines))


def _row(name: str, text: str) -> str:
    return (
        f'<tr><td class="quiet" style="{_TOP};width:84px;color:#5b6470;font-size:14px">{escape(name)}</td>'
        f'<td class="text" style="{_TOP};color:#1c2126;font-size:15px;{_BREAK}">{escape(text)}</td>'
        "</tr>\n"
    )


def _event(number: int, fields: Lines) -> str:
    """A field's name above its value: beside it, a phone has no room for both."""
    lines = "".join(
        f'<div style="padding:3px 0;{_BREAK}"><span class="quiet" style="color:#5b6470">{escape(name)}</span> '
        f'<span class="text" style="color:#1c2126;{_MONO}">{escape(value)}</span></div>\n'
        for name, value in fields
    )
    return _title(f"Event {number}") + _box(lines)


def _steps(letter: Letter) -> str:
    lines = "".join(
        f'<div class="text" style="padding:3px 0;color:#1c2126;{_MONO};{_BREAK}">{escape(each)}</div>\n'
        for each in letter.steps
    )
    return _title("Next") + _box(lines) if lines else ""


def _title(text: str) -> str:
    return f'<div class="text" style="margin:14px 0 6px;font-size:14px;font-weight:700;color:#1c2126">{text}</div>\n'


def _box(content: str) -> str:
    style = (
        "background:#f5f6f8;border:1px solid #d5dae0;border-radius:4px;padding:7px 10px;font-size:13px;line-height:1.4"
    )
    return f'<div class="box" style="{style}">\n{content}</div>\n'


def _paragraph(text: str) -> str:
    style = "margin:8px 0 0;font-size:13px;color:#5b6470"
    return f'<div class="quiet" style="{style};{_BREAK}">{escape(text)}</div>\n' if text else ""


def _line() -> str:
    return '<hr class="rule" style="border:0;border-top:1px solid #d5dae0;margin:12px 0">\n'


def _table(rows: str) -> str:
    return f'<table role="presentation" width="100%" cellspacing="0" cellpadding="0">\n{rows}</table>\n'
