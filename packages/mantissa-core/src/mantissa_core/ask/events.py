"""What happens while a question is answered, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One step on the way to an answer. ``data`` holds JSON values, by ``kind``:

    ``reading``
        ``by``: ``offline``, or the label of the language model that is asked now. Of a model also ``call`` (1, and one
        more for each repair), and the worst case of that call: ``tokens``, and ``cost`` in US dollars (``None`` where
        its price is not known).
    ``token``
        ``text``: a part of what the model writes, as it arrives. It is text from outside: never markup or a command.
    ``understood``
        ``explanation``, ``assumptions`` and ``sql`` of what will run.
    ``estimate``
        ``bytes`` and ``cost`` in US dollars of running it.
    ``answer``
        Nothing: the answer is there. It comes last, and not where answering raises an error.
    """

    kind: str
    data: Mapping[str, Any]


OnEvent = Callable[[Event], None]
"""Gets each event on the asking thread. What it raises ends the question."""


def tell(on_event: OnEvent | None, kind: str, **data: Any) -> None:
    """Tell whoever listens, if somebody does."""
    if on_event is not None:
        on_event(Event(kind, data))
