from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_slack_chat import CHANNEL, HOOK, TOKEN, FakeSlackChat
from mantissa_core import Runtime
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Choice, Delivery, Severity
from mantissa_core.setup.trial import choices, validate
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.sample_alerts import SAMPLES
from mantissa_core.testing.snapshots import assert_snapshot
from mantissa_slack.blocks import blocks, escaped, message
from mantissa_slack.bot import Bot
from mantissa_slack.webhook import Webhook
from pydantic import ValidationError


@pytest.fixture
def chat() -> Iterator[FakeSlackChat]:
    with FakeSlackChat() as fake:
        yield fake


def bot(chat: FakeSlackChat, **settings: Any) -> Bot:
    config = {"token": TOKEN, "channel": CHANNEL, "api_url": chat.url, "timeout": 2, **settings}
    return Bot(Bot.Config.model_validate(config))


def hook(chat: FakeSlackChat, path: str = HOOK, **settings: Any) -> Webhook:
    return Webhook(Webhook.Config.model_validate({"webhook_url": chat.url + path, "timeout": 2, **settings}))


def step(event: str, status: str, previous: str | None = None, **changes: Any) -> Delivery:
    made = delivery(f"kit-{status}")
    alert = replace(made.alert, status=status, changed_by="amara")
    return replace(made, event=event, alert=alert, previous=previous, **changes)


def test_a_message_says_what_happened_and_how_to_see_more() -> None:
    texts = [block.get("text", {}).get("text") or block["elements"][0]["text"] for block in blocks(delivery())]
    assert texts == [
        "🟠 High: Self-service administrator",
        "*alice gave herself administrator rights*",
        "*Who*  alice\n*What*  Self-service administrator (2 times)\n*When*  2026-03-02 12:00:00 UTC\n"
        "*Where*  from 198.51.100.7 in aws_cloudtrail\n"
        "*Why*  Somebody attached an administrator policy to the own user.\n"
        "*How*  ATT&amp;CK T1098; eventName=AttachUserPolicy",
        "```eventName: AttachUserPolicy\nuserName: alice```",
        "```mantissa alerts show 0123456789abcdef0123456789abcdef\n"
        "mantissa query \"SELECT * FROM aws_cloudtrail WHERE m_id = '00112233445566778899aabbccddeeff'\"\n"
        "mantissa alerts ack 0123456789abcdef0123456789abcdef```",
        "2 matches found · rule acme-rule · <https://attack.mitre.org/techniques/T1098/|T1098> · "
        "alert 0123456789abcdef0123456789abcdef",
    ]
    assert message(delivery())["text"] == "HIGH: alice gave herself administrator rights"


@pytest.mark.parametrize("name", SAMPLES)
def test_what_people_read(chat: FakeSlackChat, name: str) -> None:
    bot(chat).deliver(SAMPLES[name])
    shown = json.dumps(chat.posts[0], indent=1, ensure_ascii=False) + "\n"
    assert_snapshot(Path(__file__).parent / "snapshots" / f"message-{name}.json", shown)
    hook(chat).deliver(SAMPLES[name])
    assert chat.posts[1]["attachments"] == chat.posts[0]["attachments"]
    assert chat.posts[1]["text"] == chat.posts[0]["text"]


@pytest.mark.parametrize("severity", list(Severity))
def test_every_severity_has_a_colour_and_a_mark(severity: Severity) -> None:
    made = message(delivery(severity=severity))
    assert made["attachments"][0]["color"].startswith("#")
    assert severity.value.capitalize() in made["attachments"][0]["blocks"][0]["text"]["text"]


def test_what_a_log_says_is_neither_mention_nor_link_nor_markup() -> None:
    nasty = "<!channel> <https://evil.example|click> <@U1> ```x``` & \x1b[2J"
    made = message(delivery(summary=nasty, entities={"user": (nasty,)}, evidence=({nasty: nasty},), rule_name=nasty))
    shown = json.dumps(made["attachments"][0]["blocks"][1:], ensure_ascii=False)
    assert "<" not in shown.replace("<https://attack.mitre.org/techniques/T1098/|T1098>", "")
    assert "\\u001b" not in shown
    assert made["attachments"][0]["blocks"][3]["text"]["text"].count("```") == 2
    assert escaped("<a&b>") == "&lt;a&amp;b&gt;"


@pytest.mark.parametrize("size", [100, 2990, 3000, 3001, 200_000])
def test_texts_of_every_length_are_taken(chat: FakeSlackChat, size: int) -> None:
    text = "&" * size
    bot(chat).deliver(delivery(summary=text, evidence=({text: text},), entities={"user": (text,)}, description=text))
    assert len(chat.posts) == 1


