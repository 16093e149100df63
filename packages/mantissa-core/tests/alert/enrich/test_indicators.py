from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.alert.enrich.indicators import index as index_module
from mantissa_core.alert.enrich.indicators.enricher import Indicators
from mantissa_core.alert.story import story
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import an_alert
from pydantic import ValidationError
from structlog.testing import capture_logs


def over(folder: Path, text: str | bytes, name: str = "list.txt", **settings: Any) -> Indicators:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Indicators(Indicators.Config.model_validate({"paths": [path], **settings}))


def said(enricher: Indicators, value: str) -> str | None:
    """What the lists say of a target."""
    found = enricher.enrich(an_alert(target=value))
    if found is None:
        return None
    [facts] = [each[value] for each in found.facts.values()]
    return str(facts["reputation"])


def counts(enricher: Indicators) -> tuple[int, int, int]:
    """Indicators, unreadable and expired ones, as the log tells them."""
    with capture_logs() as logs:
        enricher.check()
    [told] = logs
    return told["indicators"], told["unreadable"], told["expired"]


# -- plain lists ---------------------------------------------------------------------------------------------------

PLAIN = """\
\ufeff# A list of ours
203.0.113.7 # C2 server
198.51.100.0/24 ; SBL1

2001:db8:bad::/48
2001:db8::dead
Evil.Example
*.wild.example\t# all below it
https://files.example/payload.exe#part
hxxp://pay[.]example/x
44D88612FEA8A8F36DE82E1278ABB02F
mallory@example.com
192.0.2.1:4444 # C2 server
"""


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ("203.0.113.7", ": C2 server"),
        ("::ffff:203.0.113.7", ": C2 server"),
        ("198.51.100.200", ": SBL1"),
        ("2001:db8:bad:1::1", ""),
        ("2001:0DB8::DEAD", ""),
        ("evil.example", ""),
        ("EVIL.EXAMPLE.", ""),
        ("https://evil.example/login?x=1", ""),
        ("a.b.wild.example", ": all below it"),
        ("https://files.example/payload.exe#part", ""),
        ("http://pay.example/x", ""),
        ("44d88612fea8a8f36de82e1278abb02f", ""),
        ("Mallory@example.com", ""),
        ("192.0.2.1", ": C2 server"),
    ],
)
def test_what_is_listed_is_found(tmp_path: Path, value: str, note: str) -> None:
    assert said(over(tmp_path, PLAIN), value) == f"listed in list.txt{note}"


@pytest.mark.parametrize(
    "value",
    [
        *(
            "203.0.113.8",
            "198.51.101.1",
            "2001:db8::deae",
            "www.evil.example",
            "wild.example",
            "evil.exampl",
            "example",
        ),
        *("", "http://[", "." * 5000, "x" * 100_000, "a." * 5000 + "wild.example", "\x00"),
    ],
    ids=lambda each: repr(each[:20]),
)
def test_what_is_not_listed_is_not_found(tmp_path: Path, value: str) -> None:
    assert said(over(tmp_path, PLAIN), value) is None


