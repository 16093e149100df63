"""From sources to the lake: streams, windows, coverage."""

from .buffer import Buffer
from .coverage import Coverage
from .ingest import Ingested, Ingester
from .ingesters import Ingesters
from .runner import Collected, StreamRunner

__all__ = ["Buffer", "Collected", "Coverage", "Ingested", "Ingester", "Ingesters", "StreamRunner"]
