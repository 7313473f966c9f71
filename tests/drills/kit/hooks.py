"""What the schema drill teaches schemathesis: our error contract, and names of things that exist.

Loaded by schemathesis in a process of its own; `DRILL_KNOWN` holds ids as JSON, by the name of the path parameter.
"""

import json
import os
from typing import Any

import schemathesis

_KNOWN: dict[str, str] = json.loads(os.environ.get("DRILL_KNOWN", "{}"))
_PROBLEM_MEMBERS = ("type", "title", "status", "detail", "instance", "code")
_OF_THE_MACHINE = frozenset({"/readyz"})  # its 503 is its own body, documented as such


@schemathesis.check
def errors_are_problems(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Every error has the one shape of RFC 9457, names its request, and never is a bare 500."""
    del ctx
    if response.status_code < 400 or case.path in _OF_THE_MACHINE or case.method.upper() == "HEAD":
        return
    kind = response.headers.get("content-type", [""])[0]
    assert kind == "application/problem+json", f"{response.status_code} came as {kind}"
    problem: dict[str, Any] = response.json()
    missing = [name for name in _PROBLEM_MEMBERS if name not in problem]
    assert not missing, f"the problem lacks {missing}"
    assert problem["status"] == response.status_code
    assert problem["instance"] == response.headers["x-request-id"][0]
    assert problem["code"] != "internal"


@schemathesis.hook
def map_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Every other address leads to something that exists."""
    del context
    if path_parameters is None or len(str(path_parameters)) % 2:
        return path_parameters
    return {name: _KNOWN.get(name, value) for name, value in path_parameters.items()}
