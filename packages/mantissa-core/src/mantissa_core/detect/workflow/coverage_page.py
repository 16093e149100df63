"""Coverage as one HTML page: nothing is loaded, nothing runs, all text is escaped; made to be printed too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from .coverage import Coverage, Detection, Source, Technique

STYLE = """
:root { color-scheme: light; --line: #d5d9de; --dim: #5b6470; --live: #1f7a4d; --silent: #9a6700; --none: #b3261e; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2024; background: #fff; margin: 2rem auto; max-width: 75rem;
  padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .dim { color: var(--dim); }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1.25rem 0; }
dt { color: var(--dim); font-size: .85rem; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid #1c2024; font-size: .85rem; }
td.count, th.count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.live { background: #e3f3e9; } td.silent { background: #fdf1d6; } td.missing { background: #fbe4e2; }
.state-live { color: var(--live); } .state-silent { color: var(--silent); } .state-missing { color: var(--none); }
code { font-family: ui-monospace, monospace; font-size: .92em; }
.techniques th:last-child { width: 38%; }
ul { list-style: none; margin: 0; padding: 0; }
@page { size: A4 landscape; margin: 14mm; }
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; padding: 0; }
  .wide { overflow: visible; } thead { display: table-header-group; } tr { break-inside: avoid; }
  td, .state-live, .state-silent, .state-missing { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

STATES = {
    "live": "events come in",
    "silent": "no events",
    "missing": "no log type",
}


def page(found: Coverage, made: datetime) -> str:
    """The page as a text. ``made`` is the time that it says it was made at."""
    return "".join(_page(found, made))


def _page(found: Coverage, made: datetime) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield f"<title>Detection coverage</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    yield f'<h1>Detection coverage</h1>\n<p class="dim">Mantissa Log, {made.astimezone(UTC):%Y-%m-%d %H:%M} UTC</p>\n'
    yield _figures(found)
    yield "<h2>Log sources</h2>\n"
    yield from _sources(found)
    yield "<h2>ATT&amp;CK techniques by log source</h2>\n"
    yield '<p class="dim">Numbers of rules. Green: events come in. Amber: none did. Red: no log type.</p>\n'
    yield from _techniques(found)
    if found.untagged:
        yield f"<h2>Rules without a technique</h2>\n{_listed(found.untagged)}\n"
    yield "</body>\n</html>\n"


def _figures(found: Coverage) -> str:
    figures = {
        "techniques with rules": len(found.techniques),
        "of them with events": sum(each.covered for each in found.techniques),
        "sources with events": sum(each.state == "live" for each in found.sources),
        "sources without": sum(each.state != "live" for each in found.sources),
    }
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{count}</dd></div>' for name, count in figures.items())}</dl>\n"


def _sources(found: Coverage) -> Iterator[str]:
    yield '<div class="wide"><table>\n<thead><tr><th>Source</th><th>State</th><th class="count">Events</th>'
    yield "<th>Newest day (UTC)</th></tr></thead>\n<tbody>\n"
    for each in found.sources:
        yield (
            f'<tr><th scope="row">{escape(each.name)}</th><td class="state-{each.state}">{STATES[each.state]}</td>'
            f'<td class="count">{each.rows:,}</td><td>{escape(each.newest)}</td></tr>\n'
        )
    yield "</tbody></table></div>\n"


def _techniques(found: Coverage) -> Iterator[str]:
    heads = "".join(f'<th class="count">{escape(each.name)}</th>' for each in found.sources)
    yield '<div class="wide"><table class="techniques">\n<thead><tr><th>Technique</th><th>Tactics</th>'
    yield f"{heads}<th>Rules</th></tr></thead>\n<tbody>\n"
    for each in found.techniques:
        cells = "".join(_cell(each, source) for source in found.sources)
        tactics = escape(", ".join(name.replace("-", " ") for name in each.tactics))
        yield f'<tr><th scope="row"><code>{escape(each.id)}</code></th><td>{tactics}</td>{cells}'
        yield f"<td>{_listed(each.distinct)}</td></tr>\n"
    yield "</tbody></table></div>\n"


def _cell(technique: Technique, source: Source) -> str:
    rules = technique.rules.get(source.name)
    return f'<td class="count {source.state}">{len(rules)}</td>' if rules else '<td class="count"></td>'


def _listed(rules: tuple[Detection, ...]) -> str:
    return f"<ul>{''.join(f'<li>{escape(rule.title)}</li>' for rule in rules)}</ul>"
