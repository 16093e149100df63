"""The hand-written vocabulary, ``words.yaml``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def general_words() -> Any:
    """The hand-written vocabulary."""
    text = files(__package__).joinpath("words.yaml").read_text("utf-8")
    return yaml.load(text, yaml.BaseLoader)  # noqa: S506  # texts alone: "no" and "on" are words
