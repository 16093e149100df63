"""A Trino server and the BigQuery emulator on this machine, for the tests of rules as SQL, and Azurite, for Azure's.

``engines.py install`` brings them into ``engines/.installed``, ``start`` also starts them and waits until they
answer, ``status`` says which do, ``stop`` ends them. Each may be repeated. Ports: ``MANTISSA_TRINO_PORT`` (18080),
``MANTISSA_BIGQUERY_PORT`` (19050; gRPC ten higher) and ``MANTISSA_AZURITE_PORT`` (19100). The archives come from
``MANTISSA_MAVEN`` (Maven Central), the emulator's source by way of ``GOPROXY``, Azurite from npm's registry; it is left
out where there is no npm.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import httpx

HERE = Path(__file__).resolve().parent
INSTALLED = HERE / ".installed"
MAVEN = "https://repo.maven.apache.org/maven2"

TRINO = "476"
"""The newest version on Maven Central."""
JAVA = 24
"""The oldest Java that this Trino runs on."""
ARCHIVES = {
    f"trino-server-core-{TRINO}.tar.gz": "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158",
    f"trino-memory-{TRINO}.zip": "bade81c52e2f7177a7b867aee1b10fae48fefda9c38f3ec6aeb006fdde5f0378",
}
"""Artifacts of the group ``io.trino``, with their SHA-256."""
EMULATOR = "github.com/goccy/bigquery-emulator/cmd/bigquery-emulator"

AZURITE = "3.37.0"
"""Microsoft's emulator of Azure Storage."""

TRINO_PORT = int(os.environ.get("MANTISSA_TRINO_PORT", "18080"))
BIGQUERY_PORT = int(os.environ.get("MANTISSA_BIGQUERY_PORT", "19050"))
AZURITE_PORT = int(os.environ.get("MANTISSA_AZURITE_PORT", "19100"))
PATIENCE = 120.0
"""Seconds until a started engine must answer."""

SERVER = INSTALLED / f"trino-server-core-{TRINO}"
BINARY = INSTALLED / "bigquery-emulator"
STORAGE = INSTALLED / f"azurite-{AZURITE}"


def fail(message: str) -> NoReturn:
    """End with a message."""
    sys.exit(f"engines: {message}")


def install() -> None:
    """Download and build what is not there yet."""
    INSTALLED.mkdir(exist_ok=True)
    if not SERVER.exists():
        _install_trino()
    stamp = INSTALLED / "bigquery-emulator.go.sum"
    pinned = (HERE / "bigquery" / "go.sum").read_bytes()
    if not BINARY.exists() or not stamp.exists() or stamp.read_bytes() != pinned:
        _build_emulator()
        stamp.write_bytes(pinned)
    if not STORAGE.exists() and shutil.which("npm") is not None:
        _install_azurite()
    azurite = f"Azurite {AZURITE}" if STORAGE.exists() else "no Azurite, which takes npm"
    print(f"installed: Trino {TRINO}, the BigQuery emulator and {azurite}, in {INSTALLED}")


def _install_trino() -> None:
    server, memory = (_downloaded(name) for name in ARCHIVES)
    unpacked = INSTALLED / "unpacking"
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(server) as archive:
        archive.extractall(unpacked, filter="data")
    plugin = unpacked / SERVER.name / "plugin" / "memory"
    plugin.mkdir()
    with zipfile.ZipFile(memory) as archive:
        for jar in (each for each in archive.namelist() if each.endswith(".jar")):
            (plugin / Path(jar).name).write_bytes(archive.read(jar))
    (unpacked / SERVER.name).rename(SERVER)  # last: a folder of this name is complete
    unpacked.rmdir()


def _downloaded(name: str) -> Path:
    """The archive, whose contents are those that were pinned."""
    path = INSTALLED / name
    if path.exists() and _sha256(path) == ARCHIVES[name]:
        return path
    artifact = name.rsplit(f"-{TRINO}", 1)[0]
    url = f"{os.environ.get('MANTISSA_MAVEN', MAVEN).rstrip('/')}/io/trino/{artifact}/{TRINO}/{name}"
    print(f"downloading {url}", flush=True)
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as response, path.open("wb") as file:
            response.raise_for_status()
            for part in response.iter_bytes():
                file.write(part)
    except httpx.HTTPError as error:
        fail(f"{url}: {error}. MANTISSA_MAVEN names another Maven repository.")
    if _sha256(path) != ARCHIVES[name]:
        path.unlink()
        fail(f"{url} is not the file that was pinned: its SHA-256 differs")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build_emulator() -> None:
    if shutil.which("go") is None:
        fail("the BigQuery emulator is built with Go, and there is no go on the PATH: install Go 1.25 or newer")
    print(f"building {EMULATOR} (some minutes the first time)", flush=True)
    command = ["go", "build", "-mod=readonly", "-o", str(BINARY), EMULATOR]
    if subprocess.run(command, cwd=HERE / "bigquery", env=os.environ | {"CGO_ENABLED": "0"}).returncode:
        fail("the BigQuery emulator could not be built; GOPROXY names another module proxy")


def _install_azurite() -> None:
    unpacked = INSTALLED / "unpacking-azurite"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    (unpacked / "package.json").write_text("{}")  # else npm looks for one in the folders above
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", f"azurite@{AZURITE}"]
    if subprocess.run(command, cwd=unpacked).returncode:
        fail("Azurite could not be installed; npm's own configuration names another registry")
    unpacked.rename(STORAGE)  # last: a folder of this name is complete


