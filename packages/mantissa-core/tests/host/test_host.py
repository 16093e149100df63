"""The host contains whatever a plugin does, and nothing else changes."""

import threading
import time

import pytest
from mantissa_core.errors import MantissaError, PluginError, Retry
from mantissa_core.hookspecs import AlertSink, Collector, LLMProvider, PluginConfig, QueryBackend, hookimpl
from mantissa_core.host import Host
from mantissa_core.model import Delivery, Page, Receipt, Stream
from mantissa_core.policies import DryRun
from pydantic import SecretStr

SINK = """
    from mantissa_core.hookspecs import PluginConfig, hookimpl
    from mantissa_core.model import Receipt

    class Pager:
        class Config(PluginConfig):
            room: str = "ops"
        def __init__(self, config):
            self.config = config
        @hookimpl
        def deliver(self):
            return Receipt(self.config.room)
"""

DELIVERY = Delivery(key="k", event="opened", alert=None)


class Sink:
    """A sink whose answer is given."""

    def __init__(self, answer):
        self.answer = answer

    @hookimpl
    def deliver(self, delivery):
        return self.answer(delivery) if callable(self.answer) else self.answer


def _running(plugin, kind=AlertSink):
    host = Host()
    host.add(kind, "one", plugin)
    return host


def test_an_installed_plugin_is_started_by_name_and_called_with_the_arguments_it_accepts(install):
    install("acme", {"mantissa.alert_sinks": {"acme.pager": "acme_pager:Pager"}}, acme_pager=SINK)
    host = Host()
    assert host.start(AlertSink, "acme.pager", "pager", {"room": "soc"})
    assert host.get(AlertSink, "pager").deliver(DELIVERY) == Receipt("soc")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("assert False, 'no'", "AssertionError"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("raise RuntimeError('boom')", "boom"),
        ("Pager = 5", "expected a class"),
        (SINK.replace("def __init__(self, config):", "def __init__(self, config):\n            1 / 0"), "ZeroDivision"),
        (SINK.replace("def deliver(self)", "def delliver(self)"), "does not implement deliver"),
        (SINK.replace("def deliver(self)", "def deliver(self, delivery, mood)"), "mood"),
    ],
)
def test_a_plugin_that_cannot_start_is_quarantined_with_its_reason_and_its_neighbour_runs(install, source, reason):
    install("bad", {"mantissa.alert_sinks": {"bad.pager": "bad_pager:Pager"}}, bad_pager=source)
    install("good", {"mantissa.alert_sinks": {"good.pager": "good_pager:Pager"}}, good_pager=SINK)
    host = Host()
    assert not host.start(AlertSink, "bad.pager", "bad", {})
    assert host.start(AlertSink, "good.pager", "good", {})
    assert reason in host.quarantine["alert_sinks/bad"].reason
    with pytest.raises(PluginError, match="alert_sinks/bad"):
        host.get(AlertSink, "bad").deliver(DELIVERY)
    assert host.get(AlertSink, "good").deliver(DELIVERY) == Receipt("ops")


def test_a_misspelt_hook_beside_the_right_ones_is_refused(install):
    source = SINK + "\n        @hookimpl\n        def chek(self):\n            pass\n"
    install("typo", {"mantissa.alert_sinks": {"typo.pager": "typo_pager:Pager"}}, typo_pager=source)
    host = Host()
    assert not host.start(AlertSink, "typo.pager", "typo", {})
    assert "chek" in host.quarantine["alert_sinks/typo"].reason


def test_a_name_that_two_distributions_claim_is_refused_and_both_are_named(install):
    for name in ("first", "second"):
        target = {"mantissa.alert_sinks": {"same.pager": f"{name}_pager:Pager"}}
        install(name, target, **{f"{name}_pager": SINK})
    host = Host()
    assert not host.start(AlertSink, "same.pager", "pager", {})
    reason = host.quarantine["alert_sinks/pager"].reason
    assert "first 1.0" in reason
    assert "second 1.0" in reason


def test_an_unknown_name_lists_what_is_installed():
    host = Host()
    host.start(AlertSink, "acme.nothing", "x", {})
    assert "core.console" in host.quarantine["alert_sinks/x"].reason


