"""Receivers: listening for what senders push, by HTTP and by syslog.

A plugin that takes events by HTTP subclasses :class:`PushReceiver`; see ``docs/hooks/receiver.md``.
"""

from .credentials import require_signature, require_token
from .receiver import PushConfig, PushReceiver
from .request import Refused, Request

__all__ = ["PushConfig", "PushReceiver", "Refused", "Request", "require_signature", "require_token"]
