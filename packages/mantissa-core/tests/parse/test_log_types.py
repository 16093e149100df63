"""The registry: what is wrong with one file is said there and stops nothing else."""

import json
from pathlib import Path

import mantissa_core.log_types
import pytest
from mantissa_core.errors import LogTypeError
from mantissa_core.model import LogType
from mantissa_core.parse.layout import Layout
from mantissa_core.parse.log_types import LogTypes, read
from mantissa_core.parse.rows import RowBuilder

GOOD = "name: acme.audit\ntitle: Acme\ncolumns:\n  - {path: actor.name}\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_installed_log_types_are_found() -> None:
    log_types = LogTypes.load()
    assert log_types.get("generic.json").table == "generic_json"
    assert log_types.by_table("generic_json") is log_types.get("generic.json")
    assert "generic.json" in log_types
    assert len(log_types) == len(list(log_types))


def test_folders_add_to_them(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no log type")
    log_types = LogTypes.load([write(tmp_path, acme=GOOD), tmp_path / "missing"])
    assert log_types.get("acme.audit").by_column.keys() == {"actor_name"}
    assert log_types.broken == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "cannot be read as YAML"),
        ("", "the whole file: Input should be a valid dictionary"),
        ("name: acme.audit\ntitle: Acme\n", "columns: Field required"),
        (GOOD + "colour: red\n", "colour: Extra inputs are not permitted"),
        (GOOD.replace("acme.audit", "Acme"), "name: String should match pattern"),
        (GOOD + "  - {path: actor.name, type: uint64}\n", "columns.1.type"),
        (GOOD + "  - {path: actor_name}\n", "both make the column 'actor_name'"),
        (GOOD + "  - {path: actor.name, name: other}\n", "the path 'actor.name' is declared twice"),
        (GOOD + "  - {path: dt}\n", "is reserved"),
        (GOOD + "  - {path: j, type: json}\n  - {paths: [u, j.u]}\n", "'j.u' lies inside 'j'"),
        (GOOD + "time: {path: when}\n", "time names 'when', which is no declared column's path"),
    ],
)
def test_a_broken_file_is_named_with_the_key_and_stops_nothing(tmp_path: Path, text: str, message: str) -> None:
    folder = write(tmp_path, broken=text, good=GOOD.replace("acme.audit", "acme.other"))
    log_types = LogTypes.load([folder])
    assert "acme.other" in log_types
    (reason,) = log_types.broken.values()
    assert message in str(reason)
    assert "broken.yaml" in str(reason)


def test_a_name_claimed_twice_is_refused_twice(tmp_path: Path) -> None:
    folder = write(tmp_path, one=GOOD, two=GOOD, three=GOOD.replace("acme.audit", "acme.other"))
    log_types = LogTypes.load([folder])
    assert "acme.audit" not in log_types
    assert len(log_types.broken) == 2
    for reason in log_types.broken.values():
        assert "one.yaml" in str(reason)
        assert "two.yaml" in str(reason)
    with pytest.raises(LogTypeError, match=r"no log type 'acme\.audit'"):
        log_types.get("acme.audit")


def test_two_names_for_one_table_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, one=GOOD.replace("acme.audit", "acme.a.b"), two=GOOD.replace("acme.audit", "acme.a_b"))
    assert len(LogTypes.load([folder]).broken) == 2
    log_types = LogTypes([read(folder / "one.yaml")])
    with pytest.raises(LogTypeError, match=r"already belongs to 'acme\.a\.b'"):
        log_types.add(read(folder / "two.yaml"))


def test_the_schema_for_editors_is_current() -> None:
    schema = Path(mantissa_core.log_types.__file__).parent / "schema.json"
    assert json.loads(schema.read_text()) == LogType.model_json_schema(), "see docs/log-types.md to write it again"


@pytest.mark.parametrize("log_type", LogTypes.load(), ids=lambda log_type: log_type.name)
def test_examples_of_installed_log_types_have_their_overlay(log_type: LogType) -> None:
    from datetime import UTC, datetime

    records = [json.dumps(example.event).encode() for example in log_type.examples]
    with RowBuilder(log_type) as builder:
        parsed = builder.build(records, range(len(records)), origin="o", source="s", ingest_time=datetime.now(UTC))
    assert not parsed.dead
    for example, row in zip(log_type.examples, parsed.rows.to_pylist(), strict=True):
        found = {name: row[f"m_{name}"] for name in example.overlay}
        assert found == dict(example.overlay)


def test_layout_refuses_a_path_inside_another() -> None:
    document = {"name": "a.b", "title": "t", "columns": [{"path": "j", "type": "json"}, {"paths": ["u", "j.u"]}]}
    with pytest.raises(LogTypeError, match="lies inside"):
        Layout(LogType.model_validate(document))
