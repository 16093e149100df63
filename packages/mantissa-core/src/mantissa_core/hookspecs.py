"""What a plugin may implement: one class per kind, one entry-point group per class.

A plugin is one class with a nested ``Config`` (a :class:`PluginConfig`), ``__init__(self, config)`` and methods
marked ``@hookimpl``. It implements the hooks of its kind, and ``check`` where it can. Calls are synchronous and
run on the runtime's threads under a deadline; a plugin may accept fewer arguments than a hook offers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Protocol

import pluggy
from pydantic import BaseModel, ConfigDict

from .model import (
    Action,
    Alert,
    Blob,
    Choice,
    Command,
    Completion,
    CostEstimate,
    Decoded,
    Delivery,
    Detector,
    Document,
    Effect,
    Enrichment,
    Job,
    Outcome,
    Page,
    Piece,
    Plan,
    PlaybookDraft,
    PlaybookRequest,
    Prompt,
    Pushed,
    Put,
    Query,
    QueryResult,
    Receipt,
    Secret,
    Stream,
    Window,
)

PROJECT = "mantissa"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class PluginConfig(BaseModel):
    """Base of every plugin's ``Config``: frozen, and no key is accepted that it does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class Plugin(Protocol):
    """What plugins of every kind may implement besides their own hooks."""

    @hookspec(firstresult=True)
    def check(self) -> None:
        """Prove that the plugin could do its work now: the address answers, the credential is accepted.

        Called by ``mantissa doctor`` and before the first use. Raise ``Retry`` when the other side is
        unavailable, ``NeedsOperator`` when it refuses. Change nothing.
        """


class Collector(Protocol):
    """Pulls records from one source. Group: ``mantissa.collectors``."""

    group: ClassVar[str] = "mantissa.collectors"

    @hookspec(firstresult=True)
    def streams(self) -> Sequence[Stream]:
        """Name the independently resumable streams of this source. Called at start and then now and again."""

    @hookspec(firstresult=True)
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Yield pages of ``stream`` from ``state`` on, the events of ``window`` where the stream is windowed.

        ``state`` is empty at first, later the ``next_state`` of the last committed page: reading again from it
        yields what was not committed. Never called twice at once for one stream. A page need not be sorted.
        A retried or overlapping read may yield records again; it may not skip one. Raise ``Retry`` when the
        source is unavailable or throttles, ``NeedsOperator`` when it refuses the credential.
        """

    @hookspec(firstresult=True)
    def acknowledge(self, stream: Stream, acks: Sequence[str]) -> None:
        """Tell a queue that these items are stored. Called after the commit; may be repeated."""


class Receiver(Protocol):
    """Takes records that are pushed. Group: ``mantissa.receivers``."""

    group: ClassVar[str] = "mantissa.receivers"

    @hookspec(firstresult=True)
    def listen(
        self, submit: Callable[[str, Pushed], None], stop: threading.Event, decoder: Callable[[str], Parser]
    ) -> None:
        """Serve until ``stop`` is set. No deadline applies.

        ``submit(log_type, records)`` returns once the records are durable: answer the sender after it, never
        before. What is no event may stand among them as ``Rejected`` and becomes a dead letter. It raises ``Retry``
        when the lake is behind; pass that on as the protocol can (HTTP 503). ``decoder(name)`` is a parser of the
        instance, with its settings.
        """


class Parser(Protocol):
    """Takes one delivery format apart (a decoder). Group: ``mantissa.parsers``."""

    group: ClassVar[str] = "mantissa.parsers"

    @hookspec(firstresult=True)
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield the JSON objects in ``blob`` in order, in steps of some 10,000 records or 32 MB.

        ``blob.open()`` is already decompressed. What is no record becomes a ``Rejected`` with its position;
        decoding goes on behind it. Start at ``blob.offset``; where ``blob.final`` is false leave an unfinished
        last record alone. Memory stays bounded whatever comes. Deterministic: the same bytes, the same records.
        """


