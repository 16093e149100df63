"""From Sigma rules and committed events to signals.

.. code-block:: text

    rules.py ─ compile.py ─▶ ir.py ─ derive.py      a rule file becomes data: a boolean tree over predicates
    evaluate.py                                     what that data means: one event, one rule, plain Python
    route.py  bind.py                               which tables a rule reads, and where a field's values stand
    matcher.py  field.py  test.py                   the same meaning over Arrow batches
    signals.py  engine.py                           every committed version once, its signals with the cursor
    correlate/                                      what several matches together say

Executors (the matcher here, SQL elsewhere) read the tree of :mod:`.ir` and nothing else of a rule's detection.
"""

from mantissa_core.detect.follow.engine import Engine
from mantissa_core.detect.match.evaluate import Explanation, Finding, evaluate, explain
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet

from .signals import SIGNALS, signal_from_row, signals_from_rows

__all__ = [
    "SIGNALS",
    "Engine",
    "Explanation",
    "Finding",
    "Rule",
    "RuleSet",
    "evaluate",
    "explain",
    "signal_from_row",
    "signals_from_rows",
]
