"""`paygw backup` and `paygw restore`: the embedded database and its books, out to a sealed file and back."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import typer

from paygw import __version__
from paygw.cli.output import AsJson, show, with_hub
from paygw.cli.progress import Advance, progress
from paygw.hub import restoring, sealing
from paygw.hub.hub import Hub
from paygw.hub.persons import tell_audit
from paygw.hub.position import moment_of
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.outside.backup_file import BackupReader, Manifest, write_backup
from paygw.outside.vault import open_vault
from paygw.settings import Settings
from paygw.store import seals
from paygw.store.dsn import Dsn, parse_dsn
from paygw.store.embedded import Options, copy_out, move_data, put_in_place, require_vacant, start
from paygw.store.health import read_database_bytes, read_revision
from paygw.store.migrate import head
from paygw.store.restores import mark_restored

_AUDIT_S: Final = 3_600.0  # books of years take their time
_RECOVERY: Final = Options(start_timeout_s=_AUDIT_S)
_NEXT: Final = "paygw run; then paygw restore, until no payment is unasked; then paygw restore --release"
_SPACE_PERCENT: Final = 120  # of the data: the log that comes with it, and what recovery writes

By = Annotated[str, typer.Option("--by", help="Who does this, for the audit trail.")]


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not exist yet.")],
    *,
    by: By = "cli",
    as_json: AsJson = False,
) -> None:
    """Copy the embedded database, while it works, into one sealed file. It opens with the hub's key file alone."""
    settings = Settings()
    _require_embedded(settings)
    if file.exists():
        raise Refused("invalid_value", f"{file} is there already: a backup never overwrites, choose another name.")
    if not file.absolute().parent.is_dir():
        raise Refused("invalid_value", f"There is no folder {file.absolute().parent}: make it, or choose another one.")
    show(with_hub(lambda hub: _copy(hub, file, by)), as_json=as_json)


def restore(
    file: Annotated[Path | None, typer.Argument(help="A file of `paygw backup`.")] = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only prove that it can be restored; change nothing.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Go on in spite of what was found.")] = False,
    elsewhere: Annotated[
        str, typer.Option(help="The database was brought back by other tools, to what it was at this moment.")
    ] = "",
    release: Annotated[bool, typer.Option("--release", help="Let out what the restore holds back.")] = False,
    by: By = "cli",
    as_json: AsJson = False,
) -> None:
    """Bring a backup back where no database is, its books proven first. Without a file show the last restore.

    After a restore callbacks, refunds on their way and payment messages are held back until --release.
    """
    settings = Settings()
    if file is None:
        told = _without_file(settings, elsewhere=elsewhere, release=release, anyway=anyway, by=by)
        show(told, as_json=as_json)
        return
    if elsewhere or release:
        raise Refused("invalid_value", "--elsewhere and --release take no file: they are about the database as it is.")
    _require_embedded(settings)
    told = _from_file(settings, file, check=check, anyway=anyway, by=by)
    show(told, as_json=as_json)
    if not told["ok"] and not (anyway and not check):
        raise typer.Exit(1)


def _require_embedded(settings: Settings) -> None:
    if settings.database_url is not None:
        raise Refused(
            "invalid_value",
            "A database of your own is copied and brought back by its own tools; then say paygw restore --elsewhere "
            "(docs/deployment.md, Backups).",
        )


async def _copy(hub: Hub, file: Path, by: str) -> dict[str, Any]:
    await sealing.seal_all(hub)
    async with hub.pool.acquire() as connection:
        manifest = Manifest(
            made_at=instant(hub.clock()),
            version=__version__,
            schema=await read_revision(connection),
            mode=hub.settings.mode,
            funds=hub.settings.funds,
            database_bytes=await read_database_bytes(connection),
            heads=tuple(await seals.current_heads(connection)),
        )

    def work() -> tuple[int, str]:
        with start(hub.settings.var) as cluster, progress("copying", manifest.database_bytes) as advance:
            return write_backup(file, hub.vault, manifest, _watched(cluster.super_dsn(), advance))

    size, digest = await asyncio.to_thread(work)

    async def tell(connection: asyncpg.Connection) -> None:
        await tell_audit(connection, by, "backup.made", file.name, digest=digest)

    await hub.transact(tell)
    return {
        "file": str(file),
        "bytes": size,
        "sha256": digest,
        "shows": manifest.made_at,
        "schema": manifest.schema,
        "key": f"{hub.settings.kek_path} (keep it apart: the file does not open without it)",
    }


