"""``mantissa sinks test``."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import print_json, say


@click.command("test", cls=Command)
@click.argument("label")
@pass_session
@click.pass_context
def test_sink(ctx: click.Context, session: Session, label: str) -> None:
    """Send a test message to LABEL, past its severity filter. What it opens there is resolved at once.

    Exit code 3 where it does not arrive.
    """
    from mantissa_core.errors import MantissaError
    from mantissa_core.hookspecs import AlertSink
    from mantissa_core.setup.trial import Validation, send

    with session.runtime() as runtime:
        section = runtime.settings.sinks.get(label)
        if section is None:
            known = ", ".join(runtime.settings.sinks) or "none"
            raise click.BadParameter(f"no sink is called {label!r} (configured: {known})", param_hint="LABEL")
        if not section.enabled:
            raise click.BadParameter(f"{label} is disabled: 'mantissa sinks enable {label}'", param_hint="LABEL")
        sink = runtime.plugin(AlertSink, label)
        try:
            runtime.host.check(AlertSink, label)
            found = send(sink, section.plugin, label)
        except MantissaError as error:
            found = Validation(False, str(getattr(error, "reason", error)), {})
    if session.json:
        print_json({"label": label, "success": found.success, "message": found.message, "details": found.details})
    else:
        latency = found.details.get("latency_ms")
        say(f"{label}: {found.message}" + (f" ({latency:.0f} ms)" if latency is not None else ""))
    ctx.exit(Exit.OK if found.success else Exit.OPERATOR)
