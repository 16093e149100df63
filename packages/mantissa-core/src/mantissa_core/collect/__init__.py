"""From sources to the lake: streams, windows, coverage."""

from .buffer import Buffer
from .coverage import Coverage
from .ingest import Ingested, Ingester
from .ingesters import Ingesters
from .progress import Progress
from .runner import StreamRunner
from .slices import Budget, Collected

__all__ = [
    "Budget",
    "Buffer",
    "Collected",
    "Coverage",
    "Ingested",
    "Ingester",
    "Ingesters",
    "Progress",
    "StreamRunner",
]
