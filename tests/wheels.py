"""Build every wheel, install them into an environment of their own, and use them there as people would.

Run it with ``just wheels``. It needs the package index for third-party dependencies, so it is not part of pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULE = """
title: Someone was made an administrator at Acme
id: 6d1b9a0e-5a0c-4a51-9d3c-6a6d2a0e5b11
status: test
level: high
logsource: {product: acme, service: audit}
detection:
  selection: {action: role.granted}
  condition: selection
"""
CONFIG = """
[rules]
packs = false
paths = ["rules"]

[collectors.acme]
plugin = "acme.audit"
url = "{url}"
token = "env:ACME_TOKEN"

[sinks.file]
plugin = "core.file"
path = "alerts.ndjson"
"""


def run(*command: str | Path, cwd: Path, check: bool = True, **environ: str) -> str:
    """Run a command, echo it, return what it printed."""
    print("$", *command, flush=True)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "PYTHON", "UV_"))}
    done = subprocess.run(
        [str(each) for each in command], cwd=cwd, env={**clean, **environ}, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}\nfailed with {done.returncode}")
    return done.stdout


def main() -> None:
    """Build, install, run the demo; then write a plugin, install it as a wheel, collect and alert with it."""
    with tempfile.TemporaryDirectory(prefix="mantissa-wheels-") as folder:
        outside = Path(folder)
        dist, venv = outside / "dist", outside / "venv"
        run("uv", "build", "--quiet", "--all-packages", "--wheel", "--out-dir", dist, cwd=ROOT)
        run("uv", "venv", "--quiet", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}", venv, cwd=outside)
        install = ("uv", "pip", "install", "--quiet", "--python", venv)
        run(*install, *sorted(dist.glob("*.whl")), cwd=outside)
        mantissa = venv / "bin" / "mantissa"
        print(run(mantissa, "plugins", "list", cwd=outside))
        demo(mantissa, outside)
        third_party(mantissa, install, venv, outside)
    print("wheels: the demo and a new plugin work outside the workspace")


def demo(mantissa: Path, outside: Path) -> None:
    """The main job, from wheels alone."""
    report = json.loads(run(mantissa, "--json", "demo", cwd=outside))
    attacks = report["attacks"]
    assert len(attacks) >= 4, report
    assert all(attack["alerts"] for attack in attacks), attacks
    print(f"demo: {len(attacks)} planted attacks, all alerted")


def third_party(mantissa: Path, install: tuple[str | Path, ...], venv: Path, outside: Path) -> None:
    """A plugin that nobody wrote by hand: new, tested, built, installed, collecting and alerting."""
    run(mantissa, "plugin", "new", "collector", "acme.audit", cwd=outside)
    package = outside / "mantissa-acme"
    run("uv", "build", "--quiet", "--wheel", "--out-dir", outside / "acme", package, cwd=outside)
    (wheel,) = (outside / "acme").glob("*.whl")
    (core,) = (outside / "dist").glob("mantissa_core-*.whl")
    run(*install, wheel, f"{core}[testing]", cwd=outside)
    run(venv / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", package / "tests", cwd=package)
    home = outside / "home"
    (home / "rules").mkdir(parents=True)
    (home / "rules" / "admin.yml").write_text(RULE)
    sys.path.insert(0, str(package / "tests"))
    from fake_acme import FakeAcme  # the package's own fake server

    with FakeAcme(token="t0ken") as server:
        server.add({"action": "user.login", "actor": "ada"}, {"action": "role.granted", "actor": "eve"})
        (home / "mantissa.toml").write_text(CONFIG.format(url=server.url))
        for command in ("collect", "detect"):
            run(mantissa, "-C", home, command, cwd=outside, ACME_TOKEN="t0ken")
    alerts = [json.loads(line) for line in (home / "alerts.ndjson").read_text().splitlines()]
    assert len(alerts) == 1, alerts
    print(f"new plugin: 2 events collected, alert raised: {alerts[0]['alert']['summary']}")


if __name__ == "__main__":
    main()