def test_addresses_users_and_targets_come_with_their_lists(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("203.0.113.7 # seen on 1 March\nmallory@example.com\n")
    (tmp_path / "feed.csv").write_text("ip,malware\n203.0.113.7,Emotet\n")
    enricher = Indicators(Indicators.Config(paths=(tmp_path / "own.txt", tmp_path / "feed.csv")))
    alert = an_alert(src_ip="203.0.113.7", user="mallory@example.com", target="bucket")
    found = enricher.enrich(alert)
    assert found is not None
    assert found.facts == {
        "ips": {
            "203.0.113.7": {
                "reputation": "listed in own.txt: seen on 1 March; listed in feed.csv: Emotet",
                "lists": ["own.txt", "feed.csv"],
            }
        },
        "indicators": {"mallory@example.com": {"reputation": "listed in own.txt", "lists": ["own.txt"]}},
    }
    told = story(replace(alert, enrichment={"lists": found.facts}))
    assert told.who == "mallory@example.com (listed in own.txt)"
    assert "203.0.113.7 (listed in own.txt: seen on 1 March; listed in feed.csv: Emotet)" in told.where


def test_of_networks_within_one_another_the_narrowest_speaks(tmp_path: Path) -> None:
    enricher = over(tmp_path, "203.0.0.0/16 # wide\n203.0.113.0/24 # narrow\n203.0.113.7 # one\n")
    assert [said(enricher, each) for each in ("203.0.113.7", "203.0.113.8", "203.0.1.1")] == [
        "listed in list.txt: one",
        "listed in list.txt: narrow",
        "listed in list.txt: wide",
    ]


@pytest.mark.parametrize("line", ["0.0.0.0/0", "::/0", "203.0.113.7/33", "999.1.1.1", "1.2.3.4 - 1.2.3.9", "<b>x</b>"])
def test_what_is_no_indicator_is_counted(tmp_path: Path, line: str) -> None:
    assert counts(over(tmp_path, f"evil.example\n{line}\n")) == (1, 1, 0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"<html><body>\nPlease sign in\n</body></html>\n", "list.txt"),
        (bytes(range(256)) * 100, "list.txt"),
        (b"ip\n<html>\n", "list.csv"),
        (b'{"objects": [{"type": "indicator", "pattern": "rule x {}", "pattern_type": "yara"}]}', "list.json"),
    ],
    ids=["page", "bytes", "CSV", "YARA"],
)
def test_a_list_of_something_else_is_refused(tmp_path: Path, text: bytes, name: str) -> None:
    with pytest.raises(NeedsOperator, match="entries cannot be read, 0 can: is its format what its name says"):
        over(tmp_path, text, name).check()


def test_an_empty_list_is_a_list(tmp_path: Path) -> None:
    for name, text in (("a.txt", ""), ("a.csv", ""), ("a.json", '{"type": "bundle", "id": "bundle--1"}')):
        assert counts(over(tmp_path, text, name)) == (0, 0, 0)


def test_a_list_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MOST", 3)
    over(tmp_path, "a.example\nb.example\nb.example\nc.example\n").check()
    with pytest.raises(NeedsOperator, match="more than 3 indicators"):
        over(tmp_path, "a.example\nb.example\nc.example\nd.example\n").check()


def test_a_line_without_end_does_no_harm(tmp_path: Path) -> None:
    assert counts(over(tmp_path, "a.example\nb.example\n" + "x" * 70_000)) == (2, 2, 0)


def test_a_changed_list_counts_at_once_and_a_broken_one_not_at_all(tmp_path: Path) -> None:
    enricher = over(tmp_path, "203.0.113.7\n")
    assert said(enricher, "203.0.113.7")
    over(tmp_path, "203.0.113.77\n")
    enricher.check()
    assert said(enricher, "203.0.113.7") is None
    over(tmp_path, "<html>\n")
    with pytest.raises(NeedsOperator, match="the version before stays in use"):
        enricher.check()
    assert said(enricher, "203.0.113.77")
    assert Indicators.about is None, "an answer that was remembered would hide the change"


def test_one_missing_list_hides_nothing_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("203.0.113.7\n")
    enricher = Indicators(Indicators.Config(paths=(tmp_path / "missing.txt", tmp_path / "own.txt")))
    assert said(enricher, "203.0.113.7")
    with pytest.raises(NeedsOperator, match=r"missing\.txt"):
        said(enricher, "203.0.113.8")


def test_facts_about_very_many_values_are_bounded(tmp_path: Path) -> None:
    enricher = over(tmp_path, "203.0.112.0/20 # " + "é" * 5000)
    entities: Any = {"src_ip": tuple(f"203.0.{112 + n // 256}.{n % 256}" for n in range(2000))}
    alert: Alert = replace(an_alert(), entities=entities)
    found = enricher.enrich(alert)
    assert found is not None
    assert 1 < len(found.facts["ips"]) < 100
    assert len(json.dumps(dict(found.facts))) <= 16 * 1024


def test_a_list_is_needed() -> None:
    with pytest.raises(ValidationError):
        Indicators.Config(paths=())


