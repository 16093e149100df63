"""``mantissa sources test``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.checks import Check, show
from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit, exit_code
from mantissa_core.cli.labels import labels_of
from mantissa_core.cli.output import plural

if TYPE_CHECKING:
    from mantissa_core.collect.trial import Trial
    from mantissa_core.errors import MantissaError
    from mantissa_core.model import Stream
    from mantissa_core.runtime import Runtime


@click.command("test", cls=Command)
@click.argument("label", required=False)
@click.option("--stream", metavar="NAME", help="Only this stream.")
@pass_session
@click.pass_context
def test_sources(ctx: click.Context, session: Session, label: str | None, stream: str | None) -> None:
    """Check the credential of every source, or of LABEL, and read one page of each stream, without storing it.

    What the source refuses is said with its reason and the permission that is missing.

    Exit code 3 where a person must act, 4 where a source is unavailable or throttles.
    """
    errors: list[MantissaError] = []
    with session.runtime() as runtime:
        checks = [each for name in labels_of(runtime, label) for each in _test(runtime, name, stream, errors)]
    if stream is not None and not any(each.subject == stream for each in checks) and not errors:
        raise click.BadParameter(f"no stream is called {stream!r}")
    show(session, checks)
    codes = {exit_code(error) for error in errors}
    worst = next((code for code in (Exit.OPERATOR, Exit.UNAVAILABLE) if code in codes), None)
    bad = any(each.status != "ok" for each in checks)
    ctx.exit(worst or (Exit.FINDINGS if bad or errors else Exit.OK))


def _test(runtime: Runtime, label: str, only: str | None, errors: list[MantissaError]) -> Iterator[Check]:
    from mantissa_core.errors import MantissaError
    from mantissa_core.hookspecs import Collector

    try:
        runtime.plugin(Collector, label)
        runtime.host.check(Collector, label)
        streams = list(runtime.plugin(Collector, label).streams())
    except MantissaError as error:
        errors.append(error)
        yield Check(label, "credential", "problem", str(error))
        return
    yield Check(label, "credential", "ok", plural(len(streams), "stream"))
    for stream in streams:
        if only in (None, stream.name):
            yield _read(runtime, label, stream, errors)


def _read(runtime: Runtime, label: str, stream: Stream, errors: list[MantissaError]) -> Check:
    from mantissa_core.collect.report import collector_state
    from mantissa_core.collect.trial import try_stream
    from mantissa_core.errors import MantissaError
    from mantissa_core.hookspecs import Collector

    try:
        state = collector_state(runtime.state, label, stream.name)
        collector = runtime.plugin(Collector, label)
        trial = try_stream(collector, stream, state, runtime.log_types, runtime.decoder)
    except MantissaError as error:
        errors.append(error)
        return Check(label, stream.name, "problem", str(error))
    return Check(label, stream.name, "warning" if trial.dead else "ok", _detail(stream, trial))


def _detail(stream: Stream, trial: Trial) -> str:
    where = "of the last hour" if stream.windowed else "waiting"
    files = f" in {plural(trial.blobs, 'file')}" if trial.blobs else ""
    found = f"{plural(trial.events, 'event')} {where} on the first page{files}" if trial.events else f"no event {where}"
    return f"{found}; {plural(trial.dead, 'record')} unreadable: {trial.reason}" if trial.dead else found
