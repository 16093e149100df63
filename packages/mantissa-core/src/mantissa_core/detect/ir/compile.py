"""Sigma's ``detection`` section into the tree of :mod:`.ir`, through pySigma's parser.

Specification: https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html and its
appendix on modifiers. Regular expressions are RE2: what needs lookaround or back-references is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import re2  # type: ignore[import-untyped]
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError
from sigma.modifiers import SigmaCaseSensitiveModifier
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern
from sigma.rule.detection import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from mantissa_core.errors import RuleError

from .tree import And, FieldRef, Glob, Node, Not, Op, Or, Predicate, Regex, TimePart, TimeUnit, Wild

Placeholders = Mapping[str, Sequence[str]]
"""Lists of values by name, for ``%name%`` under the modifier ``expand``."""

EXACT = 2**53
"""Integers up to this magnitude are exact as doubles."""

_COMPARISONS = {
    CompareOperators.LT: Op.LT,
    CompareOperators.LTE: Op.LTE,
    CompareOperators.GT: Op.GT,
    CompareOperators.GTE: Op.GTE,
}
_WILDS = {SpecialChars.WILDCARD_MULTI: Wild.MANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}
_LITERAL = {(False, False): Op.EQ, (True, False): Op.ENDSWITH, (False, True): Op.STARTSWITH, (True, True): Op.CONTAINS}
"""By whether a wildcard stands before and behind the literal."""


class QuietRE2(RE2RegexEngine):
    """pySigma's safe engine, without RE2's habit of writing each bad expression to standard error."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        """Compile without a word."""
        letters = "".join(letter for letter, flag in _FLAGS.items() if flags & flag)
        options = re2.Options()
        options.log_errors = False
        return cast(RegexPattern, re2.compile(f"(?{letters}){pattern}" if letters else pattern, options))


_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


def compile_detection(detection: Mapping[str, Any], placeholders: Placeholders | None = None) -> Node:
    """Compile a rule's ``detection`` mapping (selections and ``condition``; several conditions are alternatives).

    Raises:
        RuleError: the section is malformed, or asks for something that cannot be evaluated exactly.
    """
    _refuse_legacy(detection)
    try:
        sections = SigmaDetections.from_dict(_exact(dict(detection)), policy=SigmaPolicy(regex_engine=QuietRE2()))
        _mark_cased(sections)
        trees = [condition.parse() for condition in sections.parsed_condition]
        return _Translator(placeholders or {}).any_of([_present(tree) for tree in trees])
    except RecursionError:
        raise RuleError("detection: nested too deeply, split it into several selections") from None
    except (SigmaError, TypeError, AttributeError, ValueError) as error:
        raise RuleError(f"detection: {error}") from error


def _refuse_legacy(detection: Mapping[str, Any]) -> None:
    conditions = detection.get("condition")
    for condition in conditions if isinstance(conditions, list) else [conditions]:
        if not isinstance(condition, str):
            raise RuleError(f"detection.condition: found {condition!r}, expected a text such as 'selection'")
        if "|" in condition:
            raise RuleError(
                "detection.condition: aggregations behind '|' are Sigma's former syntax and are not evaluated: "
                "write a correlation rule"
            )
    if "timeframe" in detection:
        raise RuleError("detection.timeframe: belongs to aggregations, which are not evaluated: remove it")


def _exact(value: Any) -> Any:
    """Integers that a double cannot hold as their text: pySigma would round them."""
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_exact(each) for each in value]
    return str(value) if isinstance(value, int) and abs(value) > EXACT else value


def _mark_cased(sections: SigmaDetections) -> None:
    """Make ``cased`` independent of its place: pySigma forgets it when another modifier follows it."""

    def items(detection: SigmaDetection) -> Iterator[SigmaDetectionItem]:
        for item in detection.detection_items:
            if isinstance(item, SigmaDetection):
                yield from items(item)
            else:
                yield item

    for detection in sections.detections.values():
        for item in items(detection):
            if SigmaCaseSensitiveModifier in item.modifiers:
                item.value = [_cased(value) for value in item.value]


def _cased(value: SigmaType) -> SigmaType:
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_cased(each) for each in value.values])
    if isinstance(value, SigmaFieldReference):
        raise RuleError("detection: 'cased' does not apply to 'fieldref', which ignores case")
    return SigmaCasedString.from_sigma_string(value) if isinstance(value, SigmaString) else value


def _present(tree: Any) -> Any:
    if tree is None:
        raise RuleError("detection.condition: selects nothing")
    return tree


class _Translator:
    """pySigma's condition tree into ours."""

    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders

    def node(self, tree: Any) -> Node:
        match tree:
            case ConditionAND(args=args):
                return _flat(And, [self.node(arg) for arg in args])
            case ConditionOR(args=args):
                return self.any_of(args)
            case ConditionNOT(args=[arg]):
                return Not(self.node(arg))
            case ConditionFieldEqualsValueExpression(field=field, value=value):
                return self.value(field, value)
            case ConditionValueExpression(value=value):
                return self.value(None, value)
        raise RuleError(f"detection.condition: {type(tree).__name__} cannot be evaluated")

    def any_of(self, trees: Sequence[Any]) -> Node:
        return _either([self.node(tree) for tree in trees])

    def value(self, field: str | None, value: SigmaType) -> Node:
        """One predicate, or alternatives where a modifier expanded the value."""
        if isinstance(value, SigmaExpansion):
            return _either([self.value(field, each) for each in value.values])
        if isinstance(value, (SigmaString, SigmaRegularExpression)) and value.contains_placeholder():
            return _either([self.value(field, each) for each in value.replace_placeholders(self._expand)])
        if field is None and not isinstance(
            value, (SigmaString, SigmaNumber, SigmaBool, SigmaRegularExpression, SigmaCIDRExpression)
        ):
            raise RuleError(f"detection: {_name(value)} needs a field")
        return _predicate(field, value)

    def _expand(self, placeholder: Placeholder) -> Iterator[SigmaString]:
        try:
            values = self._placeholders[placeholder.name]
        except KeyError:
            raise RuleError(
                f"detection: the placeholder %{placeholder.name}% has no values: "
                f"list them in the configuration under rules.placeholders.{placeholder.name}"
            ) from None
        return (SigmaString(str(value)) for value in values)


