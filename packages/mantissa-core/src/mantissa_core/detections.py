"""The instance's detections: the rules, where they come from, and what evaluates them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .hookspecs import Module
from .model import Detector, QueryResult, Signal
from .parts import Parts

if TYPE_CHECKING:
    from .detect.follow.engine import Engine
    from .detect.follow.failing import FailingRules
    from .detect.rules.checkouts import Checkouts
    from .detect.rules.packs import Pack
    from .detect.rules.rule_set import RuleSet
    from .detect.rules.stages import Stages
    from .detect.schedule.book import ScheduleBook
    from .detect.schedule.runs import Runs
    from .detect.schedule.scheduler import Scheduler


class Detections(Parts):
    """From committed rows to signals."""

    @cached_property
    def rules(self) -> RuleSet:
        """The detections that run."""
        from .detect.rules.packs import with_packs
        from .detect.rules.rule_set import RuleSet

        section = self.settings.rules
        paths = [Path(place) for pack in self.packs if pack.kind != "installed" for place in pack.places]
        found = RuleSet.load(
            section.packs, paths, placeholders=section.placeholders, cache=self.home / "cache" / "rules.msgpack"
        )
        found.broken |= self._checkouts.broken if section.packs else {}
        return with_packs(found.without(section.disabled), self.packs)

    @cached_property
    def packs(self) -> Sequence[Pack]:
        """Where the rules come from."""
        from .detect.rules.packs import packs_of

        section = self.settings.rules
        checkouts = self._checkouts if section.packs else ()
        return packs_of(section.packs, checkouts, [self.home / path for path in section.paths], section.owners)

    def shadows(self) -> frozenset[str]:
        """The ids of the rules that are on trial now."""
        return self.stages.shadows(self.rules.all)

    @cached_property
    def stages(self) -> Stages:
        """Which rules are on trial."""
        from .detect.rules.stages import Stages

        return Stages(self.state)

    @cached_property
    def detectors(self) -> Sequence[Detector]:
        """The built-in one, and the modules', named ``<label>/<name>``, each guarded as a hook of its module is."""
        from .alert.canary import detector

        modules = [
            replace(each, name=f"{label}/{each.name}", run=partial(self._look, label, each))
            for label, module in self.plugins(Module).items()
            for each in module.detectors()
        ]
        return [detector(), *modules]

    @cached_property
    def engine(self) -> Engine:
        """From committed rows to signals."""
        from .detect.follow.engine import Engine
        from .detect.rules.versions import Versions

        Versions(self.state).record([*self.rules.all, *self.rules.filters])
        return Engine(
            self.lake,
            self.state,
            self.rules,
            self.log_types,
            detectors=self.detectors,
            scheduled=self.scheduler.scheduled,
            failing=self.failing,
        )

    @cached_property
    def failing(self) -> FailingRules:
        """Rules whose last evaluation failed."""
        from .detect.follow.failing import FailingRules

        return FailingRules(self.state)

    @cached_property
    def schedules(self) -> ScheduleBook:
        """Which rules run by a schedule."""
        from .detect.schedule.book import ScheduleBook

        return ScheduleBook(self.state, self.rules)

    @cached_property
    def scheduler(self) -> Scheduler:
        """What runs them."""
        from .detect.schedule.scheduler import Scheduler

        return Scheduler(
            self.lake,
            self.log_types,
            self.schedules,
            self.schedule_runs,
            self.failing,
            self._ask_rule,
            shadows=self.shadows,
        )

    @cached_property
    def schedule_runs(self) -> Runs:
        """What became of scheduled rules' runs."""
        from .detect.schedule.runs import Runs

        return Runs(self.state)

    def _ask_rule(self, sql: str, parameters: Mapping[str, Any]) -> QueryResult:
        """Run an SQL rule's query. A log type without any event yet is an empty table."""
        from .detect.signals import SIGNALS
        from .detect.sql_rules.rule import MOST_ROWS
        from .lake.spec import table_spec

        return self._ask(sql, parameters, MOST_ROWS, [*map(table_spec, self.log_types), SIGNALS])

    def _look(self, label: str, detector: Detector, table: str, rows: Any) -> Sequence[Signal]:
        found: Sequence[Signal] = self.host.run(
            Module, label, f"detector {detector.name}", partial(detector.run, table, rows), Sequence[Signal]
        )
        return found

    @cached_property
    def _checkouts(self) -> Checkouts:
        from .detect.rules.checkouts import Checkouts

        return Checkouts(self.home)
