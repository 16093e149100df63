"""Random events and random rules on them, for every test that two ways of evaluating a rule agree.

Events have each kind of column of the tests' log type, and whatever else JSON can hold: values of other types than
declared, arrays in arrays, objects, nulls, dotted keys. Rules use every construct that makes a predicate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from mantissa_core.detect.ir import derive
from mantissa_core.detect.ir.tree import Op
from mantissa_core.detect.match import lookup
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType

TEXTS = st.sampled_from(
    ["", "alice", "ALICE", "al_ce", "al%ce", "İ", "É", "é", "ſ", "K", "ΣΑΣ", "σας", "a\nb", "a*b", "a\\b", "[a]", '"',
     "5", "5.0", "true", "False", "1", "2026-01-02T03:04:05Z", "null", "{", "-0", "1e3", "x'y", "a!b", "x -y", "x /y",
     "x" * 40, "\U0001f600", "alice "]
)  # fmt: skip
ADDRESSES = st.sampled_from(
    ["10.0.0.1", "10.1.2.3", "11.0.0.1", "010.0.0.1", "10.0.0", "10.0.0.1 ", "fd00::1", "FD00:0:0::1", "fd00::1%eth0",
     "::ffff:10.0.0.1", "::10.0.0.1", "fe80::1", "fd00:0000:0000:0000:0000:0000:0000:0001", "fd00::00001", ":::", "::"]
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, 5, -5, 5.0, 0.5, 1e3, 1e22, 2**53 + 1, 2**70, -0.0])
SCALARS = st.one_of(TEXTS, TEXTS, ADDRESSES, NUMBERS, st.booleans(), st.none())
KEYS = ["city", "name", "user", "type", "userName", "items", "key", "name.key", "na\u00efve", 'quo"te']
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3), inner
    ),
    max_leaves=6,
)
TOP = ["name", "user", "address", "number", "flag", "ratio", "when", "tags", "params", "color", "colour", "dotted.key",
       "city", "place.city", "place", "user.name", "params.userName", "other", "dotted"]  # fmt: skip
FITTING = {
    "name": TEXTS, "address": ADDRESSES, "number": st.sampled_from([0, 1, 5, -5, 2**53 + 1]), "flag": st.booleans(),
    "ratio": st.sampled_from([5.0, 0.5, 1e22, -0.0, 1e3]), "when": st.just("2026-01-02T03:04:05Z"),
    "tags": st.lists(TEXTS, max_size=3), "color": TEXTS, "other": SCALARS,
    "user": st.fixed_dictionaries({"name": TEXTS, "type": TEXTS}),
    "params": st.dictionaries(st.sampled_from(KEYS), SCALARS, max_size=3),
}  # fmt: skip
"""Values of the declared types: most events of a real source have no others."""

EVENTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({}, optional=FITTING),
    st.dictionaries(st.sampled_from(TOP), VALUES, max_size=6),
)

FIELDS = [*TOP, "user.type", "params.items.name", "params.items", "other.name", "other.user.name", "hue", "source.ip",
          "Number", "user.items.key", "other.na\u00efve", 'params.quo"te', "absent"]  # fmt: skip
TESTED = st.sampled_from(
    ["alice", "ALICE", "al_ce", "al*", "a?b", "*", "", "5", 5, 5.0, 1, True, False, None, "a\\*b", "İ", "é", "σας",
     "*É", "k", "{", "10.0.0.1", "x'y", 2**53 + 1, "1e22", "-0", 0, "x*x", "a!b*"]
)  # fmt: skip
NETWORKS = ["10.0.0.0/8", "10.0.0.1/32", "10.1.0.0/17", "0.0.0.0/0", "fd00::/8", "fd00::1/128", "::ffff:0:0/96", "::/0"]
PARTS = ["a", "AL", "5", "_", "%", "\\", '"', "'", "!", "true", "1", "é", "İ", "σ"]


def _fields(*modifiers: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"{field}|{each}" for field in FIELDS for each in modifiers])


SELECTIONS = st.one_of(
    st.tuples(st.sampled_from(FIELDS), st.lists(TESTED, min_size=1, max_size=3)),
    st.tuples(_fields("contains", "startswith", "endswith|cased", "contains|cased"), st.sampled_from(PARTS)),
    st.tuples(_fields("contains|all"), st.lists(st.sampled_from(PARTS), min_size=2, max_size=2)),
    st.tuples(_fields("contains|windash"), st.sampled_from([" -y", "-0"])),
    st.tuples(_fields("cased"), st.sampled_from(["alice", "AL*", "É", "a\\*b", "?"])),
    st.tuples(_fields("re"), st.sampled_from(["^a", "[A-Z]", "5$", "(?i)É", "a.b"])),
    st.tuples(_fields("re|i", "re|s", "re|i|s"), st.sampled_from(["^AL", "a.B", "x+'"])),
    st.tuples(_fields("cidr"), st.sampled_from(NETWORKS)),
    st.tuples(_fields("exists"), st.booleans()),
    st.tuples(_fields("lt", "lte", "gt", "gte"), st.sampled_from([0, 1, 5, -5, 0.5, 1e3, 1e15])),
    st.tuples(_fields("hour", "week"), st.integers(1, 3)),
    st.tuples(_fields("fieldref", "fieldref|startswith", "fieldref|contains"), st.sampled_from(FIELDS)),
)
KEYWORDS = st.lists(st.sampled_from(["alice", "5", "a*b", "true", '"', "É"]), min_size=1, max_size=2)
MAPPINGS = st.lists(SELECTIONS, min_size=1, max_size=2).map(dict)
CONDITIONS = [
    "one", "not one", "one and two", "one or two", "one and not two", "not one or not two", "not (one and two)",
    "1 of *", "all of them",
]  # fmt: skip
DETECTIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "one": MAPPINGS,
        "two": st.one_of(MAPPINGS, MAPPINGS, MAPPINGS, KEYWORDS),
        "condition": st.sampled_from(CONDITIONS),
    }
)


def asks_text_of_object(rule: Rule, event: Mapping[str, Any], log_type: LogType) -> bool:
    """Whether a text is asked of an object: SQL has its JSON text as it was stored, the matcher a canonical one."""
    for each in derive.predicates(rule.ir):
        names = [each.field, *(getattr(value, "field", None) for value in each.values)]
        for name in (name for name in names if name is not None and each.op not in {Op.NULL, Op.EXISTS}):
            texts = lookup.texts(event, lookup.spellings(name, log_type))
            if any(text.startswith("{") and len(text) > 1 for text in texts):
                return True
    return False
