"""From what a language model's server streams to :class:`Piece`, alike for every wire format."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from mantissa_core.errors import Retry
from mantissa_core.model.completion import Completion, Piece

from .said import Said, whole, with_data

Heard = Generator[str, None, Said]
"""Yields texts as they arrive, and returns the whole as the server gave it."""


def as_pieces(heard: Heard, *, data: bool) -> Iterator[Piece]:
    """The texts, and the completion behind them.

    Raises:
        Unusable: the answer is cut short, a refusal, or with ``data`` no JSON object.
    """
    while True:
        try:
            text = next(heard)
        except StopIteration as end:
            yield Piece(completion=with_data(end.value) if data else whole(end.value))
            return
        if text:
            yield Piece(text)


def at_once(completion: Completion) -> Iterator[Piece]:
    """The pieces of an answer that came whole."""
    yield Piece(completion.text)
    yield Piece(completion=completion)


def broke_off() -> Retry:
    """The error for a stream that ends before it says that it does."""
    return Retry("the language model's answer broke off")


def listen(pieces: Iterator[Piece], tell: Callable[[str], None]) -> Completion | None:
    """Hand every text on and return the whole; ``None`` where nothing came at all.

    Raises:
        Retry: the pieces end without the whole.
    """
    began = False
    try:
        for piece in pieces:
            began = True
            if piece.text:
                tell(piece.text)
            if piece.completion is not None:
                return piece.completion
    finally:  # whoever hears no more lets go of the connection
        if close := getattr(pieces, "close", None):
            close()
    if began:
        raise broke_off()
    return None