class QueryBackend(Protocol):
    """Runs read-only SQL over the lake. Group: ``mantissa.query_backends``."""

    group: ClassVar[str] = "mantissa.query_backends"

    @hookspec(firstresult=True)
    def run_query(self, query: Query) -> QueryResult:
        """Run one statement and return at most ``query.max_rows`` rows.

        Raise ``QueryError`` for a statement that fails, is not read-only, names an unknown table or exceeds
        ``query.timeout`` seconds. Parameters are bound, never pasted.
        """

    @hookspec(firstresult=True)
    def estimate_query(self, query: Query) -> CostEstimate:
        """Say what ``run_query`` would read and cost, without reading the data."""

    @hookspec(firstresult=True)
    def cancel_query(self, execution_id: str) -> bool:
        """Stop a running query; its caller gets ``QueryError``. False where it is not running."""


class LLMProvider(Protocol):
    """Answers prompts. Group: ``mantissa.llm_providers``."""

    group: ClassVar[str] = "mantissa.llm_providers"

    @hookspec(firstresult=True)
    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text. Raise ``Retry`` on 429, 5xx and timeouts, ``NeedsOperator`` on 401 and 403."""

    @hookspec(firstresult=True)
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object in ``Completion.data``, asked to fit ``schema`` (JSON Schema).

        The caller validates; raise ``Retry`` where the answer is no JSON object.
        """

    @hookspec(firstresult=True)
    def stream(self, prompt: Prompt, schema: Mapping[str, object] | None) -> Iterator[Piece]:
        """Yield the answer as it is written; the last piece has the whole ``Completion``, as the hooks above give it.

        ``schema`` is ``None`` for free text. Who leaves this out is asked by the hooks above. Raise what they raise,
        before the first piece or after it; an answer that ends without its end is a ``Retry``.
        """


class AlertSink(Protocol):
    """Tells one destination about alerts. Group: ``mantissa.alert_sinks``."""

    group: ClassVar[str] = "mantissa.alert_sinks"
    local: ClassVar[bool] = False
    """Whether what it gets stays on this machine: then only secrets are taken out of it, unless configured."""
    per_minute: ClassVar[int | None] = None
    """New alerts that people there can take in one by one, in a minute; those beyond are told together, unless
    configured otherwise. ``None``: as many as there are."""
    one_for_each_alert: ClassVar[bool] = False
    """Whether an alert is one thing there that stays open until it is resolved: an incident, a ticket."""

    @hookspec(firstresult=True)
    def deliver(self, delivery: Delivery) -> Receipt:
        """Deliver one message and return the destination's receipt.

        The same ``delivery.key`` may come again after a crash or a timeout: pass it on, or look before you
        post, so that people are told once. Raise ``Retry`` on 429, 5xx and timeouts, ``NeedsOperator`` on a
        refusal. Text that is too long is cut with a mark, never dropped.
        """

    @hookspec(firstresult=True)
    def choices(self, setting: str) -> Sequence[Choice]:
        """Name what ``setting`` may be at the destination: its channels, projects, types of ticket.

        Called while the sink is being set up: in ``self.config`` a required setting that was not answered yet is
        ``None``. Return nothing for a setting that cannot be looked up. Raise as ``deliver``, and ``NeedsOperator``
        where another setting must be answered first. Change nothing.
        """


class ResponseAction(Protocol):
    """Changes something in the world, in answer to an alert. Group: ``mantissa.response_actions``."""

    group: ClassVar[str] = "mantissa.response_actions"

    @hookspec(firstresult=True)
    def plan_action(self, action: Action) -> Plan:
        """Validate the arguments and say what would happen. Changes nothing; raise ``NeedsOperator`` out of scope."""

    @hookspec(firstresult=True)
    def probe_action(self, action: Action) -> Effect:
        """Look whether the effect is already in place. Changes nothing. Called after a crash to decide on a retry."""

    @hookspec(firstresult=True)
    def execute_action(self, action: Action) -> Outcome:
        """Do it.

        The same ``action.key`` may come again and must not have a second effect where the target can tell.
        """

    @hookspec(firstresult=True)
    def undo_action(self, action: Action, undo: Mapping[str, object]) -> Outcome:
        """Restore what was before, from the ``undo`` of the outcome. Harmless when repeated."""


class Enricher(Protocol):
    """Adds context to alerts. Group: ``mantissa.enrichers``."""

    group: ClassVar[str] = "mantissa.enrichers"
    about: ClassVar[tuple[str, ...] | None] = None
    """The entities that the facts depend on (``("src_ip", "dst_ip")``): of alerts without any of them nothing is asked,
    and for the same ones an answer is remembered. ``None``: it is asked about every alert."""
    locates: ClassVar[bool] = False
    """Whether it tells where addresses are: facts ``{"ips": {<address>: {"country": …, "country_code": …}}}``, of each
    address on its own. Questions about countries ask such enrichers, too, with an alert that has one ``src_ip``."""

    @hookspec(firstresult=True)
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Return facts about the alert's entities, or ``None``. Called for new alerts, under a short deadline."""


class StateStore(Protocol):
    """Keeps small JSON documents with compare-and-set. Group: ``mantissa.state_stores``."""

    group: ClassVar[str] = "mantissa.state_stores"

    @hookspec(firstresult=True)
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        """Return those of ``keys`` that exist and have not expired: never stale."""

    @hookspec(firstresult=True)
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        """Return up to ``limit`` documents whose key starts with ``prefix`` and is greater than ``after``, by key.

        May be stale: whoever acts on a document claims it by ``commit_documents`` first.
        """

    @hookspec(firstresult=True)
    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        """Write all of ``puts`` or nothing.

        ``expects`` maps keys to the version that each must have now, 0 for absent (or expired); otherwise
        ``Conflict``. At most 50 documents, 256 KB each and 1 MB in all; beyond that ``StateError``. Durable on
        return.
        """


class SecretStore(Protocol):
    """Keeps credentials. Group: ``mantissa.secret_stores``."""

    group: ClassVar[str] = "mantissa.secret_stores"

    @hookspec(firstresult=True)
    def get_secret(self, name: str) -> Secret | None:
        """Return the secret, or ``None`` where there is none of that name."""

    @hookspec(firstresult=True)
    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        """Store a value and return its version.

        ``Conflict`` unless the version was ``expected_version`` (``None``: any, 0: absent). A store that cannot
        write raises ``SecretError``.
        """

    @hookspec(firstresult=True)
    def list_secrets(self) -> Mapping[str, int]:
        """Return every name with its version, never a value."""

    @hookspec(firstresult=True)
    def delete_secret(self, name: str) -> bool:
        """Forget it. False where there was none."""


class Module(Protocol):
    """Adds commands, jobs and detectors to an instance; ``[features]`` switches it. Group: ``mantissa.modules``."""

    group: ClassVar[str] = "mantissa.modules"

    @hookspec(firstresult=True)
    def commands(self) -> Sequence[Command]:
        """Name the commands that appear under ``mantissa``."""

    @hookspec(firstresult=True)
    def jobs(self) -> Sequence[Job]:
        """Name the work that ``mantissa run`` does on a schedule."""

    @hookspec(firstresult=True)
    def detectors(self) -> Sequence[Detector]:
        """Name the detectors that see every committed batch of their tables."""

    @hookspec(firstresult=True)
    def alert_created(self, alert: Alert) -> None:
        """Take note of a new alert, secrets taken out of it. Called at least once for each, also across a crash.

        ``alert.id`` is the same whenever it comes again. It ends within 45 s: what takes longer belongs into a job.
        Raise ``Retry`` to be told again later, ``NeedsOperator`` where a person must act first.
        """

    @hookspec(firstresult=True)
    def write_playbook(self, request: PlaybookRequest) -> PlaybookDraft | None:
        """Write a playbook for what was asked in words (``mantissa ask --playbook``); nothing is stored or run by that.

        ``None`` where the module cannot: another one is asked then. What it writes asks a person before each response
        that changes something.
        """


class Policy(Protocol):
    """Wraps calls of other plugins. Group: ``mantissa.policies``.

    A policy has no hooks of its own: it implements any hook above with ``@hookimpl(wrapper=True)``. ``read``,
    ``decode`` and other iterators return before they are walked; to see items, wrap the iterator. A guard
    (approval, dry run) that raises stops the call; an observer (metrics, audit) must catch its own errors.
    """

    group: ClassVar[str] = "mantissa.policies"


KINDS: tuple[type, ...] = (
    Collector,
    Receiver,
    Parser,
    QueryBackend,
    LLMProvider,
    AlertSink,
    ResponseAction,
    Enricher,
    StateStore,
    SecretStore,
    Module,
    Policy,
)
"""Every kind, in the order of the pipeline."""
