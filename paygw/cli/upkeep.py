"""`paygw migrate`, `settings`, `doctor`, `openapi`: what an operator runs before and beside the hub."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from paygw.app import STARTER_CATALOGUE, build_hub, open_database
from paygw.cli.output import AsJson, show, show_all
from paygw.hub.acceptable import other_mode
from paygw.kernel.errors import PaygwError, Refused
from paygw.kernel.fees.catalogue import load_catalogue
from paygw.outside.vault import open_vault
from paygw.settings import Settings
from paygw.store.dsn import parse_dsn
from paygw.store.embedded import start
from paygw.store.engine import require_durable
from paygw.store.health import probe_write, read_clock, read_revision
from paygw.store.migrate import head, upgrade
from paygw.store.restores import last_restore
from paygw.web.openapi import document_text
from paygw.web.site import ROUTES

OPENAPI: Final = Path("openapi.yaml")

_CLOCK_OFFSET_MAX_S: Final = 2.0
_CONNECT_S: Final = 5.0


def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database to the schema of this version, as its owner."""
    settings = Settings()
    if settings.owner_database_url is not None:
        revision = asyncio.run(upgrade(parse_dsn(settings.owner_database_url.get_secret_value())))
    elif settings.database_url is None:
        with start(settings.var) as cluster:
            revision = asyncio.run(upgrade(cluster.owner_dsn()))
    else:
        raise Refused("invalid_value", "the runtime role may not migrate: set PAYGW_OWNER_DATABASE_URL")
    show({"schema": revision}, as_json=as_json)


def settings(*, as_json: AsJson = False) -> None:
    """Show every setting: its name in the environment, meaning, default and current value; secrets are masked."""
    now = Settings()
    rows = [
        {
            "name": f"PAYGW_{name.upper()}",
            "value": _shown(getattr(now, name)),
            "default": _shown(field.get_default(call_default_factory=True)),
            "meaning": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    show_all(rows, as_json=as_json)


def openapi(
    *,
    write: Annotated[bool, typer.Option("--write", help="Write openapi.yaml here.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Fail if openapi.yaml is not what the code says.")] = False,
) -> None:
    """Print the description of the API; or write it, or compare it with the file."""
    text = document_text(ROUTES)
    if write:
        OPENAPI.write_text(text, encoding="utf-8")
    elif check:
        if not OPENAPI.exists() or OPENAPI.read_text("utf-8") != text:
            raise Refused("stale_version", f"{OPENAPI} is not what the code says: run paygw openapi --write")
    else:
        typer.echo(text, nl=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of the doctor's: `detail` says what to do where it is not well."""

    check: str
    ok: bool
    detail: str


def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, keys, catalogue, database, durability, schema and clock; exit 1 if one is not well."""
    findings = asyncio.run(examine(Settings()))
    rows = [{"check": one.check, "ok": one.ok, "detail": one.detail} for one in findings]
    show_all(rows, as_json=as_json)
    if not all(one.ok for one in findings):
        raise typer.Exit(1)


async def examine(settings: Settings) -> list[Finding]:
    """Every check, each on its own; one that fails does not hide the others."""
    findings = [Finding("settings", ok=True, detail=f"mode {settings.mode}, funds {settings.funds}")]
    create = settings.database_url is None or settings.mode == "test"

    async def key() -> str:
        return f"key id {open_vault(settings.kek_path, create=create).key_id.hex()}"

    async def catalogue() -> str:
        return f"{len(load_catalogue(settings.catalogue or STARTER_CATALOGUE).procedures)} procedures"

    findings += [await _tried("key_file", key), await _tried("catalogue", catalogue)]
    async with AsyncExitStack() as stack:
        try:
            dsn = await open_database(settings, stack)
            connection = await asyncpg.connect(**dsn.connect_args(), timeout=_CONNECT_S)
        except (PaygwError, OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
            return [*findings, Finding("database", ok=False, detail=_said(error))]
        stack.push_async_callback(connection.close)
        findings += await _examine_database(connection)
    if all(one.ok for one in findings):

        async def registry() -> str:
            async with build_hub(settings, application="paygw-doctor") as hub:
                if strangers := hub.registry.strangers:
                    left_out = (
                        f"bank {bank} is left out: {other_mode(strangers[bank], settings.mode)}" for bank in strangers
                    )
                    raise Refused("invalid_value", " ".join(left_out))
                return f"{len(hub.registry.portals)} portals, {len(hub.registry.banks)} banks"

        findings.append(await _tried("registry", registry))
    return findings


async def _examine_database(connection: asyncpg.Connection) -> list[Finding]:
    async def writes() -> str:
        await probe_write(connection, timeout_s=_CONNECT_S)
        return "takes writes"

    async def durable() -> str:
        await require_durable(connection)
        return "keeps what it confirms"

    async def schema() -> str:
        revision = await read_revision(connection)
        if revision != head():
            raise Refused("stale_version", f"schema {revision or 'none'}, this code needs {head()}: run paygw migrate")
        return revision

    async def clock() -> str:
        offset_s = abs((await read_clock(connection) - datetime.now(UTC)).total_seconds())
        if offset_s > _CLOCK_OFFSET_MAX_S:
            raise Refused("invalid_value", f"this machine and the database differ by {offset_s:.1f} s: set the clocks")
        return f"{offset_s:.1f} s from the database"

    async def restored() -> str:
        found = await last_restore(connection)
        if found is None or found.released_at is not None:
            return "nothing is held back"
        raise Refused("restored", f"{found.deliveries} callbacks, refunds and payment messages wait: see paygw restore")

    checks = [("schema", schema), ("database", writes), ("durability", durable), ("clock", clock)]
    checks += [("restore", restored)] if await read_revision(connection) == head() else []
    return [await _tried(name, check) for name, check in checks]


async def _tried(name: str, check: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(name, ok=True, detail=await check())
    except (PaygwError, OSError, TimeoutError, asyncpg.PostgresError) as error:
        return Finding(name, ok=False, detail=_said(error))


def _said(error: BaseException) -> str:
    return error.detail if isinstance(error, Refused) else str(error) or type(error).__name__


def _shown(value: Any) -> object:  # noqa: ANN401 - any setting
    if value is None or value is PydanticUndefined:
        return None
    if isinstance(value, SecretStr):
        return "********"
    return json.loads(json.dumps(value, default=str))
