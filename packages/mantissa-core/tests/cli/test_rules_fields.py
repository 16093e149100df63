"""``mantissa rules fields``: what rules ask for, by log source."""

import pytest

from .conftest import LOG_TYPE, documents

DEAD = """
title: Vault closed oddly
id: 6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a12
level: high
description: Somebody closed the vault.
logsource: {product: acme}
detection:
  selection: {verb: close_vault, mood: odd}
  condition: selection
"""
ELSEWHERE = DEAD.replace("product: acme", "product: other").replace("1a12", "1a13")


@pytest.fixture
def fields(home, mantissa_at, tmp_path):
    def run(*rules, arguments=(), log_type=LOG_TYPE):
        (home / "log_types" / "acme_audit.yaml").write_text(log_type)
        for number, text in enumerate(rules):
            (tmp_path / "more").mkdir(exist_ok=True)
            (tmp_path / "more" / f"{number}.yml").write_text(text)
        return mantissa_at("rules", "fields", str(tmp_path / "more"), *arguments)

    return run


def test_a_field_that_no_log_type_has_is_dead(fields):
    result = fields(DEAD, ELSEWHERE, arguments=("--json",))
    assert result.exit_code == 1
    acme, other = documents(result)
    assert (acme["source"], acme["rules"], acme["routed"], acme["fields"]) == ("acme", 1, 1, 2)
    assert acme["dead"] == [{"name": "mood", "rules": 1, "reason": ""}]
    assert (other["routed"], other["dead"]) == (0, [])
    assert "mood, asked for by 1 rule: no log type says why" in fields().stdout


def test_a_reason_is_taken_from_the_log_type(fields):
    explained = LOG_TYPE.replace("[{product: acme}]", "[{product: acme}]\n  absent: {mood: Vaults have none.}")
    result = fields(DEAD, log_type=explained)
    assert result.exit_code == 0
    assert "mood, asked for by 1 rule: Vaults have none." in result.stdout


def test_the_page_lists_what_no_log_type_answers_to(fields):
    page = fields(DEAD, ELSEWHERE, arguments=("--markdown",)).stdout
    assert "| `acme` | 1 | 1 | `acme.audit` | 2 | 1 |" in page
    assert "No installed log type answers to: `other` (1)." in page
    assert "- `acme`: `mood`, asked for by 1 rule: no log type says why" in page
