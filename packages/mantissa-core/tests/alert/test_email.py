"""What an e-mail about an alert says, and how it looks in a browser."""

from __future__ import annotations

import email
import email.policy
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mantissa_core.alert.email.compose import Correspondents, compose, message_id
from mantissa_core.alert.email.html import COLOURS, as_html
from mantissa_core.alert.email.letter import letter
from mantissa_core.model import Severity
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.sample_alerts import SAMPLES

NOW = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
WHO = Correspondents(sender="Mantissa Log <mantissa@example.com>", to=["amara@example.com", "Noor <noor@example.com>"])


class Tags(HTMLParser):
    """The elements and attributes of a document, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_same_message_is_the_same_bytes() -> None:
    one, two = (compose(SAMPLES["critical"], WHO, NOW).message.as_bytes() for _ in range(2))
    assert one == two


def test_what_was_composed_can_be_read_again() -> None:
    raw = compose(SAMPLES["critical"], WHO, NOW).message.as_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["To"] == "amara@example.com, Noor <noor@example.com>"
    assert mail["Subject"] == "[Mantissa] Critical: amara created an access key for backup-admin"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Mon, 02 Mar 2026 12:05:00 +0000"
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert max(map(len, raw.splitlines())) <= 998


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("4f1c-1-mail", "<4f1c-1-mail@example.com>"),
        ("a.b c@d\r\nX: é", "<a%2Eb%20c%40d%0D%0AX%3A%20%C3%A9@example.com>"),
        ("", "<e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855@example.com>"),
    ],
    ids=["usual", "nasty", "empty"],
)
def test_the_id_follows_from_the_key(key: str, wanted: str) -> None:
    assert message_id(key, "example.com") == wanted


def test_different_long_keys_have_different_ids_that_are_short() -> None:
    made = {message_id(f"{'x' * 500}{number}", "example.com") for number in range(3)}
    assert len(made) == 3
    assert max(map(len, made)) < 90


def test_a_hostile_alert_adds_no_element_and_no_link() -> None:
    usual, hostile = (Tags(as_html(letter(SAMPLES[name]))) for name in ("critical", "hostile"))
    assert hostile.tags == usual.tags
    assert hostile.attributes == usual.attributes
    assert not {"a", "img", "script", "link", "iframe"} & usual.tags
    assert not {"href", "src", "background"} & usual.attributes
    assert "://" not in hostile.text
    assert "<script>alert(1)</script>" in hostile.text


def test_a_hostile_alert_makes_a_short_letter() -> None:
    assert len(compose(SAMPLES["hostile"], WHO, NOW).message.as_bytes()) < 64 * 1024


@pytest.mark.parametrize("severity", list(Severity))
def test_severity_is_a_word_and_a_colour_that_can_be_read(severity: Severity) -> None:
    page = Tags(as_html(letter(delivery(severity=severity))))
    assert severity.value.upper() in page.text
    assert _contrast(*COLOURS[severity.value]) >= 4.5


def test_without_what_is_unknown_there_are_no_empty_lines_for_it() -> None:
    bare = delivery(description="", table="", tags=(), entities={}, event_ids=(), evidence=(), count=1)
    part = compose(bare, WHO, NOW).message.get_body(("plain",))
    assert part is not None
    assert part.get_content().replace("\r\n", "\n") == (
        "HIGH: alice gave herself administrator rights\n\n"
        "What  Self-service administrator\nWhen  2026-03-02 12:00:00 UTC\n\n"
        "Matches  1\nRule     Self-service administrator (acme-rule)\n\n"
        "Next\n"
        "  mantissa alerts show 0123456789abcdef0123456789abcdef\n"
        "  mantissa alerts ack 0123456789abcdef0123456789abcdef\n\n"
        "-- \nAlert 0123456789abcdef0123456789abcdef, sent by Mantissa Log\n"
    )


def test_a_very_long_subject_is_cut() -> None:
    subject = str(compose(SAMPLES["hostile"], replace_prefix("[x]"), NOW).message["Subject"])
    assert len(subject) == 160
    assert subject.endswith("…")


def replace_prefix(prefix: str) -> Correspondents:
    return WHO.model_copy(update={"subject_prefix": prefix})


def test_a_previous_receipt_that_is_no_id_makes_no_thread() -> None:
    made = compose(replace(SAMPLES["resolved"], previous="not an id"), WHO, NOW)
    assert made.message["References"] is None
    assert made.thread == made.id


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
@pytest.mark.parametrize("name", ["critical", "hostile"])
def test_no_part_of_the_page_is_wider_than_a_phone(name: str, tmp_path: Path) -> None:
    page = as_html(letter(SAMPLES[name]))
    (tmp_path / "mail.html").write_text(page)
    probe = (
        "const f = document.querySelector('iframe'); f.onload = () => { const d = f.contentDocument.documentElement;"
    )
    probe += "document.title = 'width ' + d.scrollWidth + ' of ' + d.clientWidth; };"
    frame = '<iframe src="mail.html" style="border:0;width:390px;height:4000px"></iframe>'
    (tmp_path / "phone.html").write_text(
        f"<html><title>none</title><body>{frame}<script>{probe}</script></body></html>"
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = ["chromium", *flags, profile, (tmp_path / "phone.html").as_uri()]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        pytest.skip("Chromium does not start here")
    found = re.search(r"<title>width (\d+) of (\d+)", shown)
    assert found, shown[:500]
    assert int(found[1]) <= int(found[2])


def _contrast(one: str, two: str) -> float:
    """Contrast ratio: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""
    light, dark = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
