"""The examples on the stores' documentation pages run, and pass the kits that the pages recommend."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mantissa_core.hookspecs import SecretStore, StateStore

PAGES = Path(__file__).parents[4] / "docs" / "hooks"
pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="the documentation is not part of an installed package")


@pytest.mark.parametrize(("page", "kind"), [("state-store.md", StateStore), ("secret-store.md", SecretStore)])
def test_a_page_shows_every_hook_with_its_arguments(page: str, kind: type) -> None:
    text = (PAGES / page).read_text()
    hooks = {name: function for name, function in vars(kind).items() if callable(function) and name[0] != "_"}
    assert hooks
    for name, function in hooks.items():
        arguments = ", ".join(list(inspect.signature(function).parameters)[1:])
        assert f"`{name}({arguments})`" in text


def test_the_examples_on_the_pages_pass_the_kits(tmp_path: Path) -> None:
    for page in ("state-store", "secret-store"):
        blocks = re.findall(r"```python\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)
        (tmp_path / f"test_{page.replace('-', '_')}.py").write_text("\n".join(blocks))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={tmp_path}"]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert re.search(r"\d\d passed", run.stdout)