def test_a_wrong_setting_names_the_key_and_does_not_repeat_a_secret(install):
    install("acme", {"mantissa.alert_sinks": {"acme.pager": "acme_pager:Pager"}}, acme_pager=SINK)
    host = Host(where="mantissa.toml")
    host.start(AlertSink, "acme.pager", "pager", {"rom": "x"}, "sinks.pager")
    reason = host.quarantine["alert_sinks/pager"].reason
    assert "mantissa.toml: sinks.pager.rom: found an unknown key, expected 'room'?" in reason


@pytest.mark.parametrize(
    ("answer", "message"),
    [(None, "returned NoneType, expected Receipt"), ("ok", "returned str, expected Receipt"), (5, "returned int")],
)
def test_garbage_is_reported_as_the_plugins_error(answer, message):
    with pytest.raises(PluginError, match=message):
        _running(Sink(answer)).get(AlertSink, "one").deliver(DELIVERY)


def _exit(_delivery):
    raise SystemExit(1)


def _boom(_delivery):
    raise ValueError("boom")


@pytest.mark.parametrize(("answer", "message"), [(_exit, "SystemExit"), (_boom, "ValueError: boom")])
def test_whatever_a_call_raises_is_contained_and_the_plugin_can_be_called_again(answer, message):
    host = _running(Sink(answer))
    for _ in range(2):
        with pytest.raises(PluginError, match=message):
            host.get(AlertSink, "one").deliver(DELIVERY)


def test_the_errors_that_plugins_may_raise_pass_through():
    def throttled(_delivery):
        raise Retry("slow down", after=7)

    with pytest.raises(Retry) as caught:
        _running(Sink(throttled)).get(AlertSink, "one").deliver(DELIVERY)
    assert caught.value.after == 7


def test_a_call_that_hangs_is_given_up_and_the_label_quarantined():
    release = threading.Event()
    host = Host()
    host.add(AlertSink, "other", Sink(Receipt("other")))
    host.add(AlertSink, "slow", Sink(lambda _delivery: release.wait(30)))
    host._running["alert_sinks/slow"] = _with_deadline(host._running["alert_sinks/slow"], 0.05)
    with pytest.raises(PluginError, match=r"no answer within 0\.05 s"):
        host.get(AlertSink, "slow").deliver(DELIVERY)
    with pytest.raises(PluginError, match="no answer"):
        host.get(AlertSink, "slow").deliver(DELIVERY)
    release.set()
    assert host.labels(AlertSink) == ["other"]


def _with_deadline(running, seconds):
    from dataclasses import replace

    return replace(running, deadline=seconds)


class Pages:
    """A collector with given pages."""

    def __init__(self, *pages):
        self.pages = pages

    @hookimpl
    def streams(self):
        return [Stream("s", "generic.json")]

    @hookimpl
    def read(self):
        for page in self.pages:
            yield page() if callable(page) else page


def test_an_iterator_is_checked_item_by_item():
    host = _running(Pages(Page({}), "garbage"), Collector)
    pages = host.get(Collector, "one").read(None, None, {})
    assert next(pages) == Page({})
    with pytest.raises(PluginError, match="yielded garbage: returned str, expected Page"):
        next(pages)


def test_an_iterator_that_hangs_between_items_is_given_up():
    host = _running(Pages(Page({}), lambda: time.sleep(30)), Collector)
    host._running["collectors/one"] = _with_deadline(host._running["collectors/one"], 0.05)
    pages = host.get(Collector, "one").read(None, None, {})
    assert next(pages) == Page({})
    with pytest.raises(PluginError, match="no answer"):
        next(pages)


def test_hooks_that_may_be_left_out_answer_with_nothing():
    host = _running(Pages(), Collector)
    host.check(Collector, "one")
    assert host.get(Collector, "one").acknowledge(None, []) is None


def test_an_unknown_label_lists_those_that_run():
    with pytest.raises(PluginError, match=r"is not running \(running: one\)"):
        _running(Sink(None)).get(AlertSink, "two").deliver(DELIVERY)


