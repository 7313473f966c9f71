"""openapi.yaml, written from the routes: bodies and answers are the very structs the endpoints decode and encode."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from types import UnionType
from typing import Any, Final

import msgspec
import yaml

import paygw
from paygw.web.context import Permission
from paygw.web.errors import CODES
from paygw.web.portal_api.samples import SAMPLES
from paygw.web.query import Parameter
from paygw.web.routes import Route

_REF: Final = "#/components/schemas/{name}"
_SECURITY: Final[dict[Permission, list[dict[str, list[str]]]]] = {
    Permission.PORTAL: [{"portalKey": []}],
    Permission.FINANCE: [{"financeKey": []}],
    Permission.OPERATOR: [{"operatorKey": []}],
    Permission.METRICS: [{"metricsToken": []}, {}],
}
# What every operation of a permission may answer besides its own problems.
_GENERAL: Final = {
    Permission.PORTAL: ("unauthenticated", "forbidden", "rate_limited", "unavailable"),
    Permission.FINANCE: ("unauthenticated", "forbidden", "rate_limited", "unavailable"),
    Permission.OPERATOR: ("unauthenticated", "forbidden", "rate_limited", "unavailable"),
    Permission.METRICS: ("unauthenticated", "forbidden"),
}
_WITH_BODY: Final = (
    "malformed_json",
    "too_large",
    "unsupported_media_type",
    "request_timeout",
    "invalid_body",
)
_WITH_BYTES: Final = ("malformed_request", "too_large", "unsupported_media_type", "request_timeout")
_WITH_KEY: Final = (
    "idempotency_key_missing",
    "idempotency_key_invalid",
    "idempotency_in_progress",
    "idempotency_mismatch",
)


class FieldProblem(msgspec.Struct, kw_only=True):
    """Where a body is wrong (JSON pointer) and a stable code; never the value."""

    pointer: str
    code: str


class ProblemView(msgspec.Struct, kw_only=True):
    """RFC 9457. `code` is stable; `instance` is the id of the request; further members belong to the code."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET


def document_text(routes: Iterable[Route]) -> str:
    """The document as YAML: the same bytes for the same code."""
    return yaml.dump(document(routes), Dumper=_Spelled, sort_keys=False, allow_unicode=True, width=120)


class _Spelled(yaml.SafeDumper):
    """Writes what is shared out in full: readers and tools of the file need no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        """Never an alias."""
        del data
        return True


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """OpenAPI 3.1 of the documented routes."""
    shown = [route for route in routes if route.documented]
    named = [model for route in shown for model in (route.body, *route.answers.values()) if model]
    models = {_key(member): member for model in named for member in _members(model)}
    schemas, components = msgspec.json.schema_components([*models.values(), ProblemView], ref_template=_REF)
    by_model = dict(zip([*models, _key(ProblemView)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        paths.setdefault(_bare(route.path), {})[route.method.lower()] = _operation(route, by_model)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "paygw",
            "version": paygw.__version__,
            "description": "Public payment hub for the fees of administrative procedures. Amounts are whole đồng.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _schemes()},
    }


def _operation(route: Route, by_model: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": getattr(route.endpoint, "__name__", route.path),
        "tags": [route.tag],
        "summary": route.summary,
        "security": _SECURITY.get(route.permission, []),
    }
    parameters = [*_path_parameters(route.path), *map(_query_parameter, route.query)]
    if route.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        described: dict[str, Any] = {"schema": _schema(route.body, by_model)}
        sample = SAMPLES.get(f"{route.method} {_bare(route.path)}")
        content = {"application/json": described | ({"example": sample} if sample else {})}
        operation["requestBody"] = {"required": True, "content": content}
    if route.raw:
        operation["requestBody"] = {"required": True, "content": {kind: {} for kind in route.raw}}
    operation["responses"] = _answers(route, by_model) | _problems(route, by_model[_key(ProblemView)])
    return operation


def _answers(route: Route, by_model: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for status, model in (route.answers or {200: None}).items():
        made[str(status)] = {"description": HTTPStatus(status).phrase}
        if model:
            made[str(status)]["content"] = {"application/json": {"schema": _schema(model, by_model)}}
    return made


def _problems(route: Route, schema: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON schema
    codes = {*route.problems, *_GENERAL.get(route.permission, ())}
    codes |= set(_WITH_BODY) if route.body else set()
    codes |= set(_WITH_BYTES) if route.raw else set()
    codes |= set(_WITH_KEY) if route.idempotent else set()
    codes |= {"bad_parameter"} if route.query else set()
    codes |= {"not_found"} if "{" in route.path else set()
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(CODES[code].status, []).append(code)
    return {
        str(status): {
            "description": ", ".join(found),
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status, found in sorted(by_status.items())
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::\w+)?}", path)
    ]


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    schema = dict(parameter.schema) or {"type": "string", "pattern": f"^(?:{parameter.pattern})$"}
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    }


def _bare(path: str) -> str:
    return re.sub(r":\w+}", "}", path)


def _members(model: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any type msgspec can describe, or a union of them
    return model.__args__ if isinstance(model, UnionType) else (model,)


def _schema(model: Any, by_model: dict[str, Any]) -> Any:  # noqa: ANN401 - the same
    """An answer that is one of several structs says so; bodies are one struct each."""
    schemas = [by_model[_key(member)] for member in _members(model)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _key(model: Any) -> str:  # noqa: ANN401 - any type msgspec can describe
    return str(model)


def _schemes() -> dict[str, Any]:
    return {
        "portalKey": {"type": "http", "scheme": "bearer", "description": "API key of a portal: sk_test_… or sk_live_…"},
        "financeKey": {"type": "http", "scheme": "bearer", "description": "API key with scope finance."},
        "operatorKey": {"type": "http", "scheme": "bearer", "description": "API key with scope operator."},
        "metricsToken": {"type": "http", "scheme": "bearer", "description": "PAYGW_METRICS_TOKEN, if one is set."},
    }


_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Your own value, one per thing you create; a repeated request gets the stored answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
