"""``mantissa doctor``: is everything as it must be?"""

from __future__ import annotations

from collections.abc import Iterator

import click

from .command import Command, Session, pass_session
from .exit_codes import Exit
from .version import versions


@click.command("doctor", cls=Command)
@pass_session
@click.pass_context
def command(ctx: click.Context, session: Session) -> None:
    """Check configuration, stores, lake, log types, rules, plugins, detection, deliveries and disk space.

    Plugins are asked whether they could work now; nothing is changed. Exit code 1 where there is a problem,
    with --strict also where there is a warning.
    """
    from .checks import Check, check_instance, show
    from .checks_flow import check_flow

    def look() -> Iterator[Check]:
        path = session.find()
        with session.runtime() as runtime:
            yield Check("config", path.name, "ok", str(path))
            yield from check_instance(runtime)
            yield from check_flow(runtime)
        for name, number in versions().items():
            yield Check("version", name, "ok", number)

    strict, session.strict = session.strict, False  # broken parts are findings here, not errors
    checks = list(look())
    show(session, checks)
    bad = {"problem", "warning"} if strict else {"problem"}
    ctx.exit(Exit.FINDINGS if any(each.status in bad for each in checks) else Exit.OK)
