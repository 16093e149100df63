"""The module ``acme.gadget``: watches accounts that nobody should use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Command, Detector, Job, Severity, Signal
from pydantic import Field

if TYPE_CHECKING:
    import pyarrow as pa
    from mantissa_core import Runtime

PARTITION = "acme.gadget"
"""Where the state store keeps one document per account: ``{"last": <time>}``."""
RULE = "acme-gadget-watched-account"


class Gadget:
    """One detector, one job and one command around a list of accounts."""

    class Config(PluginConfig):
        """Settings of ``acme.gadget``."""

        accounts: tuple[str, ...] = Field(min_length=1)
        """Names of the watched accounts, as the events have them in ``m_user``."""
        tables: tuple[str, ...] = ("generic_json",)
        """Tables to look at."""
        severity: Severity = Severity.HIGH
        """How urgent a use is."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def detectors(self) -> Sequence[Detector]:
        """A signal for every event of a watched account."""
        return [Detector("watched-account", self.config.tables, self._look)]

    @hookimpl
    def jobs(self) -> Sequence[Job]:
        """Once an hour: remember when the accounts were last used."""
        return [Job("last-use", timedelta(hours=1), self._remember)]

    @hookimpl
    def commands(self) -> Sequence[Command]:
        """``mantissa acme-gadget``."""
        return [Command("acme-gadget", "Show the last use of watched accounts", self._show)]

    def _look(self, table: str, rows: pa.Table) -> Sequence[Signal]:
        import pyarrow as pa
        import pyarrow.compute as pc

        users = rows.column("m_user").cast(pa.string())
        hits = rows.filter(pc.is_in(users, pa.array(self.config.accounts)))
        return [self._signal(table, event) for event in hits.select(["m_id", "m_time", "m_user"]).to_pylist()]

    def _signal(self, table: str, event: Mapping[str, Any]) -> Signal:
        return Signal(
            id=hashlib.sha256(f"{RULE}\0{event['m_id']}".encode()).hexdigest()[:32],  # a repeat changes nothing
            rule_id=RULE,
            rule_name="A watched account was used",
            severity=self.config.severity,
            summary=f"the watched account {event['m_user']} was used",
            time=event["m_time"],
            table=table,
            event_ids=(event["m_id"],),
            group={"user": event["m_user"]},
            entities={"user": event["m_user"]},
        )

    def _remember(self, runtime: Runtime) -> None:
        existing = set(runtime.lake.tables())
        for table in [each for each in self.config.tables if each in existing]:
            for account in self.config.accounts:
                sql = f'SELECT max(m_time) AS last FROM "{table}" WHERE m_user = $account'
                (row,) = runtime.query(sql, {"account": account}).rows.to_pylist()
                if row["last"] is not None:
                    _note(runtime, account, row["last"].isoformat())

    def _show(self, runtime: Runtime, words: Sequence[str]) -> int:
        """Print a line per account. The exit code is 0, or 2 where the command line is wrong."""
        if words:
            print(f"unexpected: {' '.join(words)}")
            return 2
        known = runtime.state.get_many(PARTITION, self.config.accounts)
        for account in self.config.accounts:
            print(f"{account:<30} {known[account].value['last'] if account in known else 'never seen'}")
        return 0


def _note(runtime: Runtime, account: str, last: str) -> None:
    """Keep the latest use; the texts sort as the times do, all are UTC."""
    runtime.state.update(PARTITION, account, lambda old: {"last": max(last, old["last"] if old else last)})
