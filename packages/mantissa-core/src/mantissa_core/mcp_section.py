"""``[mcp]`` of ``mantissa.toml``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class McpSection(BaseModel):
    """``[mcp]``: the Model Context Protocol server of ``mantissa mcp``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """The address that ``mantissa mcp --http`` listens on. TLS and identities are those of ``[api]``."""
    port: int = Field(8766, ge=0, le=65_535)
    """The port that it listens on."""
    allowed_hosts: tuple[str, ...] = ()
    """``Host`` headers that are taken besides those of this machine and ``host`` itself, such as
    ``siem.example.com`` or ``siem.example.com:*``."""
    allowed_origins: tuple[str, ...] = ()
    """``Origin`` headers that are taken besides those of this machine, such as ``https://siem.example.com``."""
    queries_per_minute: int = Field(30, ge=1)
    """Questions, queries and estimates that one caller may send in a minute."""
    max_rows: int = Field(200, ge=1, le=10_000)
    """Rows of one result at most, whatever the client asks for."""
    max_characters: int = Field(30_000, ge=4_000, le=1_000_000)
    """Characters of one result at most, as JSON: a model's context is small."""
