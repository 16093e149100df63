"""From sources to the lake: streams, windows, coverage."""

from .coverage import Coverage
from .ingest import Ingested, Ingester
from .ingesters import Ingesters
from .runner import Collected, StreamRunner

__all__ = ["Collected", "Coverage", "Ingested", "Ingester", "Ingesters", "StreamRunner"]
