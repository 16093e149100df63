"""``mantissa models``: the language models that questions may go to, what they cost, and the switch that stops them."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from .command import Group, Session, pass_session
from .output import duration, facts, moment, number, paragraph, print_json, say, table
from .text import one_line

if TYPE_CHECKING:
    from mantissa_core.ask.model import Budget, Price
    from mantissa_core.runtime import Runtime

_STATES = {"asked": "green", "not asked": "dim", "off": "dim", "broken": "red", "stopped": "yellow"}
_LONGEST = 200
"""Characters of a test's answer that are shown."""


@click.group("models", cls=Group)
def command() -> None:
    """List, test, stop and resume language models. Questions go to the one that ask.provider names."""


@command.command("list")
@pass_session
def list_models(session: Session) -> None:
    """List the configured models with their price, and what was spent today. None of them is asked."""
    with session.runtime() as runtime:
        found = [_model(runtime, label) for label in runtime.settings.llm_providers]
        spent = _spent(runtime.model_budget)
    if session.json:
        print_json({"models": found, **spent})
        return
    if not found:
        paragraph("No language model is configured: questions are answered without one. See docs/language-models.md.")
        return
    rows = [(each["label"], each["plugin"], each["model"], _told(each["price"]), each["state"]) for each in found]
    columns = ["LABEL", "PLUGIN", "MODEL", "PRICE", "STATE"]
    table(columns, rows, fixed=["LABEL", "STATE"], styles=_STATES)
    for each in found:
        if each["reason"]:
            paragraph(f"{each['label']}: {each['reason']}")
    say()
    _show(spent)


@command.command("test")
@click.argument("label")
@pass_session
def test_model(session: Session, label: str) -> None:
    """Ask LABEL for one word, over the wire, and say what that cost. It counts towards the budget.

    Exit code 3 where a person must act (credential, address, a budget that is used up), 4 where it may work later.
    """
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        if label not in runtime.settings.llm_providers:
            known = ", ".join(runtime.settings.llm_providers) or "none is configured"
            raise click.BadParameter(f"no model is called {label!r} ({known})", param_hint="LABEL")
        done = _tested(runtime, label)
        runtime.model_budget.note(
            "tested", this_user(), label=label, tokens=done["input_tokens"] + done["output_tokens"]
        )
    if session.json:
        print_json(done)
        return
    cost = "unknown" if done["usd"] is None else f"{done['usd']:.6f} USD"
    tokens = f"{number(done['input_tokens'])} read, {number(done['output_tokens'])} written"
    took = duration(done["seconds"]) if done["seconds"] >= 1 else f"{done['seconds'] * 1000:.0f} ms"
    facts([("answer", done["answer"]), ("model", done["model"]), ("tokens", tokens), ("cost", cost), ("took", took)])


@command.command("stop")
@click.option("--reason", default="", help="Shown to whoever asks.")
@pass_session
def stop_models(session: Session, reason: str) -> None:
    """Let no process of this instance ask a language model any more. Questions are answered without one."""
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        runtime.model_budget.stop(reason or f"stopped by {this_user()}", this_user())
        stopped = runtime.model_budget.stopped()
    if session.json:
        print_json({"stopped": stopped})
    elif not session.quiet:
        say(f"No language model is asked until '{session.command} models resume'.")


@command.command("resume")
@pass_session
def resume_models(session: Session) -> None:
    """Let language models be asked again."""
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        was = runtime.model_budget.stopped()
        if was:
            runtime.model_budget.resume(this_user())
    if session.json:
        print_json({"stopped": None})
    elif not session.quiet:
        say("Language models are asked again." if was else "Language models were not stopped.")


