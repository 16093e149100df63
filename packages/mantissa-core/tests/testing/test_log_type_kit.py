"""The log type kit passes a sound log type and fails wrong ones."""

import json

import pytest
from mantissa_core.parse.log_types import read
from mantissa_core.testing.log_type import LogTypeContract

GOOD = {
    "name": "acme.door",
    "title": "Doors",
    "time": {"path": "at"},
    "id": {"native": ["id"]},
    "columns": [
        {"path": "id", "description": "The vendor's id."},
        {"path": "at", "description": "When it happened."},
        {"path": "who", "description": "Whose badge it was."},
    ],
    "overlay": {"user": ["who"]},
    "sigma": {"logsources": [{"product": "acme"}], "aliases": {"user.name": "who"}},
    "examples": [
        {"event": {"id": "1", "at": "2026-01-01T00:00:00Z", "who": "ada"}, "overlay": {"user": "ada"}},
        {"event": {"id": "2", "at": "2026-01-01T00:00:01Z", "who": None}},
    ],
}

WRONG = {
    "test_it_has_examples": {"examples": []},
    "test_every_example_gives_its_overlay": {"overlay": {"user": ["id"]}},
    "test_every_field_of_the_examples_is_declared": {
        "examples": [{"event": {**GOOD["examples"][0]["event"], "door": "front"}, "overlay": {"user": "ada"}}]
    },
    "test_copies_of_an_event_are_one_where_the_vendor_gives_it_an_id": {"id": {"native": ["who"]}},
    "test_every_column_is_described": {"columns": [{"path": each["path"]} for each in GOOD["columns"]]},
    "test_aliases_lead_to_columns": {"sigma": {**GOOD["sigma"], "aliases": {"user.name": "whom"}}},
}


def _file(folder, document):
    file = folder / "acme_door.yaml"
    file.write_text(json.dumps(document))
    return file


class TestDoor(LogTypeContract):
    @pytest.fixture
    def log_type(self, tmp_path):
        return read(_file(tmp_path, GOOD))


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_log_type_fails(test, tmp_path):
    log_type = read(_file(tmp_path, {**GOOD, **WRONG[test]}))
    with pytest.raises(AssertionError):
        getattr(LogTypeContract(), test)(log_type)