def test_the_bots_message_follows_the_alert_and_its_thread_tells_each_step(chat: FakeSlackChat) -> None:
    subject = bot(chat)
    place = subject.deliver(delivery()).reference
    assert place == f"{CHANNEL}:{chat.posts[0]['ts']}"
    assert subject.deliver(step("updated", "acknowledged", place)).reference == place
    assert subject.deliver(step("resolved", "resolved", place)).reference == place
    head, *replies = chat.posts
    assert head["attachments"][0]["blocks"][0]["text"]["text"] == "🟠 High: Self-service administrator – resolved"
    assert [each["text"] for each in replies] == ["Acknowledged by amara", "Resolved by amara"]
    assert {each["thread_ts"] for each in replies} == {head["ts"]}


def test_a_step_that_is_repeated_is_told_once(chat: FakeSlackChat) -> None:
    place = bot(chat).deliver(delivery()).reference
    bot(chat).deliver(step("resolved", "resolved", place))
    bot(chat).deliver(step("resolved", "resolved", place, attempt=2))
    assert len(chat.posts) == 2


def test_where_the_app_may_not_read_the_channel_it_posts_all_the_same(
    chat: FakeSlackChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"ok": False, "error": "missing_scope"}
    monkeypatch.setattr(chat, "_conversations_history", lambda _request: missing)
    bot(chat).deliver(replace(delivery(), attempt=2))
    assert len(chat.posts) == 1


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("not_in_channel", NeedsOperator, "invite the app to the channel"),
        ("invalid_auth", NeedsOperator, "it was revoked or is no bot token"),
        ("something_new", NeedsOperator, "see its documentation"),
        ("ratelimited", Retry, "ratelimited"),
        ("internal_error", Retry, "internal_error"),
    ],
)
def test_a_refusal_with_status_200_is_one(chat: FakeSlackChat, code: str, error: type[Exception], words: str) -> None:
    chat.refusal = code
    with pytest.raises(error, match=words):
        bot(chat).deliver(delivery())
    with pytest.raises(error, match=words):
        bot(chat).check()
    chat.refusal = ""
    bot(chat).check()


def test_the_channels_to_choose_from_are_those_that_the_app_sees(chat: FakeSlackChat) -> None:
    chat.channels = [(f"C{number:010}", f"room-{number}", number % 2 == 1) for number in range(450)]
    found = bot(chat).choices("channel")
    assert [each.value for each in found] == [each[0] for each in chat.channels]
    assert found[449] == Choice("C0000000449", "#room-449")
    assert bot(chat).choices("api_url") == []


def test_without_the_scope_for_private_channels_it_lists_the_public_ones(chat: FakeSlackChat) -> None:
    chat.scopes = {"channels:read"}
    assert bot(chat).choices("channel") == [Choice("C0123456789", "#general")]


def test_without_any_scope_to_list_channels_it_names_the_one_that_is_missing(chat: FakeSlackChat) -> None:
    chat.scopes = set()
    with pytest.raises(NeedsOperator, match="the app lacks the scope channels:read"):
        bot(chat).choices("channel")


def test_the_webhook_posts_under_the_name_that_it_is_given(chat: FakeSlackChat) -> None:
    hook(chat, channel="#sec", username="Mantissa", icon_emoji=":rotating_light:").deliver(delivery())
    assert {name: chat.posts[0][name] for name in ("channel", "username", "icon_emoji")} == {
        "channel": "#sec",
        "username": "Mantissa",
        "icon_emoji": ":rotating_light:",
    }


def test_a_webhook_that_was_revoked_needs_the_operator(chat: FakeSlackChat) -> None:
    with pytest.raises(NeedsOperator, match="the webhook was revoked: create a new one"):
        hook(chat, "/services/T/B/other").deliver(delivery())


@pytest.mark.parametrize("url", ["http://hooks.slack.com/services/x", "hooks.slack.com", "ftp://127.0.0.1/x"][:2])
def test_a_webhook_is_https(url: str) -> None:
    with pytest.raises(ValidationError, match="the address of an incoming webhook"):
        Webhook.Config.model_validate({"webhook_url": url})


def test_while_it_is_set_up_its_channels_are_offered_before_one_is_chosen(chat: FakeSlackChat, tmp_path: Path) -> None:
    with Runtime.open({"home": str(tmp_path)}) as runtime:
        answers = {"token": TOKEN, "api_url": chat.url}
        assert Choice("C0123456789", "#general") in choices(runtime, "slack.bot", answers, "channel")
        found = validate(runtime, "slack.bot", {**answers, "channel": CHANNEL})
        assert found.success, found.message
        refused = validate(runtime, "slack.bot", {**answers, "token": "xoxb-wrong-token", "channel": CHANNEL})
        assert not refused.success
        assert "xoxb-wrong-token" not in repr(refused)
    assert [each["text"] for each in chat.posts] == ["INFORMATIONAL: Test message from Mantissa Log"]
