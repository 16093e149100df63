"""Value types that cross a plugin's border. They hold data and do nothing else."""

from .action import Action, Effect, Outcome, Plan
from .alert import Alert, Delivery, Enrichment, Receipt
from .choice import Choice
from .collection import Blob, Decoded, Page, Pushed, Record, Records, Rejected, Stream, Window
from .completion import Completion, Piece, Prompt
from .document import Document, Put, Secret
from .log_type import Column, LogType, Overlay
from .module import Command, Detector, Job
from .playbook import PlaybookDraft, PlaybookRequest, Response
from .query import CostEstimate, Query, QueryResult, TableSnapshot
from .signal import Severity, Signal

__all__ = [
    "Action",
    "Alert",
    "Blob",
    "Choice",
    "Column",
    "Command",
    "Completion",
    "CostEstimate",
    "Decoded",
    "Delivery",
    "Detector",
    "Document",
    "Effect",
    "Enrichment",
    "Job",
    "LogType",
    "Outcome",
    "Overlay",
    "Page",
    "Piece",
    "Plan",
    "PlaybookDraft",
    "PlaybookRequest",
    "Prompt",
    "Pushed",
    "Put",
    "Query",
    "QueryResult",
    "Receipt",
    "Record",
    "Records",
    "Rejected",
    "Response",
    "Secret",
    "Severity",
    "Signal",
    "Stream",
    "TableSnapshot",
    "Window",
]
