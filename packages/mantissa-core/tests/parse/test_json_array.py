"""Splitting arrays: bare and wrapped, whole and cut, at once and piece by piece."""

import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse import json_array
from mantissa_core.parse.json_array import JSONArray


@pytest.fixture(params=["at once", "piece by piece"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "piece by piece":
        monkeypatch.setattr(json_array, "WHOLE_FILE_BYTES", 5)


def decode(content: bytes, *, final: bool = True, offset: int = 0, **config: object) -> list[Decoded]:
    parser = JSONArray(JSONArray.Config.model_validate(config))
    return list(parser.decode(Blob("o", "n", lambda: io.BytesIO(content), offset, final)))


def records(steps: list[Decoded]) -> list[tuple[int, bytes]]:
    return [pair for step in steps for pair in zip(step.positions, step.records, strict=True)]


def rejected(steps: list[Decoded]) -> list[tuple[int, str]]:
    return [(each.position, each.reason) for step in steps for each in step.rejected]


A, B = b'{"a":1}', b'{"b":["]}"]}'


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[]", []),
        (b"", []),
        (b"[" + A + b"," + B + b"]", [(0, A), (1, B)]),
        (b" [ " + A + b" ,\n" + B + b" ] \n", [(0, A), (1, B)]),
        (b"\xef\xbb\xbf[" + A + b"]", [(0, A)]),
        (b'{"Records":[' + A + b"," + B + b"]}", [(0, A), (1, B)]),
        (b'{"version":"1","meta":{"x":"[]"},"events":[' + A + b'],"next":null}', [(0, A)]),
        (b'{"Records":[]}', []),
    ],
)
def test_elements_and_their_indices(content: bytes, expected: list[tuple[int, bytes]]) -> None:
    steps = decode(content)
    assert (records(steps), rejected(steps)) == (expected, [])


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize(
    ("content", "kept", "reason"),
    [
        (b"[" + A + b"," + B[:-2], [A], "the text ends in the middle of this element"),
        (b"[" + A + b",", [A], "the text ends before its array does"),
        (b"[" + A, [A], "the text ends before its array does"),
        (b'{"Records":[' + A + b"]", [A], "the text ends before its object does"),
        (b"[" + A + b',5,"x",' + B + b"]", [A, B], "not a JSON object"),
        (b"[" + A + b"] and more", [A], "stands behind the end"),
        (b"[" + A + b"}" + B + b"]", [A], "'}' in place of a value"),
        (b"plain text", [], "neither a JSON array nor an object"),
        (b'{"Records":5}', [], "the object holds no array"),
        (b'{"Records":[' + A + b'],"Records":[' + B + b"]}", [A], "another array, in the member 'Records'"),
    ],
)
def test_faults_are_rejected_and_the_rest_kept(content: bytes, kept: list[bytes], reason: str) -> None:
    steps = decode(content)
    assert [raw for _, raw in records(steps)] == kept
    assert reason in rejected(steps)[0][1]
    places = [position for position, _ in [*records(steps), *rejected(steps)]]
    assert len(set(places)) == len(places)


@pytest.mark.usefixtures("_both_ways")
def test_the_member_can_be_named() -> None:
    content = b'{"ids":[1,2],"Records":[' + A + b"]}"
    assert records(decode(content, member="Records")) == [(0, A)]
    assert rejected(decode(content, member="Events")) == [(0, "the object holds no array 'Events'")]


@pytest.mark.usefixtures("_both_ways")
def test_an_element_beyond_the_limit_is_one_rejection() -> None:
    steps = decode(b'[{"a":"' + b"x" * 100 + b'"},' + B + b"]", max_record_bytes=50)
    assert records(steps) == [(1, B)]
    assert rejected(steps) == [(0, "an element of 108 bytes, longer than max_record_bytes = 50")]


def test_an_unfinished_array_keeps_its_whole_elements_and_resumes() -> None:
    steps = decode(b"[" + A + b"," + B[:-2], final=False)
    assert (records(steps), rejected(steps), steps[-1].end) == ([(0, A)], [], 1)
    assert records(decode(b"[" + A + b"," + B + b"]", offset=1)) == [(1, B)]


class Endless(io.RawIOBase):
    """A reader of parts that never exist all at once."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._parts, self._rest = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._rest = self._rest or next(self._parts, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def test_an_element_of_200_mb_is_skipped_without_being_held() -> None:
    def parts() -> Iterator[bytes]:
        yield b"[" + A + b',{"long":"'
        for _ in range(200):
            yield b"x" * (1 << 20)
        yield b'"},' + B + b"]"

    blob = Blob("o", "n", lambda: Endless(parts()))  # type: ignore[arg-type,return-value]
    steps = list(JSONArray(JSONArray.Config()).decode(blob))
    assert records(steps) == [(0, A), (2, B)]
    (each,) = [each for step in steps for each in step.rejected]
    assert (each.position, each.size, len(each.raw)) == (1, (200 << 20) + 11, 64 << 10)


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3)), size=st.integers(1, 9))
def test_pieces_of_any_size_give_what_the_whole_gives(
    monkeypatch: pytest.MonkeyPatch, events: list[dict[str, object]], size: int
) -> None:
    content = json.dumps(events, ensure_ascii=False).encode()
    whole = records(decode(content))
    with monkeypatch.context() as patch:
        patch.setattr(json_array, "WHOLE_FILE_BYTES", 1)
        patch.setattr("mantissa_core.parse.blocks.Blocks.next.__defaults__", (size,))
        pieces = records(decode(content))
    assert pieces == whole
    assert [json.loads(raw) for _, raw in pieces] == events