def java_home() -> Path:
    """A Java that is new enough: ``JAVA_HOME``, the one on the PATH, or one where systems keep them."""
    versions = {home: version for home in _java_homes() if (version := _java_version(home))}
    for home, version in versions.items():
        if version >= JAVA:
            return home
    seen = ", ".join(f"{home} is Java {version}" for home, version in versions.items()) or "there is none"
    fail(f"Trino {TRINO} needs Java {JAVA} or newer ({seen}): install one, such as Temurin 25, and set JAVA_HOME to it")


def _java_homes() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if java := shutil.which("java"):
        yield Path(java).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    yield from sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home"), reverse=True)


def _java_version(home: Path) -> int | None:
    release = home / "release"
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE) if release.exists() else None
    return int(found[1]) if found else None


def trino_command() -> list[str]:
    """Write Trino's settings; return what starts it."""
    etc, data = INSTALLED / "trino-etc", INSTALLED / "trino-data"
    (etc / "catalog").mkdir(parents=True, exist_ok=True)
    address = f"http://127.0.0.1:{TRINO_PORT}"
    (etc / "config.properties").write_text(
        "coordinator=true\nnode-scheduler.include-coordinator=true\n"
        f"http-server.http.port={TRINO_PORT}\ndiscovery.uri={address}\n"
        "query.max-length=2000000\n"
    )
    (etc / "node.properties").write_text(
        f"node.environment=tests\nnode.id=mantissa\nnode.data-dir={data}\n"
        "node.bind-ip=127.0.0.1\nnode.internal-address=127.0.0.1\n"
    )
    (etc / "jvm.config").write_text("-Xmx2G\n-Duser.timezone=UTC\n")
    (etc / "catalog" / "memory.properties").write_text("connector.name=memory\n")
    (data / "var" / "run" / "launcher.pid").unlink(missing_ok=True)  # the launcher takes a dead process for a live one
    return [str(SERVER / "bin" / "launcher"), "--etc-dir", str(etc), "--jvm-dir", str(java_home()), "run"]


def bigquery_command() -> list[str]:
    """What starts the emulator."""
    ports = [f"--port={BIGQUERY_PORT}", f"--grpc-port={BIGQUERY_PORT + 10}"]
    return [str(BINARY), "--project=mantissa", "--dataset=lake", "--host=127.0.0.1", *ports]


def azurite_command() -> list[str]:
    """What starts Azurite's blobs, kept in memory."""
    program = str(STORAGE / "node_modules" / ".bin" / "azurite-blob")
    options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    return [program, f"--blobPort={AZURITE_PORT}", *options]


def trino_answers() -> bool:
    """Trino is up and has finished starting."""
    try:
        return httpx.get(f"http://127.0.0.1:{TRINO_PORT}/v1/info", timeout=5).json()["starting"] is False
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def bigquery_answers() -> bool:
    """The emulator lists its datasets."""
    try:
        url = f"http://127.0.0.1:{BIGQUERY_PORT}/bigquery/v2/projects/mantissa/datasets"
        return "datasets" in httpx.get(url, timeout=5).json()
    except (httpx.HTTPError, ValueError):
        return False


def azurite_answers() -> bool:
    """Azurite answers, be it with a refusal."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{AZURITE_PORT}/devstoreaccount1?comp=list", timeout=5)
        return answer.headers.get("Server", "").startswith("Azurite")
    except httpx.HTTPError:
        return False


ENGINES: dict[str, tuple[Callable[[], list[str]], Callable[[], bool], int]] = {
    "trino": (trino_command, trino_answers, TRINO_PORT),
    "bigquery": (bigquery_command, bigquery_answers, BIGQUERY_PORT),
    **({"azurite": (azurite_command, azurite_answers, AZURITE_PORT)} if shutil.which("npm") else {}),
}


def start() -> None:
    """Start what does not answer, and wait until it does."""
    for name, (command, answers, _) in ENGINES.items():
        if not answers() and _process(name) is None:
            with (INSTALLED / f"{name}.log").open("wb") as log:
                started = subprocess.Popen(command(), stdout=log, stderr=log, start_new_session=True)
            (INSTALLED / f"{name}.pid").write_text(str(started.pid))
    deadline = time.monotonic() + PATIENCE
    for name, (_, answers, _) in ENGINES.items():
        while not answers():
            if _process(name) is None or time.monotonic() > deadline:
                fail(f"{name} did not start; its log is {INSTALLED / f'{name}.log'}")
            time.sleep(0.5)
    status()


def stop() -> None:
    """End what :func:`start` started."""
    for name in ENGINES:
        if (process := _process(name)) is not None:
            os.killpg(process, signal.SIGTERM)
            while _process(name) is not None:
                time.sleep(0.2)
        (INSTALLED / f"{name}.pid").unlink(missing_ok=True)
    status()


def status() -> None:
    """Say which engine answers."""
    for name, (_, answers, port) in ENGINES.items():
        print(f"{name:10}{'answers' if answers() else 'does not answer'} on 127.0.0.1:{port}")


def _process(name: str) -> int | None:
    """The running engine's process, if :func:`start` started it; numbers are used again by others."""
    path = INSTALLED / f"{name}.pid"
    if not path.exists():
        return None
    process = path.read_text().strip()
    running = subprocess.run(["ps", "-o", "stat=,command=", "-p", process], capture_output=True, text=True).stdout
    return int(process) if str(INSTALLED) in running and not running.startswith("Z") else None


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description="A Trino server, the BigQuery emulator and Azurite for the tests.")
    parser.add_argument("command", choices=["install", "start", "stop", "status"])
    command = parser.parse_args().command
    if command in {"install", "start"}:
        install()
    if command != "install":
        {"start": start, "stop": stop, "status": status}[command]()


if __name__ == "__main__":
    main()
