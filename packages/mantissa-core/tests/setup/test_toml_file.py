from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.errors import ConfigError
from mantissa_core.setup.toml_file import TomlFile, section_text

HEAD = """# Everything about this instance.
[lake]
retention_days = 30   # a month

# --- Alerts ---

[alerts]
window_minutes = 5
"""
SINK = """
[sinks.log]
plugin = "core.file"   # a file
# width = 3
path = "alerts.ndjson"

# [sinks.example]
# plugin = "core.webhook"

# --- Queries ---

"""
TAIL = """[query]
timeout = 120 # seconds
"""
LAYOUTS = {
    "empty": "",
    "no-sinks": HEAD + "\n" + TAIL,
    "one-sink": HEAD + SINK + TAIL,
    "sink-last": HEAD + "\n" + TAIL + SINK,
    "no-newline-at-the-end": HEAD + "\n" + TAIL.rstrip(),
    "sink-with-a-part": HEAD + SINK.replace("# [sinks.example]", "[sinks.log.redact]\nip = 'mask'\n\n# [x]") + TAIL,
    "sinks-apart": SINK + HEAD + "\n[sinks.more]\nplugin = 'core.console'\n\n" + TAIL,
    "windows": (HEAD + SINK + TAIL).replace("\n", "\r\n"),
    "dotted": "[sinks]\nlog.plugin = 'core.file'\nlog.path = 'x'\n\n" + TAIL,
    "outer-header": "[sinks]\n[sinks.log]\nplugin = 'core.file'\npath = 'x'\n" + TAIL,
}
PAGER = {"plugin": "core.webhook", "url": "https://example.com/x", "headers": {"A": "secret://a"}, "timeout": 2.5}


def file_of(tmp_path: Path, text: str) -> TomlFile:
    path = tmp_path / "mantissa.toml"
    path.write_bytes(text.encode())
    return TomlFile(path)


def comments(text: str) -> list[str]:
    return [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_section_is_added_and_everything_else_stays(tmp_path: Path, layout: str) -> None:
    new = file_of(tmp_path, LAYOUTS[layout]).change({("sinks", "pager"): PAGER})
    before, after = tomllib.loads(LAYOUTS[layout]), tomllib.loads(new)
    assert after.pop("sinks") == {**before.pop("sinks", {}), "pager": PAGER}
    assert after == before
    assert comments(new) == comments(LAYOUTS[layout])
    kept = [line for line in LAYOUTS[layout].splitlines() if line.strip()]
    assert [line for line in new.splitlines() if line in kept] == kept


def test_where_sections_stand_on_one_line_it_says_what_to_write(tmp_path: Path) -> None:
    file = file_of(tmp_path, "sinks = { log = { plugin = 'core.file', path = 'x' } }\n\n" + TAIL)
    with pytest.raises(ConfigError, match=r'an edit by hand:\n\[sinks\.pager\]\nplugin = "core\.webhook"'):
        file.change({("sinks", "pager"): PAGER})


def test_a_new_sink_stands_with_the_others_before_the_comments_about_something_else(tmp_path: Path) -> None:
    new = file_of(tmp_path, HEAD + SINK + TAIL).change({("sinks", "pager"): {"plugin": "core.console"}})
    assert new == (
        HEAD
        + SINK.replace("# [sinks.example]", '[sinks.pager]\nplugin = "core.console"\n\n# [sinks.example]', 1)
        + TAIL
    )


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("dotted", "sinks-apart")])
def test_what_was_added_can_be_removed_again(tmp_path: Path, layout: str) -> None:
    file = file_of(tmp_path, LAYOUTS[layout])
    file.write(file.change({("sinks", "pager"): PAGER}))
    file.write(file.change({("sinks", "pager"): None}))
    assert file.values() == tomllib.loads(LAYOUTS[layout])
    assert comments(file.path.read_text()) == comments(LAYOUTS[layout])


def test_a_removed_section_leaves_the_comments_that_tell_of_others(tmp_path: Path) -> None:
    new = file_of(tmp_path, HEAD + SINK + TAIL).change({("sinks", "log"): None})
    assert "sinks" not in tomllib.loads(new)
    assert "# --- Queries ---" in new
    assert "# width" not in new, "a comment inside of the section goes with it"


def test_a_changed_section_keeps_its_comments_and_order(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEAD + SINK + TAIL)
    section: dict[str, Any] = {"plugin": "core.file", "path": "other.ndjson", "enabled": False}
    new = file.change({("sinks", "log"): section})
    assert new == (HEAD + SINK + TAIL).replace('path = "alerts.ndjson"\n', 'path = "other.ndjson"\nenabled = false\n')


def test_a_change_that_would_be_refused_leaves_the_file_alone(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEAD)
    with pytest.raises(ConfigError, match=r"sinks\.pager\.severity_filter"):
        file.change({("sinks", "pager"): {"plugin": "core.console", "severity_filter": ["urgent"]}})
    assert file.path.read_text() == HEAD


def test_quotes_line_breaks_and_brackets_stay_text(tmp_path: Path) -> None:
    nasty = 'a"b\\c\n[lake]\nurl = "elsewhere"\x00\x7f\u2028é'
    file = file_of(tmp_path, HEAD)
    file.write(file.change({("sinks", "pager"): {"plugin": "core.file", "path": nasty}}))
    assert file.values()["sinks"]["pager"]["path"] == nasty
    assert "url" not in file.values()["lake"]


def test_mode_and_symbolic_link_of_the_file_stay(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEAD)
    file.path.chmod(0o640)
    link = tmp_path / "link" / "mantissa.toml"
    link.parent.mkdir()
    link.symlink_to(file.path)
    TomlFile(link).write(HEAD + TAIL)
    assert link.is_symlink()
    assert file.path.read_text() == HEAD + TAIL
    assert os.stat(file.path).st_mode & 0o777 == 0o640


def test_a_section_is_shown_as_it_will_stand() -> None:
    assert section_text("routes", "night", {"to": ["pager"], "when": {"severities": ["critical"]}, "rest": True}) == (
        '[routes.night]\nto = ["pager"]\nwhen = {severities = ["critical"]}\nrest = true\n'
    )
