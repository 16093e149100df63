"""The instance's rules from words: read as a question is, and made into a rule that passes tests of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .asking import Asking
from .hookspecs import Module
from .model import PlaybookDraft, PlaybookRequest

if TYPE_CHECKING:
    from .ask.parse import Abstained
    from .ask.plan import Plan
    from .ask.rule import RuleDraft, RuleWords

LONGEST = 1_000
"""Characters of the words."""
_OFFLINE = "offline"
_EXAMPLES = (
    "Alert when a user fails login 5+ times in 10 minutes",
    "Critical alert when root logs in",
    "Alert when MFA is reset and then the same user logs in within 1 hour",
)
_PLAYBOOKS = (
    "When a user fails login 5+ times in 10 minutes, disable the user and notify the team",
    "When root logs in, page the security team",
)


class Drafting(Asking):
    """From words to rules."""

    def rule_from(
        self,
        words: str,
        *,
        zone: str | None = None,
        user: str = "",
        allowed: Collection[str] | None = None,
        sql: bool = False,
    ) -> RuleDraft | Abstained:
        """Write a rule from words such as "Alert when a user fails login 5+ times in 10 minutes"; nothing is stored.

        It is a Sigma rule with tests that it passes; with ``sql`` an SQL rule. What it cannot say is abstained from.
        ``allowed`` are the tables that may be asked about.

        Raises:
            RuleError: the rule that was made does not pass its own tests.
            QueryError: there is no such time zone.
        """
        from .ask.parse import Abstained
        from .ask.rule import read_words

        self._own()
        if len(words) > LONGEST:
            return Abstained(f"the words have {len(words):,} characters, at most {LONGEST:,} are read")
        said = read_words(words)
        if not said.event:
            return Abstained("say what is to be told of", _EXAMPLES)
        plans: list[Plan] = []
        provider = _OFFLINE
        for part in (said.halves.first, said.halves.second) if said.halves else (said.event,):
            read = self._read(part, zone, user, allowed)
            if isinstance(read, Abstained):
                return read if read.suggestions else Abstained(read.reason, _EXAMPLES)
            plans.append(read[0])
            provider = read[1] if provider == _OFFLINE else provider
        return self._written(said, plans, provider, allowed, sql=sql)

    def rule_of_saved(
        self, name: str, *, user: str = "", schedule: str = "", sql: bool = False
    ) -> RuleDraft | Abstained:
        """Make a rule of a saved question: Sigma where that can say it, unless ``sql``; else an SQL rule.

        ``schedule`` is an SQL rule's ``schedule_expression``, where the window's length should not say it.

        Raises:
            QueryError: the user has no question of that name.
            RuleError: the rule that was made does not pass its own tests, or that is no schedule.
        """
        from .ask.rule import read_words

        self._own()
        saved = self.asker.saved.get(user, name)
        words = replace(read_words(saved.question), halves=None)
        if words.bound and saved.plan.having:
            words = replace(words, bound=None)  # the plan says it
        plan = self.asker.saved.plan(user, name)
        return self._written(words, [plan], _OFFLINE, None, sql=sql or bool(schedule) or None, schedule=schedule)

    def playbook_from(
        self, words: str, *, zone: str | None = None, user: str = "", allowed: Collection[str] | None = None
    ) -> PlaybookDraft | Abstained:
        """Have a module write a playbook from words such as "When root logs in, notify the team"; nothing is stored.

        Raises:
            RuleError: the rule that would begin it does not pass its own tests.
            QueryError: there is no such time zone.
        """
        from .ask.parse import Abstained
        from .ask.rule import read_responses

        trigger, responses = read_responses(words[: LONGEST + 1])
        if not responses:
            return Abstained("say what is to be done then", _PLAYBOOKS)
        rule = self.rule_from(trigger, zone=zone, user=user, allowed=allowed)
        if isinstance(rule, Abstained):
            return rule
        request = PlaybookRequest(words, rule.text, rule.id, rule.title, responses)
        for module in self.plugins(Module).values():
            if made := module.write_playbook(request):
                return made
        done = ", ".join(f"{each.verb} ({each.target})" if each.target else each.verb for each in responses)
        return Abstained(f"no installed module writes playbooks. It would begin so: {rule.explanation} Then: {done}")

    def _written(
        self,
        words: RuleWords,
        plans: Sequence[Plan],
        provider: str,
        allowed: Collection[str] | None,
        *,
        sql: bool | None,
        schedule: str = "",
    ) -> RuleDraft | Abstained:
        """The rule of plans; ``sql`` says which kind, None means Sigma where that can say it."""
        from .ask.parse import Abstained
        from .ask.rule import CannotSay, sigma_rule, sql_rule
        from .rule_files import tried

        schema, log_types = self.asker.schema(allowed), list(self.log_types)
        try:
            if sql:
                draft = sql_rule(words, plans[0], schema, log_types, provider, schedule)
            else:
                draft = sigma_rule(words, plans, schema, log_types, provider)
        except CannotSay as error:
            if sql is None:
                return self._written(words, plans, provider, allowed, sql=True, schedule=schedule)
            return Abstained(f"{error.reason}: {error.remedy}" if error.remedy else error.reason)
        tried(self, draft.text, draft.tests_text or None)
        return draft

    def _read(
        self, question: str, zone: str | None, user: str, allowed: Collection[str] | None
    ) -> tuple[Plan, str] | Abstained:
        """What the words mean: by the offline parser, else as any question is read."""
        from .ask.parse import Abstained, Understood, parse

        offline = parse(question, self.asker.schema(allowed), self.clock(), zone or "UTC")
        if isinstance(offline, Understood):
            return offline.plan, _OFFLINE
        if self.settings.ask.provider is None:
            return offline
        answer = self.ask(question, zone=zone, user=user, allowed=allowed, explain_only=True)
        return (answer.plan, answer.provider) if answer.plan else Abstained(answer.reason, answer.suggestions)
