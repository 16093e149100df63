"""Language models by the vendor's name: ``LLM_PROVIDER=anthropic`` and the vendor's own variables are enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_COMPATIBLE, _LITELLM = "core.openai_compatible", "litellm.completion"


@dataclass(frozen=True, slots=True)
class Preset:
    """A plugin, settings that stay, and settings from the first of several variables that is set.

    A variable without a default is required: it is referred to even where it is not set, so that the error names it.
    """

    plugin: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    def section(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """What would stand under ``[llm_providers.<name>]``."""
        section = {"plugin": self.plugin, **self.settings}
        for setting, names in self.variables.items():
            given = next((each for each in names if environ.get(each)), None)
            if given or setting not in self.defaults:
                section[setting] = f"env:{given or names[0]}"
            else:
                section[setting] = self.defaults[setting]
        return section


PRESETS: Mapping[str, Preset] = {
    "anthropic": Preset("core.anthropic", variables={"api_key": ("ANTHROPIC_API_KEY",)}),
    "openai": Preset(
        _COMPATIBLE,
        {"max_tokens_field": "max_completion_tokens"},
        {"api_key": ("OPENAI_API_KEY",), "base_url": ("OPENAI_BASE_URL",), "model": ("OPENAI_MODEL",)},
        {"base_url": "https://api.openai.com/v1", "model": "gpt-4.1"},
    ),
    "google": Preset("core.gemini", variables={"api_key": ("GEMINI_API_KEY", "GOOGLE_API_KEY")}),
    "azure_openai": Preset(
        "core.azure_openai",
        variables={
            "endpoint": ("AZURE_OPENAI_ENDPOINT",),
            "api_key": ("AZURE_OPENAI_API_KEY",),
            "deployment": ("AZURE_OPENAI_DEPLOYMENT",),
        },
        defaults={"deployment": "gpt-4"},
    ),
    "openrouter": Preset(
        _COMPATIBLE,
        {"base_url": "https://openrouter.ai/api/v1"},
        {"api_key": ("OPENROUTER_API_KEY",), "model": ("OPENROUTER_MODEL",)},
        {"model": "openrouter/auto"},
    ),
    "bedrock": Preset(
        _LITELLM,
        {"vendor": "bedrock"},
        {"model": ("BEDROCK_MODEL",), "region": ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_REGION_NAME")},
        {"model": "global.anthropic.claude-sonnet-4-6"},
    ),
    "vertex_ai": Preset(
        _LITELLM,
        {"vendor": "vertex_ai"},
        {
            "model": ("VERTEX_AI_MODEL",),
            "project": ("GOOGLE_CLOUD_PROJECT", "GCP_PROJECT_ID"),
            "region": ("VERTEX_AI_LOCATION",),
        },
        {"model": "gemini-2.5-flash", "region": "us-central1"},
    ),
}
"""What ``ask.provider`` may name without a section. Bedrock and Vertex AI need ``mantissa-litellm``."""


def imply(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Add the section of the preset that ``[ask]`` names, where the configuration has none of that label."""
    ask, sections = values.get("ask"), values.get("llm_providers", {})
    name = ask.get("provider") if isinstance(ask, Mapping) else None
    if isinstance(name, str) and name in PRESETS and isinstance(sections, Mapping) and name not in sections:
        values["llm_providers"] = {**sections, name: PRESETS[name].section(environ)}
