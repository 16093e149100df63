"""ATT&CK tags of what a plan is about, as far as its conditions say: https://attack.mitre.org/techniques/enterprise/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mantissa_core.ask.plan import All, Any, Compare, Filter, Plan

_TAGS: Mapping[str, tuple[str, ...]] = {
    "login/failure": ("attack.credential-access", "attack.t1110"),
    "login": ("attack.initial-access", "attack.t1078"),
    "mfa_challenge": ("attack.credential-access", "attack.t1621"),
    "mfa_reset": ("attack.persistence", "attack.t1556.006"),
    "key_create": ("attack.persistence", "attack.t1098.001"),
    "role_grant": ("attack.persistence", "attack.t1098.003"),
    "user_create": ("attack.persistence", "attack.t1136"),
    "group_add": ("attack.persistence", "attack.t1098"),
    "secret_read": ("attack.credential-access", "attack.t1555"),
}
"""By action, or action and outcome."""


def tags_of(plan: Plan) -> list[str]:
    """The tags of its action; empty where none is known."""
    said = {each.field: each.value for each in _said(plan.filters)}
    action, outcome = said.get("m_action"), said.get("m_outcome")
    return list(_TAGS.get(f"{action}/{outcome}") or _TAGS.get(str(action), ()))


def _said(filters: tuple[Filter, ...]) -> Iterator[Compare]:
    for each in filters:
        if isinstance(each, Compare) and each.op == "eq":
            yield each
        elif isinstance(each, All) or (isinstance(each, Any) and len(each.of) == 1):
            yield from _said(each.of)
