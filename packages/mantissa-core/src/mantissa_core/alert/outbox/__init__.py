"""From alerts to destinations: what waits, who works on it, what becomes of each attempt."""

from mantissa_core.alert.message import LEASE

from .attempt import RETRIES
from .box import Outbox
from .settle import DEAD_FOR

__all__ = ["DEAD_FOR", "LEASE", "RETRIES", "Outbox"]
