"""Shorthand, signs and slips of the finger."""

from __future__ import annotations

import pytest
from mantissa_core.ask.parse.spelling import near, written_out

SHORT = {"yday": "yesterday", "wk": "week"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("fails yday", "fails yesterday"),
        ("this wk", "this week"),
        ("the host wk.example.com and yday@example.com", "the host wk.example.com and yday@example.com"),
        ('named "yday"', 'named "yday"'),
        ("5 or more fails", "at least 5 fails"),
        ("more than one fail", "more than 1 fail"),
        ("5+ fails", "at least 5 fails"),
        ("couldn't log in", "could not log in"),
        ("two factor prompts of two users", "two factor prompts of 2 users"),
    ],
)
def test_shorthand_is_written_out(said: str, meant: str) -> None:
    assert written_out(said, SHORT) == meant


@pytest.mark.parametrize(("said", "meant"), [(">=3 fails", "at least 3"), ("users >3", "more than 3")])
def test_signs_are_words(said: str, meant: str) -> None:
    assert meant in written_out(said, SHORT)


def test_a_slip_is_corrected_where_it_can_be_only_one_word() -> None:
    known = {"authentication", "successful", "bucket"}
    assert near("autentication", known) == "authentication"
    assert near("buckt", known) is None, "short words have too many neighbours"
    assert near("amarantha", known) is None