def test_one_object_serves_one_label_of_a_kind():
    host = _running(Sink(None))
    with pytest.raises(PluginError, match="already running"):
        host.add(AlertSink, "one", Sink(None))


class Secretive:
    """A provider that leaks its key in every error."""

    class Config(PluginConfig):
        key: SecretStr

    def __init__(self, config):
        self.key = config.key.get_secret_value()

    @hookimpl
    def generate(self, prompt):
        raise (Retry if prompt else ValueError)(f"401 for Authorization: Bearer {self.key}")

    @hookimpl
    def generate_with_schema(self):
        return None


@pytest.mark.parametrize("prompt", ["", "hello"])
def test_a_secret_that_the_host_handed_out_never_appears_in_an_error(install, prompt, monkeypatch):
    monkeypatch.setattr("mantissa_core.catalog.load", lambda _group, _name: Secretive)
    host = Host(secrets={"llm": "s3cr3t-value"}.get)
    assert host.start(LLMProvider, "x", "llm", {"key": "secret://llm"})
    with pytest.raises(MantissaError) as caught:
        host.get(LLMProvider, "llm").generate(prompt)
    assert "s3cr3t-value" not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_secret_written_out_in_the_settings_is_refused(monkeypatch):
    monkeypatch.setattr("mantissa_core.catalog.load", lambda _group, _name: Secretive)
    host = Host(where="mantissa.toml")
    host.start(LLMProvider, "x", "llm", {"key": "literal-key"}, "llm_providers.llm")
    reason = host.quarantine["llm_providers/llm"].reason
    assert "secret://name or env:NAME" in reason
    assert "literal-key" not in reason


def test_a_policy_wraps_every_plugin_and_no_plugin_knows():
    seen = []

    class Watch:
        @hookimpl(wrapper=True)
        def deliver(self, delivery):
            seen.append(delivery.key)
            return (yield)

    host = Host()
    host.use(Watch(), "watch")
    host.add(AlertSink, "a", Sink(Receipt("a")))
    host.add(AlertSink, "b", Sink(Receipt("b")))
    assert host.get(AlertSink, "b").deliver(DELIVERY) == Receipt("b")
    assert host.get(AlertSink, "a").deliver(DELIVERY) == Receipt("a")
    assert seen == ["k", "k"]


def test_dry_run_stops_every_action_and_nothing_else():
    from mantissa_core.hookspecs import ResponseAction
    from mantissa_core.model import Action, Outcome, Plan

    done = []

    class Block:
        @hookimpl
        def plan_action(self, action):
            return Plan("would block", "203.0.113.9", reversible=True)

        @hookimpl
        def execute_action(self, action):
            done.append(action)
            return Outcome(True, "blocked")

    host = Host()
    host.use(DryRun(DryRun.Config()), "core.dry_run")
    host.add(ResponseAction, "block", Block())
    action = Action("block", {}, "key")
    assert host.get(ResponseAction, "block").plan_action(action).reversible
    with pytest.raises(MantissaError, match=r"core\.dry_run"):
        host.get(ResponseAction, "block").execute_action(action)
    assert done == []


def test_calls_run_side_by_side_so_that_a_query_can_be_cancelled():
    started, stopped = threading.Event(), threading.Event()

    class Backend:
        @hookimpl
        def run_query(self, query):
            started.set()
            assert stopped.wait(10)
            raise Retry("cancelled")

        @hookimpl
        def cancel_query(self, execution_id):
            stopped.set()
            return True

    host = _running(Backend(), QueryBackend)
    backend = host.get(QueryBackend, "one")
    outcome = []

    def run():
        with pytest.raises(Retry):
            backend.run_query(None)
        outcome.append("ended")

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    assert backend.cancel_query("x") is True
    thread.join(10)
    assert outcome == ["ended"]


def test_close_is_called_once_on_every_plugin_and_its_failure_is_contained():
    closed = []

    class Closing(Sink):
        def close(self):
            closed.append(self.answer)
            raise ValueError("cannot close")

    host = Host()
    host.add(AlertSink, "a", Closing("a"))
    host.add(AlertSink, "b", Closing("b"))
    host.close()
    assert closed == ["b", "a"]
