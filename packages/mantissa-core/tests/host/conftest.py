"""Distributions made on the spot: real entry points, found by real metadata."""

import importlib
import sys
import textwrap

import pytest


@pytest.fixture
def install(tmp_path, monkeypatch):
    """install("acme", {"mantissa.alert_sinks": {"acme.pager": "acme_pager:Pager"}}, acme_pager="class Pager: …")."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def install(distribution, entry_points, version="1.0", **modules):
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = []
        for group, names in entry_points.items():
            lines += [f"[{group}]", *(f"{name} = {target}" for name, target in names.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
            made.append(name)
        importlib.invalidate_caches()

    yield install
    for name in made:
        sys.modules.pop(name, None)
