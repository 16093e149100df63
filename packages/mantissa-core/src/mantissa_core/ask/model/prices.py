"""What tokens cost, from a table with its date. A model that is not in it has an unknown price, not none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mantissa_core.errors import ConfigError

_DATED = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})(?:-v\d+(?::\d+)?)?$|-v\d+(?::\d+)?$")
_VENDOR = re.compile(r"^(?:[a-z_]+/)*(?:global\.)?(?:anthropic\.)?")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars."""
        return (input_tokens * self.input + output_tokens * self.output) / 1_000_000


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: date
    source: str
    models: Mapping[str, tuple[float, float]] = Field(min_length=1)


class Prices:
    """Prices by the model's name; ``as_of`` is the day that they were true."""

    def __init__(self, as_of: date, models: Mapping[str, Price]) -> None:
        self.as_of, self._models = as_of, models

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """From a file, or those that come with the package.

        Raises:
            ConfigError: the file is missing or of another shape.
        """
        try:
            text = path.read_text("utf-8") if path else (files(__package__) / "prices.yaml").read_text("utf-8")
            table = _File.model_validate(yaml.safe_load(text))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            raise ConfigError(
                str(path), "prices", type(error).__name__, "as_of, source, and models: {name: [input, output]}"
            ) from error
        return cls(table.as_of, {name: Price(*each) for name, each in table.models.items()})

    def of(self, model: str) -> Price | None:
        """The price of a model, whether its name has a vendor before it or a date behind it or not."""
        bare = _VENDOR.sub("", model)
        return next((self._models[each] for each in (model, bare, _DATED.sub("", bare)) if each in self._models), None)
