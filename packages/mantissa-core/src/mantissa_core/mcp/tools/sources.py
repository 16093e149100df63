"""Where the logs come from, and how that goes."""

from __future__ import annotations

from pydantic import Field

from mantissa_core.alert.codec import to_json
from mantissa_core.mcp.bounded import short, size
from mantissa_core.mcp.call import Call
from mantissa_core.mcp.tool import Arguments, Reply, Untrusted
from mantissa_core.watch import health


class SourcesArguments(Arguments):
    """Nothing."""


class Source(Reply):
    """One stream of one source."""

    source: str
    stream: str
    log_type: str
    rows: int
    """Events stored since collection began."""
    last_read: str | None
    last_event: str | None
    problems: list[str]


class SourcesReply(Untrusted):
    """The streams of the configured sources."""

    sources: list[Source] = Field(default_factory=list)


def sources(call: Call, _given: SourcesArguments) -> SourcesReply:
    """List the configured log sources: events stored, when each was last read, what is wrong with it.

    Look here before concluding that something did not happen: a source that stopped leaves no events.
    """
    known = health(call.runtime)
    made, room = SourcesReply(), call.limits.max_characters - 1_000
    for each in known.reports:
        found = [one for one in known.findings if (one.label, one.stream) == (each.label, each.stream)]
        line = Source(
            source=each.label,
            stream=each.stream,
            log_type=each.log_type,
            rows=each.figures.rows,
            last_read=to_json(each.attempt.last_success or each.figures.last_read),
            last_event=to_json(each.figures.last_data),
            problems=[short(f"{one.problem}: {one.detail}", 400) for one in found][:5],
        )
        room -= size(line.model_dump()) + 1
        if room < 0:
            made.truncated, made.more = True, "'mantissa sources list' shows all of them"
            break
        made.sources.append(line)
    return made
