"""Coverage as a layer of the ATT&CK Navigator.

Format: https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md
"""

from __future__ import annotations

from typing import Any

from .coverage import Coverage, Technique

LAYER, NAVIGATOR = "4.5", "4.9.0"
NO_EVENTS = "#f4b942"
FEW, MANY = "#c6e8d2", "#1f7a4d"


def layer(found: Coverage, name: str = "Mantissa Log") -> dict[str, Any]:
    """The layer as JSON. The score counts rules whose source delivers events; 0 means that none does."""
    live = {each.name for each in found.sources if each.state == "live"}
    entries = [_entry(each, live) for each in found.techniques]
    return {
        "name": name,
        "versions": {"navigator": NAVIGATOR, "layer": LAYER},
        "domain": "enterprise-attack",
        "description": "Rules by technique. Score: rules whose log source delivers events.",
        "sorting": 0,
        "hideDisabled": False,
        "techniques": entries,
        "gradient": {
            "colors": [FEW, MANY],
            "minValue": 1,
            "maxValue": max([2, *(entry["score"] for entry in entries)]),
        },
        "legendItems": [
            {"label": "rules, and events come in", "color": MANY},
            {"label": "rules, but no events", "color": NO_EVENTS},
        ],
        "showTacticRowBackground": False,
        "selectTechniquesAcrossTactics": True,
        "selectSubtechniquesWithParent": False,
    }


def _entry(technique: Technique, live: set[str]) -> dict[str, Any]:
    counted = {rule.id for name, rules in technique.rules.items() if name in live for rule in rules}
    entry: dict[str, Any] = {
        "techniqueID": technique.id,
        "score": len(counted),
        "enabled": True,
        "comment": "\n".join(rule.title for rule in technique.distinct),
        "metadata": [{"name": name, "value": str(len(rules))} for name, rules in sorted(technique.rules.items())],
        "showSubtechniques": False,
    }
    return entry if counted else {**entry, "color": NO_EVENTS}
