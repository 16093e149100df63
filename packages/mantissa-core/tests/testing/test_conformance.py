"""``pytest --conformance FILE``: what kits really had in their hands is recorded, and nothing else."""

import json
import subprocess
import sys

TESTS = '''
import pytest
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.log_type import LogTypeContract
from mantissa_core.testing.parser import ParserContract, ParserSample
from importlib.resources import files


class TestLines(ParserContract):
    samples = (
        ParserSample(b'{"a": 1}\\n{"a": 2}\\n', records=({"a": 1}, {"a": {VALUE}})),
        ParserSample(b'{"b": 1}\\n{"b": 2}\\n{"b": 3}\\n', records=({"b": 1}, {"b": 2}, {"b": 3})),
    )

    def make_parser(self):
        return JSONLines(JSONLines.Config())

    def test_of_ours(self):
        assert False, "is no check of the kit"


class TestLinesFromTheBeginning(TestLines):
    resumable = False


class MadeUp(JSONLines):
    pass


class TestMadeUp(TestLines):
    def make_parser(self):
        return MadeUp(MadeUp.Config())


class TestLogType(LogTypeContract):
    file = files("mantissa_core.log_types") / "generic_json.yaml"

    def test_every_field_of_the_examples_is_declared(self):
        """It is for what nobody declared."""
'''


def record_of(tmp_path, value=2):
    (tmp_path / "test_it.py").write_text(TESTS.replace("{VALUE}", str(value)))
    file = tmp_path / "record.json"
    arguments = ["-q", "-n0", "-p", "no:cacheprovider", "--rootdir", tmp_path, "--conformance", file, tmp_path]
    subprocess.run([sys.executable, "-m", "pytest", *map(str, arguments)], cwd=tmp_path, check=False)
    return json.loads(file.read_text())


def test_passed_and_skipped_checks_of_kits_are_recorded_by_the_name_of_the_plugin(tmp_path):
    record = record_of(tmp_path)
    assert record["mantissa.parsers"].keys() == {"core.json_lines"}
    lines = record["mantissa.parsers"]["core.json_lines"]
    assert lines["skipped"] == {"this format is decoded from its beginning only": 1}
    assert lines["failed"] == 1, "what is not resumable is told from a shorter file by nothing"
    assert lines["passed"] > 5
    assert record["mantissa.log_types"]["generic.json"]["passed"] > 5


def test_a_failure_is_recorded_and_what_did_not_run_is_kept(tmp_path):
    (tmp_path / "record.json").write_text(json.dumps({"mantissa.parsers": {"acme.old": {"passed": 1}}}))
    record = record_of(tmp_path, value=3)
    assert record["mantissa.parsers"]["core.json_lines"]["failed"] >= 2
    assert record["mantissa.parsers"]["acme.old"] == {"passed": 1}