# -- CSV -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        pytest.param("ip,description\n203.0.113.7,C2\n", {}, id="usual names"),
        pytest.param('"Note" , "Address"\n"C2", "203.0.113.7"\n', {"value_column": "address"}, id="named"),
        pytest.param("ip,a,why\n203.0.113.7,x,C2\n", {"note_column": "why"}, id="named note"),
        pytest.param("# feed\n#\n# id,ip,threat\n1,203.0.113.7,C2\n", {}, id="header in a comment"),
        pytest.param("# feed\nip,malware\r\n\r\n203.0.113.7,C2\r\n# end\r\n", {}, id="comments around"),
    ],
)
def test_columns_of_csv_are_found(tmp_path: Path, text: str, settings: dict[str, str]) -> None:
    enricher = over(tmp_path, text, "list.csv", **settings)
    assert counts(enricher) == (1, 0, 0)
    assert said(enricher, "203.0.113.7") == "listed in list.csv: C2"


@pytest.mark.parametrize(
    ("text", "settings", "reason"),
    [
        ("a,b\n1,2\n", {}, "its header lacks a column that is known: set value_column"),
        ("ip,b\n1,2\n", {"value_column": "c"}, "its header lacks c"),
        ("ip,b\n203.0.113.7,2\n", {"note_column": "c"}, "its header lacks c"),
        ('ip\n"' + "x" * 200_000, {}, "no CSV: field larger than field limit"),
    ],
    ids=["no known", "not the named", "not the named note", "endless"],
)
def test_csv_without_its_columns_is_refused(tmp_path: Path, text: str, settings: dict[str, str], reason: str) -> None:
    with pytest.raises(NeedsOperator, match=reason):
        over(tmp_path, text, "list.csv", **settings).check()


def test_rows_that_are_too_short_are_counted(tmp_path: Path) -> None:
    assert counts(over(tmp_path, "note,ip\na,203.0.113.7\nb\nc,\nd,203.0.113.8,more\n", "list.csv")) == (2, 2, 0)


# -- STIX ----------------------------------------------------------------------------------------------------------


def indicator(pattern: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{number}",
        "created": "2026-03-01T00:00:00.000Z",
        "modified": "2026-03-01T00:00:00.000Z",
        "name": "Emotet",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-03-01T00:00:00Z",
    }
    return {**made, **changes}


def bundle(folder: Path, *objects: Any) -> Indicators:
    document = {"type": "bundle", "id": "bundle--1", "objects": list(objects)}
    return over(folder, json.dumps(document), "feed.json")


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        ("[ipv4-addr:value = '203.0.113.7']", ["203.0.113.7"]),
        ("[ipv4-addr:value = '203.0.113.0/24']", ["203.0.113.200"]),
        ("[ipv4-addr:value ISSUBSET '203.0.113.0/24']", ["203.0.113.200"]),
        ("[ipv6-addr:value='2001:db8::7']", ["2001:db8::7"]),
        ("[domain-name:value = 'evil.example' OR url:value = 'http://evil.example/x']", ["evil.example"]),
        ("([url:value = 'http://a.example/it\\'s'] OR [domain-name:value = 'b.example'])", ["http://a.example/it's"]),
        ("[(domain-name:value IN ('a.example', 'b.example'))]", ["a.example", "b.example"]),
        ("[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f']", ["44D88612FEA8A8F36DE82E1278ABB02F"]),
        ("[file:hashes.'SHA-256' = 'AABB' OR file:hashes.\"SHA-1\" = 'ccdd']", ["aabb", "ccdd"]),
        ("[email-addr:value = 'mallory@example.com']", ["mallory@example.com"]),
        ("[network-traffic:dst_ref.value = '203.0.113.7']", ["203.0.113.7"]),
        (
            "[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '203.0.113.7'"
            " OR network-traffic:src_ref.type = 'domain-name' AND network-traffic:src_ref.value = 'evil.example']",
            ["203.0.113.7", "evil.example"],
        ),
    ],
)
def test_patterns_of_equal_values_are_read(tmp_path: Path, pattern: str, values: list[str]) -> None:
    enricher = bundle(tmp_path, indicator(pattern))
    assert [said(enricher, each) for each in values] == ["listed in feed.json: Emotet"] * len(values)


