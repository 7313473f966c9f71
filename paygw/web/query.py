"""Query and path parameters, the Idempotency-Key: named once, read strictly, documented from the same value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from starlette.requests import Request

from paygw.kernel.refs import Kind, private_id
from paygw.web.context import hub_of, path_text
from paygw.web.errors import Problem

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One query parameter. `pattern` judges the whole value; `schema` adds to its JSON schema."""

    name: str
    pattern: str
    description: str
    schema: Mapping[str, object] = field(default_factory=dict)
    required: bool = False

    def accepts(self, value: str) -> bool:
        """Whether a value is well formed."""
        return re.fullmatch(self.pattern, value) is not None


LIMIT: Final = Parameter(
    name="limit",
    pattern=r"[1-9][0-9]{0,3}",
    description="Most items of one page; more than the hub allows is cut.",
    schema={"type": "integer", "minimum": 1, "default": 50},
)
AFTER: Final = Parameter(
    name="after",
    pattern=r"[A-Za-z0-9_-]{1,200}",
    description="The `next` of the page before.",
)

_LIMIT_DEFAULT: Final = 50


def read_query(request: Request, known: tuple[Parameter, ...]) -> dict[str, str]:
    """The parameters given, by name. Raises Problem bad_parameter for one unknown, repeated, missing or malformed."""
    by_name = {parameter.name: parameter for parameter in known}
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        parameter = by_name.get(name)
        if parameter is None:
            allowed = ", ".join(by_name) or "none"
            raise Problem("bad_parameter", f"The query parameters here are: {allowed}.")
        if name in given:
            raise Problem("bad_parameter", f"'{name}' is given twice.")
        if not parameter.accepts(value):
            raise Problem("bad_parameter", f"'{name}' is not well formed. {parameter.description}")
        given[name] = value
    for parameter in known:
        if parameter.required and parameter.name not in given:
            raise Problem("bad_parameter", f"'{parameter.name}' is required.")
    return given


def read_limit(request: Request, given: Mapping[str, str]) -> int:
    """The page size asked for, cut to what the hub allows."""
    return min(int(given.get(LIMIT.name, _LIMIT_DEFAULT)), hub_of(request).settings.page_limit_max)


def read_instant(given: Mapping[str, str], name: str) -> datetime | None:
    """A moment with its offset, RFC 3339. Raises Problem bad_parameter."""
    if name not in given:
        return None
    try:
        moment = datetime.fromisoformat(given[name])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Problem("bad_parameter", f"'{name}' is a moment with offset, such as 2026-11-23T08:00:00Z.")
    return moment


def path_uuid(request: Request, name: str) -> UUID:
    """An id of the path. What is no id is not found."""
    value = path_text(request, name)
    if not _UUID.fullmatch(value):
        raise Problem("not_found", "There is no such thing here.")
    return UUID(value)


def idempotency_key(request: Request) -> str:
    """The key of this request. Raises Problem: idempotency_key_missing, idempotency_key_invalid."""
    keys = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if not keys or not keys[0]:
        raise Problem("idempotency_key_missing", "Send Idempotency-Key: a value of your own, new for each order.")
    key = keys[0].decode("latin-1")
    if len(keys) > 1 or not _KEY.fullmatch(key):
        raise Problem("idempotency_key_invalid", "Send one Idempotency-Key of 1 to 255 visible ASCII characters.")
    return str(key)


def path_id(request: Request, name: str, kind: Kind) -> str:
    """The uuid behind a public id of the path (`ord_…`). What is no such id is not found."""
    uid = private_id(kind, path_text(request, name))
    if uid is None:
        raise Problem("not_found", "There is no such thing here.")
    return uid
