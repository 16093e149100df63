"""What a query would cost on engines that bill by the bytes they read, from a table of prices with its date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mantissa_core.errors import ConfigError, QueryError


class Price(BaseModel):
    """``usd`` for each ``per_bytes``, of at least ``minimum_bytes`` a query, rounded up to ``round_to_bytes``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float = Field(ge=0)
    per_bytes: int = Field(gt=0)
    minimum_bytes: int = Field(0, ge=0)
    round_to_bytes: int = Field(1, ge=1)

    def of(self, size: int) -> float:
        """Dollars for a query that reads ``size`` bytes."""
        billed = max(-(-size // self.round_to_bytes) * self.round_to_bytes, self.minimum_bytes)
        return billed * self.usd / self.per_bytes


class Prices(BaseModel):
    """Prices by engine (``athena``, ``bigquery``, ``duckdb``, ``synapse``), as of a day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    engines: Mapping[str, Price]

    def usd(self, engine: str, size: int) -> float:
        """What reading so many bytes costs there.

        Raises:
            QueryError: no price is known for the engine.
        """
        if engine not in self.engines:
            raise QueryError(f"no price is known for {engine!r} (there are: {', '.join(sorted(self.engines))})")
        return self.engines[engine].of(size)


def read_prices(path: Path | None = None) -> Prices:
    """The prices in a YAML file, by default those that the project was released with.

    Raises:
        ConfigError: the file cannot be read or is no table of prices.
    """
    where = path or files("mantissa_core.query").joinpath("prices.yaml")
    try:
        return Prices.model_validate(yaml.safe_load(where.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(str(where), "query.prices", type(error).__name__, "a readable YAML file") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "query.prices"
        raise ConfigError(str(where), key, str(first["input"])[:80], first["msg"]) from None