def _predicate(field: str | None, value: SigmaType) -> Node:
    match value:
        case SigmaTimestampPart():
            unit = TimeUnit(value.timestamp_part.name.lower())
            return Predicate(field, Op.TIME, (TimePart(unit, int(value.number)),))
        case SigmaString():
            return _string(field, value)
        case SigmaRegularExpression():
            flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
            return Predicate(field, Op.REGEX, (Regex(str(value.regexp), flags),))
        case SigmaNumber() if field is None:
            return Predicate(None, Op.CONTAINS, (str(value.number),))
        case SigmaNumber():
            return Predicate(field, Op.EQ, (value.number,))
        case SigmaBool() if field is None:
            return Predicate(None, Op.CONTAINS, (str(value).lower(),))
        case SigmaBool():
            return Predicate(field, Op.EQ, ("true", "1") if value.boolean else ("false", "0"))
        case SigmaNull():
            return Predicate(field, Op.NULL)
        case SigmaExists():
            return Predicate(field, Op.EXISTS if value.exists else Op.NULL)
        case SigmaCIDRExpression():
            return Predicate(field, Op.CIDR, (str(value.network),))
        case SigmaCompareExpression() if value.op in _COMPARISONS:
            return Predicate(field, _COMPARISONS[value.op], (value.number.number,))
        case SigmaFieldReference():
            return Predicate(field, Op.FIELD, (FieldRef(value.field, _LITERAL[value.ends_with, value.starts_with]),))
    raise RuleError(f"detection: {_name(value)} on {field} is not evaluated")


def _string(field: str | None, value: SigmaString) -> Predicate:
    """Take wildcards at the ends for what they mean; a keyword may stand anywhere in a text."""
    parts = _parts(value)
    if field is None:
        parts = _parts(SpecialChars.WILDCARD_MULTI + value + SpecialChars.WILDCARD_MULTI)
    cased = isinstance(value, SigmaCasedString)
    if parts == (Wild.MANY,):
        return Predicate(field, Op.EXISTS)
    before, behind = parts[:1] == (Wild.MANY,), parts[1:] != () and parts[-1] is Wild.MANY
    inner = parts[before : len(parts) - behind]
    if not any(isinstance(part, Wild) for part in inner):
        return Predicate(field, _LITERAL[before, behind], ("".join(cast("tuple[str, ...]", inner)),), cased)
    return Predicate(field, Op.WILDCARD, (Glob(parts),), cased)


def _parts(value: SigmaString) -> tuple[str | Wild, ...]:
    """The string's parts, runs of ``*`` as one."""
    parts: list[str | Wild] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise RuleError(f"detection: the placeholder %{part.name}% needs the modifier 'expand'")
        wild = _WILDS[part] if isinstance(part, SpecialChars) else part
        if wild is not Wild.MANY or parts[-1:] != [Wild.MANY]:
            parts.append(wild)
    return tuple(parts)


def _either(nodes: Sequence[Node]) -> Node:
    """Alternatives; predicates that differ in their value alone become one with several values."""
    if not nodes:
        raise RuleError("detection: a list of alternatives is empty")
    merged: dict[object, Node] = {}
    for node in _children(Or, nodes):
        key: object = node
        if isinstance(node, Predicate):
            key = (node.field, node.op, node.cased)
            if isinstance(same := merged.get(key), Predicate):
                values = tuple(dict.fromkeys((*same.values, *node.values)))
                node = Predicate(node.field, node.op, values, node.cased)
        merged[key] = node
    return next(iter(merged.values())) if len(merged) == 1 else Or(tuple(merged.values()))


def _flat(kind: type[And], nodes: Sequence[Node]) -> Node:
    children = tuple(dict.fromkeys(_children(kind, nodes)))
    return children[0] if len(children) == 1 else kind(children)


def _children(kind: type[And | Or], nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, kind):
            yield from node.children
        else:
            yield node


def _name(value: object) -> str:
    return type(value).__name__.removeprefix("Sigma")
