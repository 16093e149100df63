"""The API's description in OpenAPI 3.1, made of the routes and the models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from . import models
from .endpoints import ENDPOINTS, PATH_PART, Endpoint
from .events import CONTENT_TYPE as EVENT_STREAM
from .events import KINDS, Events
from .file import JSON
from .problem import CONTENT_TYPE, ProblemDocument
from .roles import Role

_REFERENCE = "#/components/schemas/{model}"
_EVENT = {
    "type": "object",
    "description": "One event. The last one is an answer, whose data is a Result, or an error, a ProblemDocument.",
    "properties": {
        "event": {"type": "string", "enum": list(KINDS)},
        "data": {"type": "string", "contentMediaType": JSON},
    },
    "required": ["event", "data"],
}


def description(endpoints: Sequence[Endpoint] = ENDPOINTS) -> dict[str, Any]:
    """The document: paths with what they take and give, and who may call them (``x-role``, and scopes of tokens)."""
    paths: dict[str, dict[str, Any]] = {
        "/health": {"get": _open()},
        "/openapi.json": {"get": _own()},
    }
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mantissa Log", "version": version("mantissa-core"), "license": {"name": "MIT"}},
        "paths": paths,
        "security": [{"token": []}],
        "components": {
            "schemas": _schemas(endpoints),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    taken = {each for endpoint in endpoints if (each := endpoint.body)}
    given: set[type[BaseModel]] = {models.Health, ProblemDocument}
    given |= {each.gives for each in endpoints if issubclass(each.gives, BaseModel)}
    wanted = [(each, "validation") for each in sorted(taken, key=lambda each: each.__name__)]
    wanted += [(each, "serialization") for each in sorted(given, key=lambda each: each.__name__)]
    _, found = models_json_schema(wanted, ref_template=_REFERENCE)  # type: ignore[arg-type]  # the modes are literals
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _operation(each: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{each.method.lower()}{re.sub(r'[^a-zA-Z0-9]+', '_', each.path)}".rstrip("_"),
        "summary": each.summary,
        "x-role": each.role.value,
        "parameters": [*_path_parameters(each.path), *_query_parameters(each)],
        "responses": {str(each.status): {"description": each.summary, "content": _content(each)}, **_problems()},
    }
    if each.scopes:
        found["security"] = [{"token": [scope.value]} for scope in each.scopes]
    if each.body:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(each.body)}}}
    return found


def _content(each: Endpoint) -> dict[str, Any]:
    if issubclass(each.gives, BaseModel):
        files = {kind: {"schema": {"type": "string", "contentMediaType": kind}} for kind in each.files}
        return {JSON: {"schema": _schema(each.gives)}, **files}
    if issubclass(each.gives, Events):
        return {EVENT_STREAM: {"schema": _EVENT}}  # before OpenAPI 3.2 the schema is that of each event
    return {"text/plain": {"schema": {"type": "string"}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    shape = {"type": "string", "pattern": PATH_PART}
    return [{"name": name, "in": "path", "required": True, "schema": shape} for name in re.findall(r"{(\w+)}", path)]


def _query_parameters(each: Endpoint) -> list[dict[str, Any]]:
    if each.query is None:
        return []
    schema = each.query.model_json_schema()
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(shape)}
        for name, shape in schema["properties"].items()
    ]


def _without_null(shape: dict[str, Any]) -> dict[str, Any]:
    """A parameter may be left out; it is never null."""
    kept = [each for each in shape.get("anyOf", ()) if each != {"type": "null"}]
    own = {name: each for name, each in shape.items() if name not in ("anyOf", "default", "title")}
    default = {"default": shape["default"]} if shape.get("default") is not None else {}
    return {**own, **(kept[0] if kept else {}), **default}


def _open() -> dict[str, Any]:
    content = {"application/json": {"schema": _schema(models.Health)}}
    return {
        "operationId": "get_health",
        "summary": "Whether the server answers.",
        "security": [],
        "responses": {"200": {"description": "It does.", "content": content}, **_problems()},
    }


def _own() -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "get_openapi",
        "summary": "This description.",
        "x-role": Role.VIEWER.value,
        "responses": {"200": {"description": "It.", "content": content}, **_problems()},
    }


def _problems() -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": _schema(ProblemDocument)}}
    return {
        "4XX": {"description": "The request cannot be answered.", "content": content},
        "5XX": {"description": "The server or what it depends on failed.", "content": content},
    }


def _schema(model: type[Any]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
