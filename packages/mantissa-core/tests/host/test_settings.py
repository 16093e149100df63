"""Settings: references resolved, places named, secrets never repeated."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from mantissa_core.config import ENVIRONMENT, load
from mantissa_core.errors import ConfigError
from mantissa_core.hookspecs import PluginConfig
from mantissa_core.settings import configure
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError, model_validator


class Config(PluginConfig):
    url: str = Field("https://example.com", json_schema_extra={"env": "ACME_URL"})
    token: SecretStr | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    path: Path = Path("state/file")
    count: int = 1
    tenant: str = Field("", json_schema_extra={"env": ["ACME_TENANT", "TENANT"]})
    paths: tuple[Path, ...] = ()


def _configure(values, where="/etc/mantissa/mantissa.toml", **secrets):
    return configure(Config, values, secrets.get, where, "sinks.acme")


def test_a_reference_to_a_stored_secret_is_resolved_and_remembered_as_hidden():
    config, hidden = _configure({"token": "secret://acme"}, acme="t0ken")
    assert config.token.get_secret_value() == "t0ken"
    assert hidden == {"t0ken"}


class Source(BaseModel):
    token: tuple[SecretStr, ...]
    title: str = ""


class WithSources(PluginConfig):
    sources: Mapping[str, Source]


class Exact(Source):
    model_config = ConfigDict(extra="forbid")


class WithExact(PluginConfig):
    sources: Mapping[str, Exact]


def test_references_inside_tables_that_the_author_names_are_resolved():
    written = {"sources": {"token": {"token": ["secret://one", "secret://two"]}}}
    config, hidden = configure(WithSources, written, {"one": "1", "two": "2"}.get, "m.toml", "receivers.push")
    assert [each.get_secret_value() for each in config.sources["token"].token] == ["1", "2"]
    assert hidden == {"1", "2"}


@pytest.mark.parametrize(
    ("source", "key", "found"),
    [
        ({"token": ["in the file"]}, "sources.acme.token.0", "a literal value"),
        ({"token": ["secret://gone"]}, "sources.acme.token.0", "secret://gone, which is not stored"),
        ({"token": [], "titel": "x"}, "sources.acme.titel", "an unknown key"),
        ({}, "sources.acme.token", "nothing"),
    ],
)
def test_a_mistake_in_a_named_table_is_found_where_it_stands(source, key, found):
    with pytest.raises(ConfigError) as caught:
        configure(WithExact, {"sources": {"acme": source}}, {}.get, "m.toml", "")
    assert (caught.value.key.removeprefix("."), caught.value.found) == (key, found)


def test_references_inside_a_table_are_resolved(monkeypatch):
    monkeypatch.setenv("ACME_HEADER", "h1dden")
    config, hidden = _configure({"headers": {"x-key": "env:ACME_HEADER"}})
    assert config.headers["x-key"].get_secret_value() == "h1dden"
    assert hidden == {"h1dden"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "a reference: secret://name or env:NAME"),
        ("secret://missing", "'mantissa secrets set missing' first"),
        ("env:NOT_SET_ANYWHERE", "an environment variable that is set"),
    ],
)
def test_a_secret_that_cannot_be_had_names_the_key_and_the_remedy(value, expected):
    with pytest.raises(ConfigError) as caught:
        _configure({"token": value})
    assert caught.value.key == "sinks.acme.token"
    assert caught.value.where == "/etc/mantissa/mantissa.toml"
    assert expected in caught.value.expected
    assert "plain" not in str(caught.value)


def test_a_declared_variable_fills_an_absent_key_and_the_file_wins(monkeypatch):
    monkeypatch.setenv("ACME_URL", "https://from.environment")
    assert _configure({})[0].url == "https://from.environment"
    assert _configure({"url": "https://from.file"})[0].url == "https://from.file"


def test_of_several_declared_variables_the_first_that_is_set_counts(monkeypatch):
    monkeypatch.setenv("TENANT", "other")
    assert _configure({})[0].tenant == "other"
    monkeypatch.setenv("ACME_TENANT", "own")
    assert _configure({})[0].tenant == "own"


def test_a_relative_path_is_below_the_folder_of_the_file():
    assert _configure({})[0].path == Path("/etc/mantissa/state/file")
    found = _configure({"paths": ["lists/own.csv", "/srv/lists/shared.csv"]})[0].paths
    assert found == (Path("/etc/mantissa/lists/own.csv"), Path("/srv/lists/shared.csv"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": "many"}, "sinks.acme.count: found str 'many', expected a valid integer"),
        ({"cuont": 3}, "sinks.acme.cuont: found an unknown key, expected 'count'?"),
        ({"zzz": 3}, "expected one of url, token, headers, path, count"),
    ],
)
def test_a_wrong_value_says_what_was_found_and_what_was_expected(values, message):
    with pytest.raises(ConfigError) as caught:
        _configure(values)
    assert message in str(caught.value)


SECRET = "s3cr3t-v4lue"


class Account(BaseModel):
    name: str
    token: SecretStr


class Leaky(PluginConfig):
    token: SecretStr | None = None
    tokens: list[SecretStr] = Field(default_factory=list)
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    account: Account | None = None
    accounts: list[Account] = Field(default_factory=list)
    url: HttpUrl | None = None
    count: int = 1
    choice: Literal["a", "b"] = "a"
    numbers: list[int] = Field(default_factory=list)
    either: int | Account | None = None
    plain: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _before(cls, values):
        if values.get("plain") == {"whole": 1}:
            raise ValueError("these do not go together")
        return values

    @model_validator(mode="after")
    def _after(self):
        if self.count == 7:
            raise ValueError(f"seven does not go with {self.token.get_secret_value()}")
        return self


REFERENCES = ("secret://kept", "env:LEAKY")
WRONG = [
    *({name: reference} for name in ("count", "choice", "url", "numbers", "plain") for reference in REFERENCES),
    *({"numbers": [1, reference]} for reference in REFERENCES),
    *({"plain": {"a": reference}} for reference in REFERENCES),
    *({"either": reference} for reference in REFERENCES),
    *({"headers": reference} for reference in REFERENCES),
    *({"headers": {"a": reference, "b": 5}} for reference in REFERENCES),
    *({"tokens": reference} for reference in REFERENCES),
    *({"tokens": [reference, 5]} for reference in REFERENCES),
    *({"account": reference} for reference in REFERENCES),
    *({"account": {"name": 5, "token": reference}} for reference in REFERENCES),
    *({"account": {"token": reference}} for reference in REFERENCES),
    *({"account": {"name": "a", "token": [reference]}} for reference in REFERENCES),
    *({"accounts": [{"name": 5, "token": reference}]} for reference in REFERENCES),
    *({"accounts": {"name": "a", "token": reference}} for reference in REFERENCES),
    *({"either": {"name": 5, "token": reference}} for reference in REFERENCES),
    *({"token": reference, "count": "many"} for reference in REFERENCES),
    *({"token": reference, "conut": 3} for reference in REFERENCES),
    *({"token": [reference]} for reference in REFERENCES),
    *({"token": {"a": reference}} for reference in REFERENCES),
    *({"token": reference, "plain": {"whole": 1}} for reference in REFERENCES),
    *({"token": reference, "count": 7} for reference in REFERENCES),
]


@pytest.mark.parametrize("values", WRONG, ids=str)
def test_no_error_repeats_what_a_reference_stands_for(monkeypatch, values):
    monkeypatch.setenv("LEAKY", SECRET)
    with pytest.raises(ConfigError) as caught:
        configure(Leaky, values, {"kept": SECRET}.get, "mantissa.toml", "sinks.leaky")
    assert caught.value.key.startswith("sinks.leaky")
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "token=" not in shown


@pytest.mark.parametrize(
    "values",
    [
        {"token": SECRET},
        {"tokens": [SECRET]},
        {"headers": {"a": SECRET}},
        {"account": {"name": "a", "token": SECRET}},
        {"accounts": [{"name": "a", "token": SECRET}]},
    ],
    ids=str,
)
def test_a_credential_in_the_file_is_refused_wherever_it_stands_and_not_repeated(values):
    with pytest.raises(ConfigError, match="found a literal value, expected a reference") as caught:
        configure(Leaky, values, {}.get, "mantissa.toml", "sinks.leaky")
    assert SECRET not in str(caught.value)


def test_a_number_in_the_place_of_a_secret_is_not_repeated():
    with pytest.raises(ConfigError, match=r"token: found a value of type int") as caught:
        configure(Leaky, {"token": 471100}, {}.get, "mantissa.toml", "sinks.leaky")
    assert "471100" not in str(caught.value)


def test_a_wrong_value_behind_a_reference_is_named_by_the_reference(monkeypatch):
    monkeypatch.setenv("LEAKY", SECRET)
    with pytest.raises(ConfigError, match=r"sinks\.leaky\.count: found env:LEAKY, expected a valid integer"):
        configure(Leaky, {"count": "env:LEAKY"}, {}.get, "mantissa.toml", "sinks.leaky")


@pytest.mark.parametrize("reference", REFERENCES)
def test_secrets_are_resolved_and_hidden_wherever_they_stand(monkeypatch, reference):
    monkeypatch.setenv("LEAKY", SECRET)
    inner = {"name": "a", "token": reference}
    values = {"tokens": [reference], "accounts": [inner], "account": inner, "headers": {"a": reference}}
    config, hidden = configure(Leaky, values, {"kept": SECRET}.get, "mantissa.toml", "sinks.leaky")
    found = [config.tokens[0], config.accounts[0].token, config.account.token, config.headers["a"]]
    assert {each.get_secret_value() for each in found} == hidden == {SECRET}
    assert SECRET not in repr(config)


def test_a_plugin_that_validates_by_itself_repeats_no_value():
    with pytest.raises(ValidationError) as caught:
        Leaky(count=SECRET, token=5)
    assert SECRET not in str(caught.value)


def test_a_table_in_the_wrong_place_is_not_printed(tmp_path):
    with pytest.raises(ConfigError, match=r"lake\.url: found a table, expected a valid string") as caught:
        load({"home": str(tmp_path), "lake": {"url": {"password": SECRET}}}, {})
    assert SECRET not in str(caught.value)


def _write(folder, text):
    (folder / "mantissa.toml").write_text(text)
    return folder


def test_the_folder_of_a_file_is_its_home(tmp_path):
    settings, home = load(_write(tmp_path, "[lake]\nretention_days = 30\n"), {})
    assert (settings.lake.retention_days, home) == (30, tmp_path)


def test_a_dict_is_as_good_as_a_file(tmp_path):
    settings, home = load({"home": str(tmp_path), "lake": {"raw": "keep"}}, {})
    assert (settings.lake.raw, home) == ("keep", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[lake\n", "a syntax error"),
        ("[lake]\nretention_days = 0\n", "lake.retention_days: found 0, expected greater than or equal to 1"),
        ("[lake]\nretention = 3\n", "lake.retention: found an unknown key, expected 'retention_days'?"),
        ("[collectors.okta]\nurl = 'x'\n", "collectors.okta.plugin: found nothing, expected Field required"),
        ("[sinks.x]\nplugin = 'core.console'\nseverity_filter = ['loud']\n", "sinks.x.severity_filter.0"),
    ],
)
def test_a_wrong_file_names_itself_the_key_and_both_sides(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load(_write(tmp_path, text), {})
    assert caught.value.where == str(tmp_path / "mantissa.toml")
    assert message in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="mantissa init"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("variable", "text", "section", "name", "value"),
    [
        ("MAX_RESULT_ROWS", "77", "query", "max_result_rows", 77),
        ("ENABLE_ENRICHMENT", "false", "alerts", "enrichment", False),
        ("ENABLE_LLM_CACHE", "0", "ask", "cache", False),
        ("SCHEMA_VERSION", "v2", "ask", "schema_version", "v2"),
        ("LLM_PROVIDER", "anthropic", "ask", "provider", "anthropic"),
        ("RULES_PATH", "a:b", "rules", "paths", (Path("a"), Path("b"))),
    ],
)
def test_the_originals_variables_override_the_file(tmp_path, variable, text, section, name, value):
    settings, _ = load(_write(tmp_path, "[query]\nmax_result_rows = 5\n"), {variable: text})
    assert getattr(getattr(settings, section), name) == value
    assert variable in ENVIRONMENT


def test_a_wrong_variable_is_named_instead_of_the_file(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(_write(tmp_path, ""), {"MAX_RESULT_ROWS": "20000"})
    assert caught.value.where == "environment variable MAX_RESULT_ROWS"
