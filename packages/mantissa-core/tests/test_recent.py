from __future__ import annotations

from mantissa_core.recent import MOST, Recent


def test_the_oldest_key_makes_room_however_a_key_is_set() -> None:
    recent: Recent[int] = Recent()
    for number in range(MOST + 5):
        recent[str(number)] = number
        recent.setdefault(f"{number}?", number)
    assert len(recent) == MOST
    assert [*recent][:2] == ["505", "505?"]
    assert [*recent][-1] == f"{MOST + 4}?"
