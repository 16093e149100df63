"""Rule packs fetched from real repositories: added, updated, removed, and refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.detect.rules.git import changed, check_ref, check_url, fetch
from mantissa_core.errors import NeedsOperator, RuleError

from .conftest import RULE, documents, event, write_lines

VAULT = "6a4a1b8e"
DOOR = RULE.replace("6a4a1b8e", "7b5b2c9f").replace("Vault opened", "Door opened").replace("open_vault", "open_door")
WHO = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *WHO, "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".yml").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Rules")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "Doors.git"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "LICENSE").write_text("MIT License\n")
    commit(folder, rules__door=DOOR, other__broken="title: [")
    return folder


@pytest.fixture
def packs_at(home, mantissa_at):
    """An instance that uses packs; the installed ones are not its business."""
    config = home / "mantissa.toml"
    config.write_text(config.read_text().replace("packs = false", 'packs = true\nowners = {doors = "door-team"}'))

    def run(*words, **others):
        return mantissa_at("rules", "packs", *words, **others)

    return run


def listed(mantissa_at, name):
    (found,) = (each for each in documents(mantissa_at("--json", "rules", "packs", "list")) if each["name"] == name)
    return found


def test_a_fetched_pack_runs_with_its_commit_licence_and_owner(repository, packs_at, mantissa_at, home):
    result = packs_at("add", f"file://{repository}", "--folder", "rules")
    assert result.exit_code == 0, result.output
    head = git(repository, "rev-parse", "HEAD")
    assert result.output == f"doors: commit {head[:12]}, 1 rule.\n"
    found = listed(mantissa_at, "doors")
    assert (found["kind"], found["version"], found["licence"]) == ("git", head, "MIT License")
    assert (found["owner"], found["rules"], found["broken"], found["ref"]) == ("door-team", 1, 0, "HEAD")
    assert [(each["action"], each["commit"]) for each in found["changes"]] == [("added", head)]
    assert documents(mantissa_at("--json", "rules", "show", "7b5b2c9f"))["owner"] == "door-team"
    assert (home / "rule-packs" / "doors" / "LICENSE").exists()
    write_lines(home / "incoming" / "a.log", event(1, "open_door"))
    mantissa_at("collect")
    assert [each["rule_name"] for each in documents(mantissa_at("--json", "detect"))["opened"]] == ["Door opened"]


def test_updating_replaces_the_pack_and_removing_forgets_it(repository, packs_at, mantissa_at, home):
    before = git(repository, "rev-parse", "HEAD")
    packs_at("add", f"file://{repository}")
    after = commit(repository, rules__door=DOOR.replace("Door opened", "Door broken open"))
    result = packs_at("update", "doors")
    assert f"commit {after[:12]} (before: {before[:12]})" in result.output
    assert "1 file did not load" in result.output
    assert "Door broken open" in mantissa_at("rules", "list").output
    assert [each["action"] for each in listed(mantissa_at, "doors")["changes"]] == ["added", "updated"]
    assert packs_at("rm", "doors").exit_code == 0
    assert "Door" not in mantissa_at("rules", "list").output
    assert list((home / "rule-packs").iterdir()) == []
    assert packs_at("rm", "doors").exit_code == Exit.USAGE
    assert packs_at("update", "doors").exit_code == Exit.USAGE


def test_a_pack_may_be_on_trial_as_a_whole_and_one_of_its_rules_be_promoted(repository, packs_at, mantissa_at):
    packs_at("add", f"file://{repository}", "--stage", "shadow", "--name", "d")
    assert [each["id"][:8] for each in documents(mantissa_at("--json", "rules", "list", "--stage", "shadow"))] == [
        "7b5b2c9f"
    ]
    assert mantissa_at("rules", "promote", "7b5b2c9f").exit_code == 0
    assert documents(mantissa_at("--json", "rules", "list", "--stage", "shadow")) == []
    assert packs_at("update", "d", "--stage", "active").exit_code == 0
    assert listed(mantissa_at, "d")["stage"] == "active"


def test_what_was_changed_here_is_not_overwritten(repository, packs_at, home):
    packs_at("add", f"file://{repository}")
    (home / "rule-packs" / "doors" / "rules" / "own.yml").write_text(RULE)
    result = packs_at("update", "doors")
    assert result.exit_code == Exit.USAGE
    assert "changed here: rules/" in result.output
    assert (home / "rule-packs" / "doors" / "rules" / "own.yml").exists()


def test_a_failed_update_leaves_the_pack_as_it_was(repository, packs_at, mantissa_at, home):
    head = git(repository, "rev-parse", "HEAD")
    packs_at("add", f"file://{repository}", "--folder", "rules")
    (repository / "rules" / "door.yml").unlink()
    commit(repository, rules__none="title: [")
    assert packs_at("update", "doors").exit_code == Exit.USAGE
    assert packs_at("update", "doors", "--ref", "no-such-branch").exit_code == Exit.OPERATOR
    assert listed(mantissa_at, "doors")["version"] == head
    assert sorted(each.name for each in (home / "rule-packs").iterdir()) == ["doors", "doors.json"]


def test_nothing_in_a_pack_is_run_and_its_links_lead_nowhere(repository, packs_at, home, tmp_path):
    ran = tmp_path / "ran"
    hook = repository / ".githooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    (repository / "rules" / "link.yml").symlink_to("/etc/passwd")
    (repository / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = file:///nowhere\n')
    commit(repository, rules__more=DOOR.replace("7b5b2c9f", "8c6c3dad"))
    (home.parent / ".gitconfig").write_text(f"[core]\n\thooksPath = {hook.parent}\n")
    result = packs_at("add", f"file://{repository}", "--folder", "rules", env={"HOME": str(home.parent)})
    assert result.exit_code == 0, result.output
    assert not ran.exists()
    link = home / "rule-packs" / "doors" / "rules" / "link.yml"
    assert (link.is_symlink(), link.read_text()) == (False, "/etc/passwd")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://host/rules", "must begin with"),
        ("ext::sh -c true", "must begin with"),
        ("git@host:group/rules", "must begin with"),
        ("/srv/rules", "must begin with"),
        ("--upload-pack=true", "must begin with"),
        ("https://token@host/rules", "holds a credential"),
        ("https://user:s3cret@host/rules", "holds a credential"),
        ("ssh://git:s3cret@host/rules", "holds a credential"),
        ("ssh://-oProxyCommand=x/rules", "has characters"),
        ("https://host/", "names no repository"),
        ("https:///rules", "names no repository"),
        ("https://host/a\nb", "has characters"),
    ],
)
def test_other_addresses_are_refused_and_no_credential_is_repeated(packs_at, home, url, message):
    with pytest.raises(RuleError, match=message) as caught:
        check_url(url)
    assert "s3cret" not in str(caught.value)
    assert packs_at("add", "--", url).exit_code == Exit.USAGE
    assert not (home / "rule-packs").exists()


@pytest.mark.parametrize("url", ["https://host/group/rules.git", "ssh://git@host:22/rules", "file:///srv/rules"])
def test_the_three_kinds_of_addresses_are_accepted(url):
    check_url(url)


@pytest.mark.parametrize("ref", ["--force", "a..b", "a:b", "", "@{-1}", "a b", "a@{1}"])
def test_a_ref_is_a_branch_a_tag_or_a_commit(ref):
    with pytest.raises(RuleError, match="ref: found"):
        check_ref(ref)


@pytest.mark.parametrize(
    "words", [["--name", "../x"], ["--name", "Upper"], ["--folder", "../.."], ["--folder", "gone"]]
)
def test_names_and_folders_stay_within_the_pack(repository, packs_at, home, words):
    assert packs_at("add", f"file://{repository}", *words).exit_code == Exit.USAGE
    assert list((home / "rule-packs").glob("*")) == []


def test_flaws_of_a_pack_are_told_with_file_and_line(repository, packs_at):
    commit(repository, rules__door=f"{DOOR}status: perfect\n")
    result = packs_at("add", f"file://{repository}", "--folder", "rules")
    assert result.exit_code == 0
    assert 'rules/door.yml:12: status: found "perfect", expected stable' in result.output


def test_a_pack_with_the_id_of_a_rule_that_runs_is_refused_and_an_update_of_itself_is_not(repository, packs_at, home):
    assert packs_at("add", f"file://{repository}").exit_code == 0
    assert packs_at("update", "doors").exit_code == 0
    result = packs_at("add", f"file://{repository}", "--name", "again")
    assert result.exit_code == Exit.USAGE
    assert "id of the pack stands in another rule already: 7b5b2c9f" in result.output
    assert sorted(each.name for each in (home / "rule-packs").iterdir()) == ["doors", "doors.json"]


def test_a_name_is_given_once(repository, packs_at):
    assert packs_at("add", f"file://{repository}").exit_code == 0
    result = packs_at("add", f"file://{repository}")
    assert (result.exit_code, "there is a pack 'doors' already" in result.output) == (Exit.USAGE, True)


def test_a_repository_that_is_not_there_says_so(packs_at, tmp_path):
    result = packs_at("add", f"file://{tmp_path}/nowhere")
    assert (result.exit_code, "git could not do it" in result.output) == (Exit.OPERATOR, True), result.output


def test_git_that_hangs_is_ended_with_its_helpers(tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nsleep 60 &\nwait\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    with pytest.raises(NeedsOperator, match="longer than"):
        fetch("file:///srv/rules", "HEAD", tmp_path / "into", timeout=0.2)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NeedsOperator, match="not installed"):
        changed(tmp_path)


def test_a_broken_description_is_listed_and_the_other_packs_run(repository, packs_at, mantissa_at, home):
    packs_at("add", f"file://{repository}", "--folder", "rules")
    (home / "rule-packs" / "bad.json").write_text(json.dumps({"format": 1, "url": "http://x"}))
    assert "Door opened" in mantissa_at("rules", "list").output
    result = mantissa_at("rules", "list", "--broken")
    assert (result.exit_code, "bad.json: cannot be read" in result.output) == (1, True)


def test_a_path_that_is_a_checkout_is_listed_with_its_commit(repository, home, mantissa_at):
    config = home / "mantissa.toml"
    config.write_text(config.read_text().replace('paths = ["rules"]', f'paths = ["rules", "{repository}/rules"]'))
    found = {each["kind"]: each for each in documents(mantissa_at("--json", "rules", "packs", "list"))}
    assert (found["folder"]["rules"], found["folder"]["version"]) == (1, "")
    assert (found["git"]["rules"], found["git"]["version"]) == (1, git(repository, "rev-parse", "HEAD"))
    assert "MIT License" in mantissa_at("rules", "packs", "list").output


def test_the_installed_pack_is_listed_with_the_version_of_its_distribution(packs_at, mantissa_at):
    pytest.importorskip("mantissa_rules", reason="the rule pack is a distribution of its own")
    found = listed(mantissa_at, "mantissa")
    assert found["kind"] == "installed"
    assert found["rules"] > 50
