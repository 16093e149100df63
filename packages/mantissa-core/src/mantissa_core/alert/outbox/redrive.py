"""Dead letters that come back: by command all of them, by themselves those of a destination that was down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mantissa_core.alert import keys
from mantissa_core.alert.codec import time_to_json
from mantissa_core.alert.message import Message
from mantissa_core.errors import Conflict
from mantissa_core.model.document import Put
from mantissa_core.state.documents import State

MOST = 5
"""How often a message comes back by itself: one that never gets through must not be sent for ever."""


def letters(state: State, destination: str | None = None) -> Iterator[Message]:
    """The dead letters of one destination, or of all, oldest first."""
    prefix = "dead/" if destination is None else keys.messages("dead", destination)
    return map(Message.of, state.scan(keys.PARTITION, prefix))


def redrivable(state: State, destination: str) -> Iterator[Message]:
    """Those that failed too often, rather than being refused, and have not come back too often already."""
    return (each for each in letters(state, destination) if not each.refused and each.redriven < MOST)


def revive(state: State, letter: Message, now: datetime, *, by_itself: bool = False) -> bool:
    """Put a dead letter back into the outbox, with all its tries. False where somebody else did."""
    moment, key = time_to_json(now), letter.key_in("outbox")
    again = letter.with_(
        spent=0, next_at=moment, pause=0.0, leased_until=moment, redriven=letter.redriven + 1 if by_itself else 0
    )
    try:
        puts = [Put(key, again.value), Put(letter.key, None)]
        state.commit(keys.PARTITION, puts, {letter.key: letter.version, key: 0})
    except Conflict:
        return False
    return True
