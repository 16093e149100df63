"""``core.file`` and the log type for any JSON pass their kits."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.collect.file import FileCollector
from mantissa_core.model import LogType
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.collector import CollectorContract, Event
from mantissa_core.testing.log_type import LogTypeContract


class Folder:
    """A folder that gets a file of lines whenever something happens, and one that grows."""

    faults = frozenset[Any]()
    page_size = 3

    def __init__(self, path: Path, *, follow: bool) -> None:
        self.path, self.follow, self._files = path, follow, 0
        (path / "0.log").touch()

    def put(self, events: Sequence[Event]) -> None:
        lines = [json.dumps({"id": each.id, "time": each.time.isoformat()}) + "\n" for each in events]
        if self.follow:
            with (self.path / "0.log").open("a") as file:
                file.writelines(lines)
            return
        for line in lines:
            self._files += 1
            (self.path / f"{self._files}.log").write_text(line)

    def heal(self) -> None:
        """Nothing was wrong."""


class TestFinishedFiles(CollectorContract):
    follow = False

    @pytest.fixture
    def source(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path, follow=self.follow)

    def collector(self, source: Folder) -> FileCollector:
        settings = {"path": source.path, "log_type": "generic.json", "follow": source.follow}
        return FileCollector(FileCollector.Config.model_validate(settings))

    def decoder(self) -> JSONLines:
        return JSONLines(JSONLines.Config())


class TestGrowingFiles(TestFinishedFiles):
    follow = True


class TestAnyJson(LogTypeContract):
    file = files("mantissa_core.log_types") / "generic_json.yaml"

    def test_every_field_of_the_examples_is_declared(self, log_type: LogType) -> None:
        """No: it is there for what nobody declared. What is undeclared is kept, which another check shows."""
        assert log_type.id == "position"
