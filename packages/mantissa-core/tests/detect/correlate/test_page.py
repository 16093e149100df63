"""The example of docs/correlations.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[5] / "docs" / "correlations.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of the package")


def test_the_example_loads_and_fires(world: Any) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = world.rules(example)
    top = next(each for each in found.correlations if each.title == "A login after failures")
    assert [each.silent for each in found.all] == [True, True, True, False]
    failures = [world.at(second, "FAILURE", user_email="ann") for second in (0, 100, 300)]
    world.ingest(*failures, world.at(200, "SUCCESS", user_email="ann"), world.at(850, "SUCCESS", user_email="bob"))
    assert world.detect(top.id) == []
    world.ingest(world.at(900, "SUCCESS", user_email="ann"), world.at(901, "SUCCESS", user_email="ann"))
    (result,) = world.detect(top.id)
    assert (world.second(result), result.group, len(result.event_ids)) == (900, {"user_email": "ann"}, 4)
