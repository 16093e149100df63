"""Field lookup: objects, arrays, dotted keys."""

import pytest
from mantissa_core.model.values import values

EVENT = {
    "a": {"b": 1, "list": [{"c": 1}, {"c": [2, None, 3]}, "text"], "null": None, "empty": []},
    "x.y": {"z": "dotted"},
    "p": {"q.r": 5},
    "s": {"t": None},
    "s.t": "literal",
    "false": False,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", [1]),
        ("a.list.c", [1, 2, 3]),
        ("a.list", [{"c": 1}, {"c": [2, None, 3]}, "text"]),
        ("a.null", []),
        ("a.empty", []),
        ("a.b.c", []),
        ("missing", []),
        ("x.y.z", ["dotted"]),
        ("p.q.r", [5]),
        ("s.t", ["literal"]),
        ("x\\.y.z", ["dotted"]),
        (("x.y", "z"), ["dotted"]),
        ("false", [False]),
        ("a", [EVENT["a"]]),
    ],
)
def test_values(path: str | tuple[str, ...], found: list[object]) -> None:
    assert values(EVENT, path) == found
