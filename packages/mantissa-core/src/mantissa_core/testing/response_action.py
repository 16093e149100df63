# ruff: noqa: D102  # a test's name is the promise that it checks
"""Conformance kit for response actions: subclass :class:`ResponseActionContract` in a test module.

The author supplies a fake of what is acted on, and what to do to it::

    class TestBlock(ResponseActionContract):
        secrets = ("s3cret",)

        @pytest.fixture
        def target(self):
            with FakeFirewall() as fake:
                yield fake

        def action(self, target):
            return Block(Block.Config(url=target.url, token="s3cret", timeout=2))

        def arguments(self, target):
            return {"address": "198.51.100.7"}

        def out_of_scope(self, target):
            return {"address": "10.0.0.1"}

What the fake cannot do (:attr:`Target.faults`) is skipped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

import pytest

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import PROJECT
from mantissa_core.model import Action, Effect, Outcome, Plan

from .fake_http import RETRY_AFTER, Fault

__all__ = ["Fault", "ResponseActionContract", "Target"]

HOOKS = ("plan_action", "probe_action", "execute_action", "undo_action")


class Target(Protocol):
    """The fake of what is acted on. It drops a repeated key where the real one does."""

    faults: frozenset[Fault]

    def state(self) -> object:
        """What it is like now, comparable: the rules of a firewall, the members of a group."""

    def effects(self) -> int:
        """How often it was changed so far."""

    def place(self) -> None:
        """Bring about by other means what the action would do."""

    def inject(self, fault: Fault) -> None:
        """Misbehave until :meth:`heal`."""

    def heal(self) -> None:
        """Behave again."""


class ResponseActionContract:
    """What every response action must do."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """The credentials that :meth:`action` configures."""
    reversible: ClassVar[bool] = True
    """Whether ``undo_action`` restores the state before."""
    probes: ClassVar[bool] = True
    """Whether ``probe_action`` can tell."""

    @pytest.fixture
    def target(self) -> Iterator[Target]:
        """Yield a fresh fake, without the effect."""
        raise NotImplementedError("override the fixture 'target'")

    def action(self, target: Any) -> Any:
        """Build the plugin. Called anew for each process that a test pretends."""
        raise NotImplementedError("override 'action'")

    def arguments(self, target: Any) -> Mapping[str, Any]:
        """Arguments of a call that changes something."""
        raise NotImplementedError("override 'arguments'")

    def out_of_scope(self, target: Any) -> Mapping[str, Any]:
        """Well-formed arguments that the plugin must not act on."""
        raise NotImplementedError("override 'out_of_scope'")

    def call(self, target: Any, key: str = "kit-1") -> Action:
        """The action as the runtime calls it."""
        return Action("kit.action", self.arguments(target), key)

    def test_every_hook_is_marked_with_hookimpl(self, target: Any) -> None:
        plugin = self.action(target)
        for hook in HOOKS:
            assert hasattr(getattr(plugin, hook), f"{PROJECT}_impl"), f"decorate {hook!r} with @hookimpl"

    def test_planning_changes_nothing_and_says_what_would_happen(self, target: Any) -> None:
        before = target.state()
        plan = self.action(target).plan_action(self.call(target))
        assert isinstance(plan, Plan)
        assert plan.summary, "say in words what would happen"
        assert plan.target, "name what is acted on"
        assert plan.reversible == self.reversible
        json.dumps(plan.detail)
        assert (target.state(), target.effects()) == (before, 0)

    def test_planning_twice_says_the_same(self, target: Any) -> None:
        assert self.action(target).plan_action(self.call(target)) == self.action(target).plan_action(self.call(target))

    def test_a_probe_tells_whether_the_effect_is_in_place_and_changes_nothing(self, target: Any) -> None:
        plugin = self.action(target)
        before = plugin.probe_action(self.call(target))
        assert isinstance(before, Effect)
        assert target.effects() == 0, "a probe only looks"
        plugin.execute_action(self.call(target))
        done = target.effects()
        after = self.action(target).probe_action(self.call(target))
        assert (before.state, after.state) == (("absent", "present") if self.probes else ("unknown", "unknown"))
        assert target.effects() == done

    def test_executing_changes_the_target_and_says_so(self, target: Any) -> None:
        before = target.state()
        outcome = self.action(target).execute_action(self.call(target))
        assert isinstance(outcome, Outcome)
        assert outcome.changed
        assert outcome.summary
        assert target.state() != before
        assert (outcome.undo is not None) == self.reversible
        json.dumps([outcome.undo, outcome.detail])

    def test_the_same_key_has_one_effect(self, target: Any) -> None:
        plugin = self.action(target)
        plugin.execute_action(self.call(target))
        once = (target.state(), target.effects())
        plugin.execute_action(self.call(target))
        assert (target.state(), target.effects()) == once
        self.action(target).execute_action(self.call(target))
        assert (target.state(), target.effects()) == once, "the key must reach the target, or the target be asked"

    def test_undoing_restores_what_was_before(self, target: Any) -> None:
        self._only_if_reversible()
        before = target.state()
        outcome = self.action(target).execute_action(self.call(target))
        undone = self.action(target).undo_action(self.call(target), _stored(outcome.undo))
        assert isinstance(undone, Outcome)
        assert undone.changed
        assert target.state() == before

    def test_undoing_twice_does_no_harm(self, target: Any) -> None:
        self._only_if_reversible()
        before = target.state()
        plugin = self.action(target)
        undo = _stored(plugin.execute_action(self.call(target)).undo)
        plugin.undo_action(self.call(target), undo)
        plugin.undo_action(self.call(target), undo)
        self.action(target).undo_action(self.call(target), undo)
        assert target.state() == before

    def test_what_was_in_place_before_is_not_undone(self, target: Any) -> None:
        self._only_if_reversible()
        if not self.probes:
            pytest.skip("an action that cannot look cannot tell")
        target.place()
        before = (target.state(), target.effects())
        outcome = self.action(target).execute_action(self.call(target))
        assert not outcome.changed, "nothing changed, so do not say so"
        self.action(target).undo_action(self.call(target), _stored(outcome.undo))
        assert (target.state(), target.effects()) == before

    def test_what_is_out_of_scope_is_refused_everywhere(self, target: Any) -> None:
        plugin, before = self.action(target), target.state()
        outside = Action("kit.action", self.out_of_scope(target), "kit-2")
        for hook in (plugin.plan_action, plugin.probe_action, plugin.execute_action):
            with pytest.raises(NeedsOperator):
                hook(outside)
        assert (target.state(), target.effects()) == (before, 0)

    def test_arguments_of_another_shape_are_refused(self, target: Any) -> None:
        plugin = self.action(target)
        for arguments in ({}, {"no such argument": True}, {name: ["?"] for name in self.arguments(target)}):
            with pytest.raises(NeedsOperator):
                plugin.plan_action(Action("kit.action", arguments, "kit-3"))
        assert target.effects() == 0

    @pytest.mark.parametrize("fault", [Fault.BUSY, Fault.SERVER_ERROR, Fault.TIMEOUT])
    def test_a_passing_failure_is_a_retry_and_the_retry_has_one_effect(self, target: Any, fault: Fault) -> None:
        plugin = self.action(target)
        error = self._failure(target, fault, lambda: plugin.execute_action(self.call(target)))
        assert isinstance(error, Retry), f"{fault.name} must raise Retry, not {error!r}"
        if fault is Fault.BUSY:
            assert error.after == pytest.approx(RETRY_AFTER, abs=2), "pass Retry-After on in seconds"
        target.heal()
        plugin.execute_action(self.call(target))
        assert target.effects() == 1

    @pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.REJECTED])
    def test_a_refusal_needs_the_operator(self, target: Any, fault: Fault) -> None:
        plugin = self.action(target)
        error = self._failure(target, fault, lambda: plugin.execute_action(self.call(target)))
        assert isinstance(error, NeedsOperator), f"{fault.name} must raise NeedsOperator, not {error!r}"

    def test_secrets_stay_out_of_sight(self, target: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        plugin, call = self.action(target), self.call(target)
        shown = [repr(each) for each in (plugin, vars(plugin), plugin.plan_action(call), plugin.probe_action(call))]
        refusals = {Fault.BUSY, Fault.SERVER_ERROR, Fault.REFUSED, Fault.REJECTED}
        for fault in sorted(target.faults & refusals, key=lambda each: each.name):
            shown.append(repr(self._failure(target, fault, lambda: plugin.execute_action(call))))
            target.heal()
        shown.append(repr(plugin.execute_action(call)))
        text = "\n".join([*shown, caplog.text])
        assert not [secret for secret in self.secrets if secret in text], "a secret would be stored or shown"

    def _only_if_reversible(self) -> None:
        if not self.reversible:
            pytest.skip("this action cannot be undone, and says so in its plan")

    def _failure(self, target: Any, fault: Fault, act: Callable[[], object]) -> MantissaError:
        if fault not in target.faults:
            pytest.skip(f"the fake target cannot produce {fault.name}")
        target.inject(fault)
        with pytest.raises(MantissaError) as caught:
            act()
        return caught.value


def _stored(undo: Mapping[str, object] | None) -> Mapping[str, object]:
    """What is left of it after the state store: JSON."""
    stored: Mapping[str, object] = json.loads(json.dumps(undo or {}))
    return stored
