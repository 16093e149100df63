"""From words to rules: a plan becomes a Sigma rule with tests of its own, or an SQL rule where Sigma cannot say it."""

from .draft import CannotSay, RuleDraft
from .responses import read_responses
from .sigma import sigma_rule
from .sql_rule import sql_rule
from .words import Halves, RuleWords, read_words

__all__ = ["CannotSay", "Halves", "RuleDraft", "RuleWords", "read_responses", "read_words", "sigma_rule", "sql_rule"]
