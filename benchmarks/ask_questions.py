"""The questions of the benchmark, with the SQL that answers them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

QUESTIONS = Path(__file__).with_name("questions")
GOLD = "nl_gold"
"""Gold without questions: their texts are in another folder."""


@dataclass(frozen=True)
class Question:
    """A question with the statements that answer it; none where it must not be answered."""

    id: str
    shape: str
    question: str
    sql: tuple[str, ...] = ()
    follows: str = ""
    """What was asked before it in the conversation."""
    voice: str = ""
    canonical: bool | None = None
    """Whether it has a shape and the words of the documentation; ``None`` where a set does not tell."""
    expect: str = ""
    why: str = ""
    """Why it cannot be answered."""


def names() -> list[str]:
    """The sets that hold questions."""
    return sorted(each.stem for each in QUESTIONS.glob("*.yaml") if each.stem != GOLD)


def read(name: str) -> list[Question]:
    """The questions of a set."""
    return [_question(each) for each in yaml.safe_load((QUESTIONS / f"{name}.yaml").read_text("utf-8"))]


def others(folder: Path) -> list[Question]:
    """The questions of ``nl-questions.jsonl`` in ``folder``, with the gold that is kept here by their ids.

    Raises:
        KeyError: one has no gold.
    """
    gold = yaml.safe_load((QUESTIONS / f"{GOLD}.yaml").read_text("utf-8"))
    lines = [json.loads(each) for each in (folder / "nl-questions.jsonl").read_text("utf-8").splitlines()]
    texts = {each["id"]: each["question"] for each in lines}
    return [
        _question(
            {
                **gold[each["id"]],
                "id": each["id"],
                "question": each["question"],
                "voice": each["source"],
                "follows": texts.get(each["follows"], ""),
            }
        )
        for each in lines
    ]


def _question(given: Mapping[str, Any]) -> Question:
    return Question(**{**given, "sql": tuple(given.get("sql", ()))})
