"""From what a language model's server said to a :class:`Completion`, alike for every wire format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mantissa_core.errors import Unusable
from mantissa_core.model.completion import Completion, Prompt


@dataclass(frozen=True, slots=True)
class Said:
    """One answer as the server gave it. ``stopped`` is ``truncated``, ``declined``, or empty where it is whole."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    stopped: str = ""


def whole(said: Said) -> Completion:
    """The answer in free text.

    Raises:
        Unusable: it is cut short or a refusal.
    """
    if said.stopped == "truncated":
        raise _unusable(said, f"{said.model}'s answer is cut short after {said.output_tokens} tokens", "truncated")
    if said.stopped:
        raise _unusable(said, f"{said.model} declined to answer", "declined")
    return Completion(said.text, said.model, said.input_tokens, said.output_tokens)


def with_data(said: Said) -> Completion:
    """The answer as a JSON object.

    Raises:
        Unusable: as :func:`whole`, and where the text is no JSON object.
    """
    completion = whole(said)
    try:
        data = json.loads(_unfenced(said.text))
    except (ValueError, RecursionError):
        raise _unusable(said, f"{said.model} answered no JSON", "malformed") from None
    if not isinstance(data, dict):
        raise _unusable(said, f"{said.model} answered JSON that is no object", "malformed")
    return replace(completion, data=data)


def with_schema_told(prompt: Prompt, schema: Mapping[str, object]) -> Prompt:
    """The prompt for a server that takes no schema: it stands in the system part."""
    told = f"{prompt.system}\n\nAnswer with one JSON object that fits this JSON Schema:\n{json.dumps(schema)}"
    return replace(prompt, system=told.strip())


def count(usage: Any, *names: str) -> int:
    """The sum of the server's counts of these names; 0 where it gives none."""
    counts = usage if isinstance(usage, dict) else {}
    return sum(each for each in map(counts.get, names) if isinstance(each, int) and each > 0)


def _unusable(said: Said, message: str, why: str) -> Unusable:
    return Unusable(message, why, said.input_tokens, said.output_tokens)


def _unfenced(text: str) -> str:
    """Without the Markdown fence that some models put around JSON."""
    lines = text.strip().splitlines()
    fenced = len(lines) >= 2 and lines[0].startswith("```") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1]) if fenced else text