@pytest.mark.parametrize(
    "pattern",
    [
        "[file:name = 'a.exe' OR ipv4-addr:value = '203.0.113.7']",
        "[ipv4-addr:value = '203.0.113.7' AND file:hashes.MD5 = 'aa']",
        "[ipv4-addr:value = '203.0.113.7'] FOLLOWEDBY [domain-name:value = 'a.example']",
        "[ipv4-addr:value = '203.0.113.7'] WITHIN 5 MINUTES",
        "[ipv4-addr:value != '203.0.113.7']",
        "[network-traffic:dst_ref.type = 'ipv4-addr']",
        "[network-traffic:dst_ref.type = 'ipv4-addr' AND file:name = 'a.exe']",
        "[NOT ipv4-addr:value = '203.0.113.7']",
        "[domain-name:value LIKE '%.example']",
        "[domain-name:value MATCHES '.*']",
        "[ipv4-addr:value = '203.0.113.7'",
        "ipv4-addr:value = '203.0.113.7'",
        "[ipv4-addr:value = '203.0.113.7' ipv4-addr:value = '203.0.113.8']",
        "[ipv4-addr:value = '203.0.113.7 OR]",
        "[]",
        "",
        "[" * 90_000,
        "[domain-name:value = '" + "a" * 200_000 + "']",
    ],
    ids=lambda each: each[:50],
)
def test_patterns_that_say_more_are_counted_and_not_guessed(tmp_path: Path, pattern: str) -> None:
    enricher = bundle(tmp_path, indicator(pattern), indicator("[domain-name:value = 'evil.example']", 2))
    assert counts(enricher) == (1, 1, 0)
    assert said(enricher, "203.0.113.7") is None


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"revoked": True}, (1, 0, 0)),
        ({"valid_until": "2026-03-02T00:00:00Z"}, (1, 0, 1)),
        ({"valid_until": "2999-01-01T00:00:00.123456Z"}, (2, 0, 0)),
        ({"valid_until": "soon"}, (1, 1, 0)),
        ({"valid_from": 7}, (1, 1, 0)),
        ({"pattern_type": "sigma"}, (1, 1, 0)),
        ({"pattern": None}, (1, 1, 0)),
        ({"type": "malware"}, (1, 0, 0)),
    ],
    ids=lambda each: str(each),
)
def test_what_does_not_count_any_more_is_left_out(
    tmp_path: Path, changes: dict[str, Any], wanted: tuple[int, int, int]
) -> None:
    whole = indicator("[domain-name:value = 'evil.example']")
    assert counts(bundle(tmp_path, whole, {**indicator("[domain-name:value = 'b.example']", 2), **changes})) == wanted


def test_an_indicator_counts_between_its_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = "[domain-name:value = 'evil.example']"
    enricher = bundle(
        tmp_path, indicator(pattern, valid_from="2997-01-01T00:00:00Z", valid_until="2998-01-01T00:00:00Z")
    )
    enricher.check()
    told = []
    for year in (2996, 2997, 2998):
        monkeypatch.setattr("time.time", lambda year=year: (year - 1970) * 365.2425 * 86_400 + 5 * 86_400)
        told.append(said(enricher, "evil.example"))
    assert told == [None, "listed in feed.json: Emotet", None]


def test_the_latest_version_of_an_indicator_counts(tmp_path: Path) -> None:
    pattern = "[domain-name:value = 'evil.example']"
    old, new = indicator(pattern), indicator(pattern, modified="2026-04-01T00:00:00.000Z", revoked=True)
    assert counts(bundle(tmp_path, new, old)) == (0, 0, 0)
    assert counts(bundle(tmp_path, old, {**new, "revoked": False, "name": "Later"})) == (1, 0, 0)


def test_of_two_indicators_for_one_value_the_one_that_counts_longer_stays(tmp_path: Path) -> None:
    pattern = "[domain-name:value = 'evil.example']"
    lasting, passing = indicator(pattern, 1), indicator(pattern, 2, name="Other", valid_until="2998-01-01T00:00:00Z")
    for order in ((lasting, passing), (passing, lasting)):
        enricher = bundle(tmp_path, *order)
        assert said(enricher, "evil.example") == "listed in feed.json: Emotet"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no complete JSON"),
        ("[" * 100_000, "no complete JSON"),
        ("[]", "no STIX bundle"),
        ('{"objects": {}}', "no STIX bundle"),
    ],
    ids=["cut", "deep", "list", "object"],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(NeedsOperator, match=reason):
        over(tmp_path, text, "feed.json").check()


def test_objects_of_any_kind_do_no_harm(tmp_path: Path) -> None:
    assert counts(
        bundle(tmp_path, 7, None, [], {"type": "indicator"}, indicator("[url:value = 'http://x.example']"))
    ) == (1, 1, 0)
