"""openapi.yaml held against a live server: whatever is sent, the answer is one that is written there."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.drills.conftest import Figures
from tests.drills.kit.client import order_body
from tests.drills.kit.processes import ROOT
from tests.drills.kit.provision import FINANCE_KEY, PORTAL_KEY
from tests.drills.kit.world import World, world

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "errors_are_problems",
)
_SEED = "20261123"
_SENT = re.compile(r"(\d+) generated")


@contextmanager
def _served(folder: Path) -> Iterator[tuple[World, dict[str, str]]]:
    """One API process with an order in it, and the ids that exist."""
    with world(folder, apis=1) as hub:
        (made,) = asyncio.run(hub.all_at_once([(order_body("KNOWN", ["KNOWN"]), "known", PORTAL_KEY)]))
        assert made.status == 201, made.body
        yield hub, {"order_id": made.json["id"], "code": "order_exists"}


def test_every_answer_is_one_that_is_documented(folder: Path, scaled: Callable[..., int], figures: Figures) -> None:
    """With a portal's key and with the key of finance: no 5xx, no answer that openapi.yaml does not list."""
    with _served(folder) as (hub, known):
        told = {
            name: _schemathesis(hub, folder, key, known, max_time_s=scaled(45, least=10))
            for name, key in (("portal", PORTAL_KEY), ("finance", FINANCE_KEY))
        }
        reported = [line for one in hub.apis for line in one.said('"defect"', '"alarm"', "Traceback")]
    figures(
        generated={name: _SENT.findall(done.stdout)[-1:] for name, done in told.items()},
        exit_codes={name: done.returncode for name, done in told.items()},
        defects=reported[:10],
    )
    for done in told.values():
        assert done.returncode == 0, done.stdout[-12_000:]
    assert not reported


def _schemathesis(
    hub: World, folder: Path, key: str, known: dict[str, str], *, max_time_s: int
) -> "subprocess.CompletedProcess[str]":
    """One bounded run over every operation, reproducible by its seed."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", str(ROOT / "openapi.yaml"), "--url", hub.apis[0].origin,
        "--header", f"Authorization: Bearer {key}", "--checks", ",".join(_CHECKS), "--max-time", str(max_time_s),
        "--max-examples", "60", "--seed", _SEED, "--suppress-health-check", "all", "--warnings", "off",
        "--continue-on-failure", "--no-color",
    ]  # fmt: skip
    settings = {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "DRILL_KNOWN": json.dumps(known),
        "SCHEMATHESIS_HOOKS": "tests.drills.kit.hooks", "HOME": str(folder),
    }  # fmt: skip
    return subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, timeout=max_time_s + 120, check=False
    )
