"""The decoder kit passes the built-in decoders and fails wrong ones."""

import inspect
import io
from collections.abc import Callable, Iterator

import pytest
from mantissa_core.errors import BadRecord
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse.json_array import JSONArray
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.parser import Decoder, ParserContract, ParserSample

LINES = ParserSample(b'{"a":1}\n\n{"b":[2]}\r\n{"c":"\xc3\xa9"}', records=({"a": 1}, {"b": [2]}, {"c": "é"}))


class TestJSONLines(ParserContract):
    samples = (LINES, ParserSample(b'\xef\xbb\xbf{"a":1}\n{"b":2}\n', records=({"a": 1}, {"b": 2})))

    def make_parser(self) -> Decoder:
        return JSONLines(JSONLines.Config())


class TestJSONArray(ParserContract):
    samples = (
        ParserSample(b'[{"a":1}, {"b":[2]}, {"c":"]"}]', records=({"a": 1}, {"b": [2]}, {"c": "]"})),
        ParserSample(b'{"Records":[{"a":1},7,{"b":2}]}', records=({"a": 1}, {"b": 2}), rejected=1),
    )

    def make_parser(self) -> Decoder:
        return JSONArray(JSONArray.Config())


class Wrong:
    """Decodes lines correctly but for one fault."""

    def __init__(self, fault: Callable[[Blob, list[Decoded]], list[Decoded]]) -> None:
        self._fault = fault

    def decode(self, blob: Blob) -> Iterator[Decoded]:
        yield from self._fault(blob, list(JSONLines(JSONLines.Config()).decode(blob)))


def raises(_blob: Blob, steps: list[Decoded]) -> list[Decoded]:
    for step in steps:
        for record in step.records:
            if not record.startswith(b"{"):
                raise BadRecord("gives up")
    return steps


def drops_the_last(blob: Blob, steps: list[Decoded]) -> list[Decoded]:
    return [Decoded(step.records[:-1], step.positions[:-1], step.end, step.rejected) for step in steps]


def same_positions(_blob: Blob, steps: list[Decoded]) -> list[Decoded]:
    return [Decoded(step.records, [0] * len(step.records), step.end) for step in steps]


def takes_the_unfinished(blob: Blob, _steps: list[Decoded]) -> list[Decoded]:
    whole = Blob(blob.origin, blob.name, blob.open, blob.offset)
    return list(JSONLines(JSONLines.Config()).decode(whole))


def starts_at_the_beginning(blob: Blob, _steps: list[Decoded]) -> list[Decoded]:
    whole = Blob(blob.origin, blob.name, blob.open, 0, blob.final)
    return list(JSONLines(JSONLines.Config()).decode(whole))


def reads_once(blob: Blob, _steps: list[Decoded]) -> list[Decoded]:
    content = blob.open().read(1 << 20)
    return list(
        JSONLines(JSONLines.Config()).decode(Blob("o", "n", lambda: io.BytesIO(content), blob.offset, blob.final))
    )


def counts_calls() -> Callable[[Blob, list[Decoded]], list[Decoded]]:
    calls = iter(range(10**6))

    def fault(_blob: Blob, steps: list[Decoded]) -> list[Decoded]:
        shift = next(calls)
        return [Decoded(step.records, [at + shift for at in step.positions], step.end, step.rejected) for step in steps]

    return fault


def swallows_garbage(_blob: Blob, steps: list[Decoded]) -> list[Decoded]:
    good = [
        [(record, at) for record, at in zip(step.records, step.positions, strict=True) if record.startswith(b"{")]
        for step in steps
    ]
    return [
        Decoded([record for record, _ in pairs], [at for _, at in pairs], step.end)
        for pairs, step in zip(good, steps, strict=True)
    ]


@pytest.mark.parametrize(
    "fault",
    [
        raises,
        drops_the_last,
        same_positions,
        takes_the_unfinished,
        starts_at_the_beginning,
        reads_once,
        counts_calls(),
        swallows_garbage,
    ],
    ids=lambda fault: fault.__qualname__.split(".")[0],
)
def test_a_wrong_decoder_fails_the_kit(fault: Callable[[Blob, list[Decoded]], list[Decoded]]) -> None:
    class Kit(ParserContract):
        samples = (LINES,)

        def make_parser(self) -> Decoder:
            return Wrong(fault)

    assert failures(Kit()), "the kit passed it"


def test_a_kit_without_samples_fails() -> None:
    class Kit(ParserContract):
        def make_parser(self) -> Decoder:
            return JSONLines(JSONLines.Config())

    assert "test_samples_are_given" in failures(Kit())


def failures(kit: ParserContract) -> list[str]:
    failed = []
    for name, test in inspect.getmembers(kit, callable):
        if name.startswith("test_"):
            try:
                test()
            except Exception:
                failed.append(name)
    return failed
