"""What the page of the API shows: operations by subject, structs with their fields; read off the OpenAPI document."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from paygw.web.errors import CODES, Kind
from paygw.web.openapi import document, document_text
from paygw.web.routes import Route

Json = Mapping[str, Any]

_CALLERS: Final = {
    "portalKey": "portal key",
    "financeKey": "key with scope finance",
    "operatorKey": "key with scope operator",
    "metricsToken": "metrics token",
}
_KEY_SHOWN: Final = {"financeKey": "$FINANCE_KEY", "operatorKey": "$OPERATOR_KEY"}
_LIMITS: Final = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} members",
    "minimum": "from {}",
    "maximum": "to {}",
    "pattern": "{}",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter or member: its name, its type in words, where its struct is described, what bounds it."""

    name: str
    kind: str
    struct: str
    required: bool
    note: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as a caller sees it."""

    anchor: str
    method: str
    path: str
    summary: str
    caller: str
    parameters: tuple[Field, ...]
    body: str  # name of its struct, or empty
    answers: tuple[tuple[str, str, str], ...]  # status, words, name of the struct
    problems: tuple[tuple[int, str], ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Struct:
    """One struct and its members."""

    name: str
    about: str
    fields: tuple[Field, ...]


class Manual:
    """The documents of one set of routes, each made when first asked for."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)

    @cached_property
    def yaml(self) -> bytes:
        """openapi.yaml."""
        return document_text(self.routes).encode()

    @cached_property
    def _document(self) -> Json:
        return document(self.routes)

    @cached_property
    def subjects(self) -> Mapping[str, tuple[Operation, ...]]:
        """Operations by tag, in the order of the routes."""
        found: dict[str, tuple[Operation, ...]] = {}
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                tag = operation["tags"][0]
                found[tag] = (*found.get(tag, ()), _operation(method.upper(), path, operation))
        return found

    @cached_property
    def structs(self) -> tuple[Struct, ...]:
        """Every struct that bodies and answers are made of."""
        schemas: Json = self._document["components"]["schemas"]
        return tuple(
            Struct(name, schema.get("description", ""), _members(schema))
            for name, schema in schemas.items()
            if "properties" in schema
        )

    @cached_property
    def codes(self) -> tuple[tuple[str, Kind], ...]:
        """Every problem, by status and name."""
        return tuple(sorted(CODES.items(), key=lambda item: (item[1].status, item[0])))


def _operation(method: str, path: str, operation: Json) -> Operation:
    schemes = [name for asked in operation["security"] for name in asked]
    answers, problems = [], []
    for status, answer in operation["responses"].items():
        content: Json = answer.get("content", {})
        if "application/problem+json" in content:
            problems += [(int(status), code) for code in answer["description"].split(", ")]
        else:
            schema = content.get("application/json", {}).get("schema", {})
            answers.append((status, answer["description"], ", ".join(_structs(schema))))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        anchor=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        caller=_CALLERS[schemes[0]] if schemes else "anybody",
        parameters=tuple(_parameter(one) for one in operation.get("parameters", ())),
        body=next(iter(_structs(body.get("schema", {}))), ""),
        answers=tuple(answers),
        problems=tuple(problems),
        curl=_curl(method, path, operation, body.get("example"), schemes),
    )


def _parameter(parameter: Json) -> Field:
    place = "" if parameter["in"] == "query" else f"in the {parameter['in']}"
    note = ". ".join(part for part in (place, parameter.get("description", "")) if part)
    return Field(parameter["name"], _kind(parameter["schema"]), "", parameter["required"], note)


def _members(schema: Json) -> tuple[Field, ...]:
    required = schema.get("required", ())
    return tuple(
        Field(name, _kind(member), next(iter(_structs(member)), ""), name in required, _note(member))
        for name, member in schema["properties"].items()
    )


def _kind(schema: Json) -> str:
    """A type in words: `list of OrderLineIn`, `string or null`, `one of open, paid`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    inner = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(inner, Mapping):
        return f"object of {_kind(inner)}"
    return str(schema.get("format") or schema.get("type") or "any JSON")


def _note(schema: Json) -> str:
    limits = [sentence.format(schema[name]) for name, sentence in _LIMITS.items() if name in schema]
    return ". ".join(part for part in (schema.get("description", ""), ", ".join(limits)) if part)


def _structs(schema: Json) -> list[str]:
    """Names of the structs a schema refers to."""
    inner: list[Json] = [*schema.get("anyOf", ()), *([schema["items"]] if schema.get("items") else [])]
    own = [str(schema["$ref"]).rpartition("/")[2]] if "$ref" in schema else []
    return own + [name for one in inner for name in _structs(one)]


def _curl(method: str, path: str, operation: Json, example: object, schemes: list[str]) -> str:
    """A command that runs as it stands once the key is in the environment."""
    lines = [f'curl -s "$HUB{path}"' if method == "GET" else f'curl -s -X {method} "$HUB{path}"']
    if schemes:
        lines.append(f'-H "Authorization: Bearer {_KEY_SHOWN.get(schemes[0], "$KEY")}"')
    if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ())):
        lines.append("-H 'Idempotency-Key: HS-0001'")
    if example is not None:
        lines += [
            "-H 'Content-Type: application/json'",
            "-d " + shlex.quote(json.dumps(example, ensure_ascii=False, indent=2)),
        ]
    return " \\\n  ".join(lines)
