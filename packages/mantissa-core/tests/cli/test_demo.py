"""The demo: everything at work over a simulated day, or over logs of one's own."""

import json

import pytest

from .conftest import documents, event, mantissa, write_lines

pytest.importorskip("mantissa_aws")
pytest.importorskip("mantissa_okta")
pytest.importorskip("mantissa_rules")

DAY = ["--seed", "3", "--day", "2026-11-19", "--events", "1500"]


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory):
    """A demo's folder and what it said."""
    folder = tmp_path_factory.mktemp("demo") / "d"
    return folder, mantissa("demo", *DAY, "--keep", str(folder))


def test_every_planted_attack_is_alerted_and_the_rest_is_counted(demonstrated):
    folder, result = demonstrated
    assert result.exit_code == 0, result.output
    for part in ("4 of 4 were alerted", "not planted", "EVIDENCE", f"mantissa -C {folder} alerts show", "The lake is"):
        assert part in result.output


def test_what_it_suggests_to_type_works(demonstrated):
    folder, result = demonstrated
    suggested = [line.strip() for line in result.output.splitlines() if line.startswith(f"  mantissa -C {folder}")]
    assert len(suggested) == 4
    import shlex

    for line in suggested:
        assert mantissa(*shlex.split(line)[1:]).exit_code == 0, line


def test_the_next_demo_replaces_it_and_says_the_same_in_json(demonstrated):
    folder, _ = demonstrated
    document = documents(mantissa("--json", "demo", *DAY, "--keep", str(folder)))
    assert [bool(each["alerts"]) for each in document["attacks"]] == [True] * 4
    truth = json.loads((folder / "logs" / "ground_truth.json").read_text())
    assert {name: each["rows"] for name, each in document["events"].items()} == {
        "cloudtrail": truth["events"]["aws.cloudtrail"],
        "okta": truth["events"]["okta.system"],
    }
    planted = {alert for attack in document["attacks"] for alert in attack["alerts"]}
    assert document["alerts_not_planted"] == len(document["alerts"]) - len(planted)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    for extra in (None, "# Made by 'mantissa demo', which makes this folder anew each time.\n"):
        if extra:
            (tmp_path / "mantissa.toml").write_text(extra)
        result = mantissa("demo", "--keep", str(tmp_path))
        assert result.exit_code == 2
        assert "--keep" in result.stderr
        assert (tmp_path / "precious.txt").read_text() == "mine"


def test_real_logs_are_counted_by_type_and_every_one_is_stored(demonstrated, tmp_path):
    folder, _ = demonstrated
    logs = tmp_path / "logs"
    write_lines(logs / "app.ndjson", {"message": "m", "level": "info", "service": "s", "host": "h"}, {"message": "n"})
    (logs / "trail").symlink_to(folder / "logs" / "AWSLogs")
    (logs / "okta.ndjson").write_bytes(next((folder / "logs" / "okta").iterdir()).read_bytes())
    write_lines(logs / "odd.ndjson", {"foo": event(1)})
    truth = json.loads((folder / "logs" / "ground_truth.json").read_text())["events"]
    document = documents(mantissa("--json", "demo", "--keep", str(tmp_path / "d"), "--input", str(logs)))
    rows = {name: each["rows"] for name, each in document["events"].items()}
    assert rows["okta.system"] == truth["okta.system"]
    assert rows["generic.json"] == 2
    assert list(document["skipped"]) == [str(logs / "odd.ndjson")]
    assert document["alerts"]


def test_it_names_the_packages_that_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("mantissa_core.cli.demo.NEEDED", ("mantissa-aws", "mantissa-nowhere"))
    result = mantissa("demo", "--keep", str(tmp_path / "d"))
    assert result.exit_code == 3
    assert "pip install mantissa-nowhere" in result.stderr


def test_any_installed_source_can_be_shown(tmp_path):
    result = mantissa(
        "--json", "demo", *DAY, "--source", "okta", "--source", "AWS Config", "--keep", str(tmp_path / "d")
    )
    assert result.exit_code == 0, result.output
    document = documents(result)
    assert {name: each["rows"] for name, each in document["events"].items()} == {"aws.config": 750, "okta.system": 750}
    assert document["attacks"] == []
    assert document["alerts"]


def test_a_source_that_is_not_installed_is_refused_with_those_that_are(tmp_path):
    result = mantissa("demo", "--source", "nope", "--keep", str(tmp_path / "d"))
    assert result.exit_code == 2
    assert "Okta" in result.stderr
