from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_github import APP_ID, INSTALLATION, TOKEN, FakeGitHub, pem
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_github.collector import AuditLog
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
APP: dict[str, Any] = {"app_id": APP_ID, "installation_id": INSTALLATION, "private_key": pem()}


def collector(github: FakeGitHub, **settings: Any) -> AuditLog:
    return AuditLog(AuditLog.Config.model_validate({"org": "example", "api_url": github.url, **APP, **settings}))


def test_one_token_of_the_installation_is_used_until_it_ends(github: FakeGitHub) -> None:
    github.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(7)])
    subject = collector(github, page_size=3)
    subject.check()
    list(subject.read(subject.streams()[0], WINDOW, {}))
    assert github.given == ["ghs_installation-token-0"]
    assert {request.headers["authorization"] for request in github.requests} == {"Bearer ghs_installation-token-0"}


def test_a_token_that_is_refused_is_replaced(github: FakeGitHub) -> None:
    subject = collector(github)
    subject.check()
    github.lapse()
    subject.check()
    assert len(github.given) == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"app_id": "Iv23liAnother"}, "refuses the app's signature"), ({"installation_id": 1}, "no such installation")],
)
def test_a_refusal_of_the_app_says_what_to_do(github: FakeGitHub, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(NeedsOperator, match=words):
        collector(github, **settings).check()


def test_an_answer_without_a_token_is_tried_again(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github, "other", lambda request: Answer(201, {"expires_at": "soon"}))
    with pytest.raises(Retry, match="no token"):
        collector(github).check()


def test_a_key_that_is_none_needs_the_operator(github: FakeGitHub) -> None:
    with pytest.raises(NeedsOperator, match="private_key"):
        collector(github, private_key="no key")


@pytest.mark.parametrize(
    "settings",
    [{}, {**APP, "token": TOKEN}, {"app_id": APP_ID}, {"token": TOKEN, "installation_id": 7}, {**APP, "app_id": ""}],
    ids=["none", "both", "half of it", "a half and a token", "no app"],
)
def test_there_is_exactly_one_credential(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AuditLog.Config.model_validate({"org": "example", **settings})