def _watched(dsn: Dsn, advance: Advance) -> Iterator[bytes]:
    with closing(copy_out(dsn)) as pieces:
        for piece in pieces:
            advance(len(piece))
            yield piece


def _from_file(settings: Settings, file: Path, *, check: bool, anyway: bool, by: str) -> dict[str, Any]:
    """Unpack beside the hub's own data, prove the books there, and move it in place if that is wanted."""
    if not check:
        require_vacant(settings.var)
    scratch = settings.var / "restoring"
    _remove(scratch)
    try:
        manifest = _unpack(settings, file, scratch)
        told: dict[str, Any] = {"file": str(file), "shows": manifest.made_at, "schema": manifest.schema}
        with start(scratch, _RECOVERY) as cluster:
            told |= _examine(settings, scratch, manifest) | {"restored": False}
            if check or not (told["ok"] or anyway):
                return told
            made_at = datetime.fromisoformat(manifest.made_at)
            asked = asyncio.run(_mark(cluster.owner_dsn(), made_at, by, settings.restore_recent_s))
        move_data(scratch, settings.var)
        _put_heads_aside(settings)
        return told | {"restored": True, "payments_to_ask_about": asked, "next": _NEXT}
    finally:
        _remove(scratch)


def _unpack(settings: Settings, file: Path, scratch: Path) -> Manifest:
    vault = open_vault(settings.kek_path, create=False)
    settings.var.mkdir(parents=True, exist_ok=True)
    with file.open("rb") as packed:
        reader = BackupReader(packed, vault, name=str(file))
        if (mode := reader.manifest.mode) != settings.mode:
            raise Refused("invalid_value", f"This is a backup of a {mode} hub: set PAYGW_MODE={mode}.")
        if reader.manifest.schema > head():
            known = f"This backup is of schema {reader.manifest.schema}, this paygw knows {head()}"
            raise Refused("stale_version", f"{known}: use the later version.")
        needed = reader.manifest.database_bytes * _SPACE_PERCENT // 100
        free = shutil.disk_usage(settings.var).free
        if free < needed:
            raise Refused(
                "invalid_value", f"{settings.var} has {free >> 20} MiB free, this backup needs {needed >> 20}."
            )
        put_in_place(scratch, BufferedReader(reader))
    return reader.manifest


def _examine(settings: Settings, scratch: Path, manifest: Manifest) -> dict[str, Any]:
    beside = {"var": scratch, "key_file": settings.kek_path, "statement_timeout_s": _AUDIT_S}
    return with_hub(lambda hub: restoring.examine(hub, manifest.heads), settings.model_copy(update=beside))


async def _mark(owner: Dsn, made_at: datetime, by: str, recent_s: float) -> int:
    connection = await asyncpg.connect(**owner.connect_args())
    try:
        async with connection.transaction():
            asked = await mark_restored(connection, made_at=made_at, by=by, recent_s=recent_s)
            await tell_audit(connection, by, "restore.marked", instant(made_at), payments=asked)
    finally:
        await connection.close()
    return asked


def _put_heads_aside(settings: Settings) -> None:
    """Heads exported after the backup are of chains that are gone; they are kept, under a name that says so."""
    path = sealing.heads_path(settings)
    if path.exists():
        path.rename(path.with_name(f"heads-until-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"))


def _remove(scratch: Path) -> None:
    server = scratch / "postgres" / "server"
    if (
        server.is_symlink()
    ):  # run as root, the server's own account cannot enter every folder (store/embedded/layout.py)
        shutil.rmtree(server.resolve(), ignore_errors=True)
    shutil.rmtree(scratch, ignore_errors=True)


def _without_file(settings: Settings, *, elsewhere: str, release: bool, anyway: bool, by: str) -> dict[str, Any]:
    if elsewhere and release:
        raise Refused("invalid_value", "First --elsewhere; --release when the banks have been asked.")
    if elsewhere:
        made_at = moment_of(elsewhere)
        with closing(ExitStack()) as stack:
            asyncio.run(_mark(_owner(settings, stack), made_at, by, settings.restore_recent_s))
    if release:
        return with_hub(lambda hub: restoring.release(hub, by=by, anyway=anyway))
    return with_hub(restoring.show_restore)


def _owner(settings: Settings, stack: ExitStack) -> Dsn:
    if settings.owner_database_url is not None:
        return parse_dsn(settings.owner_database_url.get_secret_value())
    if settings.database_url is not None:
        raise Refused("invalid_value", "the runtime role may not mark it: set PAYGW_OWNER_DATABASE_URL")
    return stack.enter_context(start(settings.var)).owner_dsn()
