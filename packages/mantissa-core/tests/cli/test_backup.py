"""From a backup comes an instance that continues: nothing lost, nothing doubled, nobody told twice."""

import json
import shutil
import tarfile

import pytest
from mantissa_core import Runtime
from mantissa_core.backup import MANIFEST

from .conftest import documents, event, mantissa, write_lines


@pytest.fixture
def worked(home, mantissa_at):
    """An instance that collected, detected and delivered."""
    write_lines(home / "incoming" / "a.log", event(1), event(2, "open_vault"))
    mantissa_at("secrets", "set", "token", input="s3cr3t")
    mantissa_at("collect")
    mantissa_at("detect")
    return mantissa_at


def _names(archive):
    with tarfile.open(archive) as source:
        return set(source.getnames())


def _keys(folder):
    found = mantissa("-C", str(folder), "--json", "query", "SELECT key FROM acme_audit ORDER BY key")
    return [row["key"] for row in documents(found)["rows"]]


def test_a_restored_instance_continues_where_the_backup_was_made(home, worked, tmp_path):
    archive, new = tmp_path / "b.tar.gz", tmp_path / "new"
    assert worked("backup", str(archive), "--with-data", "--with-key").exit_code == 0
    result = mantissa("-C", str(new), "restore", str(archive))
    assert result.exit_code == 0, result.output
    (new / "incoming").mkdir()
    shutil.copytree(home / "incoming", new / "incoming", dirs_exist_ok=True)
    write_lines(new / "incoming" / "a.log", event(3, "open_vault"))
    for words in (["collect"], ["detect"]):
        assert mantissa("-C", str(new), *words).exit_code == 0
    assert _keys(new) == ["k1", "k2", "k3"]
    alerts = documents(mantissa("-C", str(new), "--json", "alerts", "list"))
    assert [each["count"] for each in alerts] == [2]  # the new signal joined the alert that was told already
    assert not (new / "alerts.ndjson").exists()
    with Runtime.open(new) as runtime:
        assert runtime.secrets.get_secret("token").value == "s3cr3t"
    assert mantissa("-C", str(new), "lake", "verify").exit_code == 0


def test_without_data_it_says_what_is_missing_until_the_files_are_there(home, worked, tmp_path):
    archive, new = tmp_path / "b.tar.gz", tmp_path / "new"
    saved = worked("backup", str(archive))
    assert "data files" in saved.output
    lost = mantissa("-C", str(new), "restore", str(archive))
    assert lost.exit_code == 1
    assert "missing: tables/acme_audit/" in lost.output
    for file in (home / "lake" / "tables").rglob("*.parquet"):
        target = new / "lake" / "tables" / file.relative_to(home / "lake" / "tables")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    assert mantissa("-C", str(new), "lake", "verify").exit_code == 0
    assert _keys(new) == ["k1", "k2"]


def test_a_lake_that_outlived_the_instance_keeps_its_log_and_nothing_is_doubled(home, worked, tmp_path):
    archive = tmp_path / "b.tar.gz"
    worked("backup", str(archive))
    write_lines(home / "incoming" / "a.log", event(3))
    worked("collect")
    for name in ("mantissa.toml", "state", "rules", "log_types"):
        path = home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in ("secrets.json", "secrets.key"):
        (home / name).unlink()
    assert worked("restore", str(archive)).exit_code == 0
    write_lines(home / "incoming" / "a.log", event(4))
    assert worked("collect").exit_code == 0
    assert _keys(home) == ["k1", "k2", "k3", "k4"]


def test_the_key_is_left_out_unless_asked_for_and_never_the_values(worked, tmp_path):
    plain, whole = tmp_path / "plain.tar.gz", tmp_path / "whole.tar.gz"
    assert "keep a copy" in worked("backup", str(plain)).output
    worked("backup", str(whole), "--with-key")
    assert "secrets.key" not in _names(plain)
    assert "secrets.key" in _names(whole)
    assert plain.stat().st_mode & 0o077 == 0


def test_it_holds_configuration_rules_log_types_state_and_log(worked, tmp_path):
    archive = tmp_path / "b.tar.gz"
    manifest = documents(worked("--json", "backup", str(archive)))
    assert manifest["tables"]["acme_audit"] >= 1
    names = _names(archive)
    assert {MANIFEST, "home/mantissa.toml", "home/rules/vault.yml", "home/log_types/acme_audit.yaml"} <= names
    assert {"state.sqlite", "secrets.json", "lake/mantissa-lake.json"} <= names
    assert any(name.startswith("lake/tables/acme_audit/_delta_log/") for name in names)
    assert not any(name.endswith(".parquet") and "dt=" in name for name in names)


def test_neither_a_backup_nor_an_instance_is_overwritten(home, worked, tmp_path):
    archive = tmp_path / "b.tar.gz"
    worked("backup", str(archive))
    assert worked("backup", str(archive)).exit_code == 2
    assert worked("backup", str(archive), "--force").exit_code == 0
    before = (home / "mantissa.toml").read_text()
    refused = worked("restore", str(archive))
    assert refused.exit_code == 2
    assert "nothing is overwritten" in refused.stderr
    assert (home / "mantissa.toml").read_text() == before


def test_another_lake_in_the_place_is_refused(home, worked, tmp_path):
    archive, new = tmp_path / "b.tar.gz", tmp_path / "new"
    worked("backup", str(archive))
    with Runtime.open({"home": str(new)}) as other:
        assert other.lake.tables() == []
    result = mantissa("-C", str(new), "restore", str(archive))
    assert result.exit_code == 3
    assert "another lake" in result.stderr


@pytest.mark.parametrize("damage", ["cut", "foreign", "newer", "outside"])
def test_what_is_no_backup_is_refused(worked, tmp_path, damage):
    archive, new = tmp_path / "b.tar.gz", tmp_path / "new"
    worked("backup", str(archive))
    if damage == "cut":
        archive.write_bytes(archive.read_bytes()[:40])
    elif damage == "foreign":
        archive.write_bytes(b"not an archive")
    else:
        _rewrite(archive, damage)
    result = mantissa("-C", str(new), "restore", str(archive))
    assert result.exit_code == 2, result.output
    assert not (tmp_path / "escaped").exists()


def _rewrite(archive, damage):
    """A backup of a newer format, or one whose member leads out of the folder."""
    import io

    with tarfile.open(archive) as source:
        members = [(each, source.extractfile(each).read()) for each in source.getmembers() if each.isreg()]
    with tarfile.open(archive, "w:gz") as target:
        for member, content in members:
            if damage == "newer" and member.name == MANIFEST:
                content = json.dumps({**json.loads(content), "format": 99}).encode()
            if damage == "outside" and member.name.startswith("home/rules"):
                member.name = "home/../../escaped"
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
