"""``mantissa rules convert`` on files, without an instance's lake."""

from __future__ import annotations

import json

RULES = """
title: It's found
id: 7f0f2a0c-5a43-4c65-9c8e-1d1d8f0f5a11
logsource: {product: other, service: audit}
detection: {selection: {verb: "o'pen"}, condition: selection}
"""
REGEX = RULES.replace("5a11", "5a12").replace('verb: "o', 'verb|re: "o')


CORRELATION = """
title: Many
id: 7f0f2a0c-5a43-4c65-9c8e-1d1d8f0f5a13
correlation: {type: event_count, rules: [7f0f2a0c-5a43-4c65-9c8e-1d1d8f0f5a11], timespan: 5m, condition: {gte: 5}}
"""


def write(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.yml").write_text(text)
    return str(folder)


def test_convert_prints_sql_or_the_reason(home, mantissa_at, tmp_path):
    (tmp_path / "rules").mkdir()
    folder = write(tmp_path / "rules", a=RULES)
    result = mantissa_at("rules", "convert", "--to", "athena", folder)
    assert (result.exit_code, result.output.count("o''pen"), 'FROM "other_audit"' in result.output) == (0, 1, True)
    write(tmp_path / "rules", b=REGEX)
    result = mantissa_at("rules", "convert", "--to", "synapse", folder)
    assert (result.exit_code, result.output.count("-- not converted: Synapse has no regular expressions")) == (1, 1)


def test_convert_prints_one_json_object_for_each_rule_that_loaded_or_not(home, mantissa_at, tmp_path):
    (tmp_path / "rules").mkdir()
    folder = write(tmp_path / "rules", a=RULES, b=REGEX, c=CORRELATION, d="title: Broken")
    result = mantissa_at("--json", "rules", "convert", "--to", "synapse", folder)
    assert result.exit_code == 1
    found, refused, correlation, broken = (json.loads(line) for line in result.stdout.splitlines())
    assert all(list(each) == ["id", "title", "source", "statements"] for each in (found, refused))
    (statement,) = found["statements"]
    assert (statement["table"], "N'o''pen'" in statement["sql"]) == ("other_audit", True)
    assert refused["statements"] == [{"table": "other_audit", "reason": "Synapse has no regular expressions"}]
    assert (correlation["title"], correlation["statements"]) == ("Many", [])
    assert correlation["correlator"].startswith("event_count of the matches of ")
    assert (broken["id"], broken["source"].endswith("d.yml"), bool(broken["reason"])) == (None, True, True)


def test_convert_names_the_installed_engines(mantissa_at):
    result = mantissa_at("rules", "convert", "--to", "oracle", ".")
    assert result.exit_code == 2
    assert "'oracle' is not installed; installed are athena, bigquery, duckdb, synapse" in result.output
