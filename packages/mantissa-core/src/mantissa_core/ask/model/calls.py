"""One question's calls of a language model: reserved before, heard as they are answered, settled after."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mantissa_core.ask.parse.understood import Abstained
from mantissa_core.ask.providers.pieces import listen
from mantissa_core.errors import MantissaError, Retry, Unusable
from mantissa_core.model.completion import Completion, Piece, Prompt

from .budget import OverBudget, Spending

Cause = Literal["unavailable", "budget", "slow", "truncated", "declined", "malformed"]
Tell = Callable[[str, Mapping[str, Any]], None]
"""Gets the kind and the data of an event: see :class:`~mantissa_core.ask.events.Event`."""


@dataclass(frozen=True, slots=True)
class Failed(Abstained):
    """The model was of no help, for a reason that says nothing about the question: ask the parser instead."""

    cause: Cause = "unavailable"


class Provider(Protocol):
    """What is needed of an :class:`~mantissa_core.hookspecs.LLMProvider`."""

    def generate_with_schema(self, prompt: Prompt, schema: dict[str, Any]) -> Completion:
        """As the hook."""

    def stream(self, prompt: Prompt, schema: dict[str, Any] | None) -> Iterator[Piece]:
        """As the hook."""


class _Slow(Exception):
    """The time for the question is over."""


class Calls:
    """Asks for objects of a schema. With ``tell`` somebody listens, and answers are streamed.

    ``late`` says whether the time for the question is over; who streams is not waited for any longer then.
    """

    def __init__(
        self,
        provider: Provider,
        spending: Spending,
        schema: dict[str, Any],
        tell: Tell | None,
        late: Callable[[], bool],
    ) -> None:
        self._provider, self._spending, self._schema = provider, spending, schema
        self._tell, self._late, self._number = tell, late, 0

    def __call__(self, asked: Prompt) -> dict[str, Any] | str | Failed:
        """The model's data, what to tell it about an answer that is none, or why to ask no more."""
        estimate = self._spending.estimate(asked, json.dumps(self._schema))
        try:
            self._spending.reserve(estimate)
        except OverBudget as error:
            return Failed(str(error), cause="budget")
        self._number += 1
        if self._tell:
            self._tell("reading", {"call": self._number, "tokens": estimate.tokens, "cost": estimate.money})
        heard: list[str] = []
        try:
            completion = self._completion(asked, heard)
        except Unusable as error:
            self._spending.settle("", error.input_tokens, error.output_tokens)
            return _unusable(error)
        except (Retry, _Slow) as error:
            # Who does not answer in time, or breaks off, may have read it all.
            self._spending.settle("", estimate.input_tokens, math.ceil(sum(map(len, heard)) / 3))
            if isinstance(error, _Slow):
                return Failed("the language model did not come to an end in time", cause="slow")
            return Failed(f"the language model is not available: {error}")
        except MantissaError as error:
            self._spending.release()
            return Failed(f"the language model is not available: {error}")
        self._spending.settle(completion.model, completion.input_tokens, completion.output_tokens)
        return dict(completion.data) if completion.data is not None else "answer with one JSON object"

    def _completion(self, asked: Prompt, heard: list[str]) -> Completion:
        tell = self._tell
        if tell is None:
            return self._provider.generate_with_schema(asked, self._schema)

        def hear(text: str) -> None:
            heard.append(text)
            tell("token", {"text": text})
            if self._late():
                raise _Slow

        streamed = listen(self._provider.stream(asked, self._schema), hear)
        return streamed or self._provider.generate_with_schema(asked, self._schema)


def _unusable(error: Unusable) -> str | Failed:
    match error.why:
        case "truncated":
            return Failed(f"the language model's answer was too long: {error}", cause="truncated")
        case "declined":
            return Failed(f"the language model would not answer: {error}", cause="declined")
    return "answer with one JSON object"
