"""The offline parser: a question in English becomes a plan, by rules, without a network; unsure, it abstains."""

from .parser import parse
from .understood import Abstained, Understood

__all__ = ["Abstained", "Understood", "parse"]
