"""A configuration to start from."""

import json
import re
import tomllib

from mantissa_core.cli.init import template
from mantissa_core.config import Settings, load

from .conftest import mantissa


def test_it_writes_a_configuration_that_loads_and_says_what_is_next(tmp_path):
    result = mantissa("init", str(tmp_path / "siem"))
    assert result.exit_code == 0
    settings, home = load(tmp_path / "siem", {})
    assert home == tmp_path / "siem"
    assert settings.sinks["log"].plugin == "core.file"
    assert "doctor" in result.output


def test_every_value_that_is_not_commented_out_is_the_default_but_for_the_sink():
    values = tomllib.loads(template())
    del values["sinks"]
    assert Settings.model_validate(values) == Settings()


def test_every_commented_example_is_valid_too():
    uncommented = re.sub(r"^# (?=[\[\w]+.*[\]=])", "", template(), flags=re.MULTILINE)
    values = tomllib.loads(uncommented)
    settings = Settings.model_validate(values)
    assert set(settings.collectors) == {"files", "cloudtrail", "okta"}
    assert settings.lake.raw == "keep"


def test_it_overwrites_nothing_unless_forced_and_then_keeps_the_old_one(tmp_path):
    (tmp_path / "mantissa.toml").write_text("# mine")
    refused = mantissa("init", str(tmp_path))
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert (tmp_path / "mantissa.toml").read_text() == "# mine"
    assert mantissa("init", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / "mantissa.toml.bak").read_text() == "# mine"


def test_it_answers_in_json(tmp_path):
    assert json.loads(mantissa("--json", "init", str(tmp_path)).stdout) == {"config": str(tmp_path / "mantissa.toml")}
