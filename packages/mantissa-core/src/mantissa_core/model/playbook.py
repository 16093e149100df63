"""A playbook that is asked for in words, and one that a module wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Response:
    """Something to be done: ``verb`` in the words of :data:`VERBS`, ``target`` and ``words`` as they were said."""

    verb: str
    target: str
    words: str


VERBS = (
    "disable_user",
    "reset_password",
    "revoke_sessions",
    "block_ip",
    "isolate_host",
    "create_ticket",
    "notify",
)
"""What can be asked for. All but the last two change something: a playbook asks a person before."""
CHANGING = frozenset(VERBS[:-2])


@dataclass(frozen=True, slots=True)
class PlaybookRequest:
    """What the words ask for: when it begins, and what is to be done then, in order.

    ``trigger`` is a Sigma rule file (YAML), whose first rule is ``rule_id``: its alerts begin the playbook.
    """

    words: str
    trigger: str
    rule_id: str
    title: str
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class PlaybookDraft:
    """A playbook as a module wrote it: ``text`` as its file has it, and what was understood and assumed."""

    text: str
    explanation: str
    assumptions: tuple[str, ...] = ()
