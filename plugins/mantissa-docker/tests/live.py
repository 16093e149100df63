"""Docker in the simulation of live collection: ``just live``."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fake_docker import FakeDocker
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with tempfile.TemporaryDirectory() as folder, FakeDocker(Path(folder) / "docker.sock") as fake:
        fake.kept = 100_000  # what an engine forgets while it cannot be read nobody can collect: tested apart
        settings = {"host": fake.host, "kept": fake.kept, "timeout": 10}
        yield [Live("docker.events", settings, fake, {"docker_event": "actor_id"})]