def _model(runtime: Runtime, label: str) -> dict[str, Any]:
    from mantissa_core.hookspecs import LLMProvider

    section = runtime.settings.llm_providers[label]
    reason, name = "", ""
    if section.enabled:
        runtime.plugin(LLMProvider, label)
        reason = str(runtime.host.quarantine.get(f"llm_providers/{label}", ""))
        name = _name(runtime, label)
    price = runtime.model_budget.prices.of(name)
    state = "asked" if label == runtime.settings.ask.provider else "not asked"
    state = "broken" if reason else state if section.enabled else "off"
    if state == "asked" and runtime.model_budget.stopped():
        state = "stopped"
    return {"label": label, "plugin": section.plugin, "model": name, "price": price, "state": state, "reason": reason}


def _name(runtime: Runtime, label: str) -> str:
    """The model, or the deployment that stands for one."""
    from mantissa_core.hookspecs import LLMProvider

    named = (runtime.host.setting(LLMProvider, label, each) for each in ("model", "deployment"))
    return str(next(filter(None, named), ""))


def _told(price: Price | None) -> str:
    return f"{price.input:g} + {price.output:g}" if price else "unknown"


def _spent(budget: Budget) -> dict[str, Any]:
    limits = budget.limits
    return {
        "today": dict(budget.today()),
        "limits": {"tokens_per_question": limits.tokens_per_question, "money_per_question": limits.money_per_question,
                   "tokens_per_day": limits.tokens_per_day, "money_per_day": limits.money_per_day},
        "prices_as_of": budget.prices.as_of,
        "stopped": budget.stopped(),
    }  # fmt: skip


def _show(spent: dict[str, Any]) -> None:
    today, limits, stopped = spent["today"], spent["limits"], spent["stopped"]
    unpriced = f" ({number(today['unpriced'])} at an unknown price)" if today["unpriced"] else ""
    question = f"{number(limits['tokens_per_question'])} tokens and {limits['money_per_question']:g} USD at most"
    facts([
        ("today (UTC)", f"{number(today['tokens'])} of {number(limits['tokens_per_day'])} tokens{unpriced}, "
                        f"{today['money']:.4f} of {limits['money_per_day']:g} USD"),
        ("each question", question),
        ("prices", f"US dollars for a million tokens read + written, as of {spent['prices_as_of']}"),
        ("stopped", _why(stopped)),
    ])  # fmt: skip


def _why(stopped: Any) -> str:
    if not stopped:
        return ""
    since = moment(datetime.fromisoformat(stopped["at"])) if stopped.get("at") else ""
    return f"{stopped.get('reason', '')} ({stopped.get('by', '')}, {since} UTC)"


def _tested(runtime: Runtime, label: str) -> dict[str, Any]:
    """One question within the budget.

    Raises:
        NeedsOperator: the budget has not enough left, or calls are stopped; or as the provider raises it.
        Retry: as the provider raises it.
    """
    from mantissa_core.ask.model import OverBudget
    from mantissa_core.errors import MantissaError, NeedsOperator, Retry, Unusable
    from mantissa_core.hookspecs import LLMProvider
    from mantissa_core.model import Prompt

    prompt = Prompt("Answer with the one word: ready", max_tokens=256)
    provider = runtime.plugin(LLMProvider, label)
    spending = runtime.model_budget.question(_name(runtime, label))
    estimate = spending.estimate(prompt)
    try:
        spending.reserve(estimate)
    except OverBudget as error:
        raise NeedsOperator(str(error)) from None
    began = time.monotonic()
    try:
        answer = provider.generate(prompt)
    except Unusable as error:
        spending.settle("", error.input_tokens, error.output_tokens)
        raise
    except Retry:  # who does not answer in time may have read it
        spending.settle("", estimate.input_tokens, 0)
        raise
    except MantissaError:
        spending.release()
        raise
    spending.settle(answer.model, answer.input_tokens, answer.output_tokens)
    return {
        "label": label, "model": answer.model, "answer": one_line(answer.text)[:_LONGEST],
        "input_tokens": spending.input_tokens, "output_tokens": spending.output_tokens, "usd": spending.money,
        "seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip
