"""``mantissa.toml``: one file that says everything about an instance. Reference: ``docs/configuration.md``."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from .alert.redact.policy import Redaction
from .alert.routing.sections import EnvironmentSection, EscalationSection, MaintenanceSection, RouteSection
from .api_section import ApiSection
from .ask.providers.presets import imply
from .errors import ConfigError
from .mcp_section import McpSection
from .model import Severity
from .settings import validate

FILE = "mantissa.toml"

ENVIRONMENT: Mapping[str, str] = {
    "LLM_PROVIDER": "ask.provider",
    "MAX_RESULT_ROWS": "query.max_result_rows",
    "ENABLE_ENRICHMENT": "alerts.enrichment",
    "ENABLE_LLM_CACHE": "ask.cache",
    "SCHEMA_VERSION": "ask.schema_version",
    "RULES_PATH": "rules.paths",
    "CORS_ALLOWED_ORIGIN": "api.cors_allowed_origin",
}
"""Environment variables that override the file, and the key that each sets. Plugins declare their own."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class _Labelled(BaseModel):
    """A plugin under a label: the keys named here, and every other key is the plugin's own setting."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    plugin: str
    """Which plugin, by its name in ``mantissa plugins list``."""
    enabled: bool = True
    """Whether it runs."""
    deadline: float | None = Field(None, gt=0)
    """Seconds that one call may take before the label is quarantined."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin itself gets."""
        own = dict(self.model_extra or {})
        return {**own, "deadline": self.deadline} if self.deadline is not None else own


class LakeSection(_Section):
    """``[lake]``: where events are stored and for how long."""

    url: str = "lake"
    """A folder (relative to this file) or ``s3://bucket/prefix``."""
    retention_days: int = Field(400, ge=1)
    """Days after which ``mantissa lake retain`` and ``mantissa run`` drop a day of events."""
    raw: Literal["keep", "drop"] = "drop"
    """Whether original records are kept, compressed, beside the tables."""
    compact_at: int = Field(300, ge=2)
    """Number of live files in a table at which it is compacted."""
    storage: Mapping[str, str] = Field(default_factory=dict)
    """Options of the object store (``AWS_REGION``, ``AWS_ENDPOINT_URL``, …); values may be references."""


class StateSection(_Labelled):
    """``[state]``: where progress, alerts and deliveries are kept."""

    plugin: str = "core.sqlite"
    """A state store; its own settings follow."""


class SecretsSection(_Labelled):
    """``[secrets]``: where credentials are kept."""

    plugin: str = "core.encrypted_file"
    """A secret store; its own settings follow."""


class RulesSection(_Section):
    """``[rules]``: which detections run."""

    packs: bool = True
    """Whether rule packs are used: the installed ones, and those of ``mantissa rules packs add``."""
    paths: tuple[Path, ...] = ()
    """Further folders or files with Sigma rules. ``RULES_PATH`` adds to them (separated by the path separator)."""
    owners: Mapping[str, str] = Field(default_factory=dict)
    """Who looks after the rules of a pack, by the pack's name, where a rule's file names nobody."""
    disabled: tuple[str, ...] = ()
    """Ids of rules and filters that do not run."""
    placeholders: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Values of the placeholders that rules ask for with ``|expand`` (``"%admins%"`` is ``admins`` here)."""


class LogTypesSection(_Section):
    """``[log_types]``: definitions besides those of installed plugins."""

    paths: tuple[Path, ...] = ()
    """Folders with log types as YAML."""


_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(value: Any) -> Any:
    """The seconds of a text such as ``"90s"``, ``"5m"``, ``"2h"`` or ``"1d"``; anything else as it is."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", value.strip())):
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(value, str):
        raise ValueError("seconds, or a text such as '90s', '5m' or '2h'")  # noqa: TRY004  # pydantic's protocol
    return value


class CollectorSection(_Labelled):
    """``[collectors.<label>]``: a source that is pulled."""

    every: float = Field(300.0, gt=0)
    """Between two collections in ``mantissa run``: seconds, or a text such as ``"5m"``."""
    since_hours: float = Field(24.0, ge=0)
    """How far back a windowed stream starts the first time."""
    max_pages: int = Field(1_000, ge=1)
    """Pages that one stream may read in a round of ``mantissa run``, before others get their turn."""
    max_seconds: float = Field(300.0, gt=0)
    """Seconds that one stream may take in a round of ``mantissa run``."""

    @field_validator("every", mode="before")
    @classmethod
    def _every(cls, value: Any) -> Any:
        return seconds(value)


class DigestSection(_Section):
    """``[sinks.<label>.digest]``: what a destination hears of together."""

    every: float = Field(3600.0, ge=60, le=86_400)
    """How often: seconds, or a text such as ``"1h"`` or ``"1d"``, counted from midnight UTC."""
    severities: tuple[Severity, ...] = tuple(Severity)
    """Alerts of these severities; the others are told at once."""

    @field_validator("every", mode="before")
    @classmethod
    def _every(cls, value: Any) -> Any:
        return seconds(value)


class SinkSection(_Labelled):
    """``[sinks.<label>]``: a destination for alerts."""

    deadline: float | None = Field(None, gt=0, lt=60)
    """Seconds that one delivery may take before the label is quarantined: less than a minute, after which another
    process may take the message over."""
    severity_filter: tuple[Severity, ...] = tuple(Severity)
    """Severities that go there; all by default."""
    redact: Redaction | None = None
    """What is taken out of messages before they are queued. Without it: everything personal and secret, or secrets
    alone where the destination is on this machine (``core.console``, ``core.file``)."""
    per_minute: int | None = Field(None, ge=0)
    """New alerts that are told one by one in a minute; those beyond are told together when it ends. 0 for no limit; by
    default what the sink says of itself."""
    digest: DigestSection | None = None
    """Tells alerts together, every so often."""
    canary: bool = True
    """Whether test alerts go there (``[canary]``); ``false`` where they would wake somebody."""


class ReceiverSection(_Labelled):
    """``[receivers.<label>]``: a source that pushes."""

    spool_megabytes: int = Field(1024, ge=1)
    """What may wait on disk for the lake; beyond it senders are asked to come back later."""


class EnricherSection(_Labelled):
    """``[enrichers.<label>]``: a source of context for alerts."""

    budget: float = Field(2.0, gt=0, le=10)
    """Seconds that an alert waits for it. What comes later serves the next alert; this one says that it is missing."""
    ttl: float = Field(3600.0, ge=0)
    """How long an answer about the same entities counts: seconds, or a text such as ``"1h"``."""
    per_minute: int | None = Field(None, ge=1)
    """How often it is asked at most; by default as often as there are alerts that it has no answer for yet."""

    @field_validator("ttl", mode="before")
    @classmethod
    def _ttl(cls, value: Any) -> Any:
        return seconds(value)


class PluginSection(_Labelled):
    """``[actions|llm_providers|modules.<label>]``: a plugin and its settings."""


class PolicySection(_Labelled):
    """``[[policies]]``: a policy; the first in the file is the outermost."""


class QuerySection(_Labelled):
    """``[query]``: how SQL is run."""

    plugin: str = "core.duckdb"
    """A query backend; its own settings follow."""
    max_result_rows: int = Field(1_000, ge=1, le=10_000)
    """Rows that a query returns at most. ``MAX_RESULT_ROWS`` overrides it."""
    timeout: float = Field(120.0, gt=0)
    """Seconds that a query may take."""
    prices: Path | None = None
    """A YAML file with the prices of engines, in place of the one that came with this version."""


class AskSection(_Section):
    """``[ask]``: questions in plain English and language models."""

    provider: str | None = None
    """Label under ``[llm_providers]`` to use, or a name that needs no section there (``anthropic``, ``openai``,
    ``google``, ``azure_openai``, ``openrouter``, ``bedrock``, ``vertex_ai``). ``LLM_PROVIDER`` overrides it."""
    cache: bool = True
    """Whether plans are cached. ``ENABLE_LLM_CACHE`` overrides it."""
    schema_version: str = "1"
    """Part of the cache's key: change it to forget cached plans. ``SCHEMA_VERSION`` overrides it."""
    confirm_bytes: int = Field(10_000_000_000, ge=0)
    """Bytes that a question may read without being confirmed, by the estimate."""
    confirm_usd: float = Field(1.0, ge=0)
    """US dollars that it may cost without being confirmed, by the estimate."""
    tokens_per_question: int = Field(60_000, ge=1)
    """Tokens that a language model may read and write for one question."""
    money_per_question: float = Field(0.5, gt=0)
    """US dollars that one question may cost, where the model's price is known."""
    tokens_per_day: int = Field(5_000_000, ge=1)
    """Tokens of all questions of a day (UTC)."""
    money_per_day: float = Field(20.0, gt=0)
    """US dollars of all questions of a day (UTC), where the model's price is known."""
    raw_sql: bool = False
    """Whether a language model may write SQL where no plan can say what is asked. It runs behind the guard."""
    prices: Path | None = None
    """A file with what tokens cost, relative to this file, instead of the table that comes with the package."""


class AlertsSection(_Section):
    """``[alerts]``: how signals become alerts."""

    window_minutes: float = Field(5.0, gt=0)
    """Signals of one rule and group this close together fold into one alert."""
    enrichment: bool = True
    """Whether enrichers run. ``ENABLE_ENRICHMENT`` overrides it."""
    peers: bool = False
    """Whether an alert says how usual it is for its users and for others, counted in the lake."""
    peer_days: int = Field(14, ge=1, le=90)
    """Days before the alert's own that are counted."""
    peer_budget: float = Field(2.0, gt=0, le=8)
    """Seconds that an alert waits for the counts, and that counting may take."""
    rewrite: bool = False
    """Whether the language model of ``ask.provider`` words the answers to who, what, when, where, why and how."""
    rewrite_budget: float = Field(5.0, gt=0, le=60)
    """Seconds that a new alert waits for that."""


class CanarySection(_Section):
    """``[canary]``: test alerts that go all the way, from an event to every destination.

    Off by default: they are written to where people read.
    """

    every: float | None = Field(None, ge=60)
    """Between two tests in ``mantissa run``: seconds, or a text such as ``"1h"``; none without it."""
    within: float = Field(300.0, ge=1)
    """How long one may take before somebody else is told: seconds, or a text such as ``"5m"``."""

    @field_validator("every", "within", mode="before")
    @classmethod
    def _seconds(cls, value: Any) -> Any:
        return seconds(value)


class MetricsSection(_Section):
    """``[metrics]``: figures about the sources, for Prometheus."""

    listen: str | None = Field(None, pattern=r"^\S+:\d{1,5}$")
    """Where ``mantissa run`` answers ``GET /metrics``, such as ``127.0.0.1:9464``; nowhere by default."""


class LogSection(_Section):
    """``[log]``: the program's own log, on standard error."""

    format: Literal["console", "json"] = "console"
    """Lines for people or JSON for machines."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is printed."""


class Settings(_Section):
    """Everything in ``mantissa.toml``."""

    lake: LakeSection = LakeSection()
    state: StateSection = StateSection()
    secrets: SecretsSection = SecretsSection()
    features: Mapping[str, bool] = Field(default_factory=dict)
    """``[features]``: ``<module> = false`` keeps a module of ``[modules]`` from starting."""
    rules: RulesSection = RulesSection()
    log_types: LogTypesSection = LogTypesSection()
    parsers: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """``[parsers."<name>"]``: settings of a decoder, by its name in ``mantissa plugins list``; with ``plugin``, one
    more under a name of your own."""
    collectors: Mapping[str, CollectorSection] = Field(default_factory=dict)
    receivers: Mapping[str, ReceiverSection] = Field(default_factory=dict)
    sinks: Mapping[str, SinkSection] = Field(default_factory=dict)
    routes: Mapping[str, RouteSection] = Field(default_factory=dict)
    escalations: Mapping[str, EscalationSection] = Field(default_factory=dict)
    maintenance: Mapping[str, MaintenanceSection] = Field(default_factory=dict)
    environments: Mapping[str, EnvironmentSection] = Field(default_factory=dict)
    enrichers: Mapping[str, EnricherSection] = Field(default_factory=dict)
    actions: Mapping[str, PluginSection] = Field(default_factory=dict)
    llm_providers: Mapping[str, PluginSection] = Field(default_factory=dict)
    modules: Mapping[str, PluginSection] = Field(default_factory=dict)
    policies: tuple[PolicySection, ...] = ()
    query: QuerySection = QuerySection()
    ask: AskSection = AskSection()
    alerts: AlertsSection = AlertsSection()
    canary: CanarySection = CanarySection()
    metrics: MetricsSection = MetricsSection()
    api: ApiSection = ApiSection()
    mcp: McpSection = McpSection()
    log: LogSection = LogSection()

    @field_validator("alerts")
    @classmethod
    def _one_of_the_name(cls, alerts: AlertsSection, info: ValidationInfo) -> AlertsSection:
        if alerts.peers and "peers" in info.data.get("enrichers", {}):
            raise ValueError("no 'peers = true' beside [enrichers.peers]: give that enricher another label")
        return alerts


def load(source: Path | Mapping[str, Any], environ: Mapping[str, str] | None = None) -> tuple[Settings, Path]:
    """Read settings from a file, the folder it lies in, or a dict; return them with the home folder.

    A dict may carry ``"home"``, the folder that relative paths refer to (default: the current one).

    Raises:
        ConfigError: the file is missing or no TOML, or a key is wrong; names file, key, found, expected.
    """
    if isinstance(source, Mapping):
        values = dict(source)
        path = Path(str(values.pop("home", "."))).resolve() / FILE
    else:
        path = (source / FILE if source.is_dir() else source).resolve()
        values = _read(path)
    environ = os.environ if environ is None else environ
    origins = _override(values, environ)
    imply(values, environ)
    try:
        return _with_model(validate(Settings, values, str(path)), str(path)), path.parent
    except ConfigError as error:
        variable = origins.get(error.key.split(".0")[0])
        raise ConfigError(f"environment variable {variable}" if variable else error.where, error.key, error.found,
                          error.expected) from None  # fmt: skip


def _with_model(settings: Settings, where: str) -> Settings:
    if settings.alerts.rewrite and settings.ask.provider not in settings.llm_providers:
        raise ConfigError(where, "alerts.rewrite", "true", "ask.provider to name a label under [llm_providers]")
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(path), "file", "nothing", "a configuration file ('mantissa init' writes one)") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "file", f"a syntax error ({error})", "TOML") from None


def _override(values: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Put the original's environment variables into ``values``; return which key came from which variable."""
    origins: dict[str, str] = {}
    for variable, key in ENVIRONMENT.items():
        if not (text := environ.get(variable)):
            continue
        section, name = key.split(".")
        table = dict(values.get(section, {}))
        table[name] = [*table.get(name, ()), *text.split(os.pathsep)] if name == "paths" else text
        values[section], origins[key] = table, variable
    return origins
