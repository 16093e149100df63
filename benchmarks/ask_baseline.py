"""A keyword template per question: what an afternoon's work gives, as the reference for accuracy.

It takes the table whose name shares most words with the question, conditions and period from a handful of patterns,
and one of five forms. It never declines but where a word says that something is to be changed.
"""

from __future__ import annotations

import re

from mantissa_core.ask.schema import Schema

_PERIODS = (
    (r"(?:last|past) (\d+) ?(minute|hour|day|week|month)s?", "m_time >= $now - INTERVAL {0} {1}"),
    (r"\b(\d+) ?(h|d)\b", "m_time >= $now - INTERVAL {0} {1}"),
    (r"yesterday", "m_time >= date_trunc('day', $now) - INTERVAL 1 DAY AND m_time < date_trunc('day', $now)"),
    (r"today", "m_time >= date_trunc('day', $now)"),
    (r"last week", "m_time >= date_trunc('week', $now) - INTERVAL 7 DAY AND m_time < date_trunc('week', $now)"),
    (r"this (week|month|year)", "m_time >= date_trunc('{0}', $now)"),
)
_UNITS = {"h": "hour", "d": "day"}
_CONDITIONS = (
    (r"fail|denied|reject|unsuccessful", "m_outcome = 'failure'"),
    (r"succe", "m_outcome = 'success'"),
    (r"log ?in|log ?on|sign(?:ed)?[ -]?in", "m_action = 'login'"),
    (r"\bmfa\b", "m_action = 'mfa_challenge'"),
    (r"([\w.]+@[\w.]+\w)", "m_user = '{0}'"),
    (r"\buser (\w+)", "m_user = '{0}'"),
    (r"\b(\d+(?:\.\d+){3})\b", "m_src_ip = '{0}'"),
)
_SMALL = {"all", "and", "every", "from", "logs", "over", "the", "what"}
_KEYS = {"user": "m_user", "who": "m_user", "ip": "m_src_ip", "source": "m_src_ip", "action": "m_action"}
_CHANGES = re.compile(r"\b(drop|truncate|update|disable|kill|ignore)\b")


class Keywords:
    """Over the tables of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._words = {
            each.name: set(re.findall(r"[a-z0-9]{3,}", f"{each.name} {each.title}".replace("_", " ").lower())) - _SMALL
            for each in schema.tables.values()
        }

    def sql(self, question: str) -> str | None:
        """The statement, or ``None``."""
        text = question.lower()
        if _CHANGES.search(text):
            return None
        words = set(re.findall(r"[a-z0-9]+", text))
        table = max(sorted(self._words), key=lambda name: (len(self._words[name] & words), name == "auth"))
        where = " AND ".join([*_conditions(text), _period(text)])
        return _shaped(text, table, where)


def _conditions(text: str) -> list[str]:
    return [sql.format(*found.groups()) for pattern, sql in _CONDITIONS if (found := re.search(pattern, text))]


def _period(text: str) -> str:
    for pattern, sql in _PERIODS:
        if found := re.search(pattern, text):
            bound = sql.format(*(_UNITS.get(each, each) for each in found.groups()))
            return bound if "<" in bound else f"{bound} AND m_time < $now"
    return "m_time >= $now - INTERVAL 24 HOUR AND m_time < $now"


def _shaped(text: str, table: str, where: str) -> str:
    rest = f"FROM {table} WHERE {where}"
    if re.search(r"when .*last|latest", text):
        return f"SELECT max(m_time) AS t {rest}"
    if found := re.search(r"(?:per|each|by) (minute|hour|day|week)", text):
        return f"SELECT date_trunc('{found[1]}', m_time) AS t, count(*) AS n {rest} GROUP BY 1"
    key = next((_KEYS[each] for each in re.findall(r"[a-z]+", text) if each in _KEYS), "m_user")
    if found := re.search(r"top (\d+)|most", text):
        return f"SELECT {key}, count(*) AS n {rest} GROUP BY 1 ORDER BY n DESC LIMIT {found[1] or 10}"
    if re.search(r"how many|number of|count", text):
        return f"SELECT count(*) AS n {rest}"
    if re.search(r"\b(by|per|which|who)\b", text):
        return f"SELECT {key}, count(*) AS n {rest} GROUP BY 1"
    return f"SELECT m_time, m_user, m_src_ip {rest}"
