"""Azure and Entra ID in the simulation of live collection: ``just live``. Each of Entra's logs holds all events."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from fake_blob import CONTAINER, FOLDER, KEY, FakeBlob
from fake_graph import CLIENT, SECRET, TENANT, FakeGraph
from mantissa_core.testing.collector import Event
from mantissa_core.testing.live import Live


class Growing(FakeBlob):
    """Blobs are written at the present: the collector tells by its own clock which of them may still grow."""

    def put(self, events: Sequence[Event], published: datetime | None = None) -> None:
        self.clock = datetime.now(UTC)
        super().put(events, published)


@contextmanager
def live() -> Iterator[list[Live]]:
    with Growing() as blob, FakeGraph() as graph:
        stored = {"account_url": blob.account_url, "containers": [CONTAINER], "prefix": FOLDER, "page_bytes": 600}
        entra = {"tenant_id": TENANT, "client_id": CLIENT, "graph_url": graph.url, "login_url": graph.url}
        logs = dict.fromkeys(["entra_signin", "entra_audit", "entra_risk_detection"], "properties_id")
        yield [
            Live(
                "azure.blob",
                {**stored, "retries": 0, "timeout": 10},
                blob,
                {"azure_activity": "json_extract_string(m_extra, '$.id')"},
                secrets={"account_key": KEY},
            ),
            Live(
                "entra.graph",
                {**entra, "page_size": 20, "requests_per_minute": 600, "timeout": 10},
                graph,
                logs,
                secrets={"client_secret": SECRET},
            ),
        ]
