"""``mantissa rules convert`` on files, without an instance's lake."""

from __future__ import annotations

from .conftest import documents

RULES = """
title: It's found
id: 7f0f2a0c-5a43-4c65-9c8e-1d1d8f0f5a11
logsource: {product: other, service: audit}
detection: {selection: {verb: "o'pen"}, condition: selection}
"""
REGEX = RULES.replace("5a11", "5a12").replace('verb: "o', 'verb|re: "o')


def test_convert_prints_sql_or_the_reason(home, mantissa_at, tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yml").write_text(RULES)
    folder = str(tmp_path / "rules")
    result = mantissa_at("rules", "convert", "--to", "athena", folder)
    assert (result.exit_code, result.output.count("o''pen"), 'FROM "other_audit"' in result.output) == (0, 1, True)
    (tmp_path / "rules" / "b.yml").write_text(REGEX)
    result = mantissa_at("--json", "rules", "convert", "--to", "synapse", folder)
    assert result.exit_code == 1
    found, refused = documents(result)
    assert "N'o''pen'" in found["sql"]
    assert refused["reason"] == "Synapse has no regular expressions"
    assert set(refused) == {"id", "title", "source", "reason"}
