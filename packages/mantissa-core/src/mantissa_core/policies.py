"""Built-in policies: wrappers around every plugin's calls. Configuration names them in order under ``policies``."""

from __future__ import annotations

from collections.abc import Generator

from .errors import MantissaError
from .hookspecs import PluginConfig, hookimpl
from .model import Action, Delivery, Outcome, Receipt


class Audit:
    """Logs every delivery and every response with its outcome: an observer, it never stops a call."""

    class Config(PluginConfig):
        """Nothing to set."""

    def __init__(self, config: Config) -> None:
        from .log import get_logger

        self._log = get_logger("audit")

    @hookimpl(wrapper=True)
    def deliver(self, delivery: Delivery) -> Generator[None, Receipt, Receipt]:
        """Log where an alert went, or why it did not."""
        facts = {
            "alert": delivery.alert.id,
            "message": delivery.event,
            "destination": delivery.destination,
            "attempt": delivery.attempt,
        }
        try:
            receipt = yield
        except MantissaError as error:
            self._log.warning("delivery failed", **facts, error=type(error).__name__)
            raise
        self._log.info("delivered", **facts, reference=receipt.reference)
        return receipt

    @hookimpl(wrapper=True)
    def execute_action(self, action: Action) -> Generator[None, Outcome, Outcome]:
        """Log what was done, or that it failed."""
        try:
            outcome = yield
        except MantissaError as error:
            self._log.warning("action failed", action=action.name, key=action.key, error=type(error).__name__)
            raise
        self._log.info("action done", action=action.name, key=action.key, changed=outcome.changed)
        return outcome


class DryRun:
    """Lets every response action plan and probe, and executes none: a guard."""

    class Config(PluginConfig):
        """Nothing to set."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl(wrapper=True)
    def execute_action(self, action: Action) -> Generator[None, Outcome, Outcome]:
        """Refuse before the action runs."""
        raise MantissaError(f"{action.name} was not executed: the policy core.dry_run is on")
        yield  # pluggy wants a generator; this line is what makes it one
