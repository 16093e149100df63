"""Small documents and secrets: the stores and what the stages use them through."""

from .documents import State

__all__ = ["State"]
