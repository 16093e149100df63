"""The semantic layer: what may be asked about, in people's words."""

from .schema import Schema, SchemaColumn, SchemaTable

__all__ = ["Schema", "SchemaColumn", "SchemaTable"]
