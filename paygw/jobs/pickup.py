"""Files are picked up where the operator's sources say: drop folders and SFTP servers. Taking one twice is harmless."""

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from paygw.hub.filed import get_file
from paygw.hub.hub import Hub
from paygw.hub.intake import FILE_BYTES_MAX, FileAsk, Received, reason_of, receive_file, seen
from paygw.jobs.staging import profile_of, stage_received
from paygw.kernel.errors import Refused, Unavailable
from paygw.outside.inbox import Dropped, is_unchanged, list_dropped, open_dropped, open_inbox, put_away
from paygw.outside.sftp import Remote, SftpFolder, open_folder
from paygw.outside.sources import Source, load_sources
from reconciliation.statements.errors import BadFile

BY: Final = "pickup"

_DIGITS: Final = 32
_log = logging.getLogger("paygw.files")


@dataclass(frozen=True, slots=True)
class Picked:
    """What one look at a source came to: files kept, known before, refused, `strange`; `error` when out of reach.

    Strange is a file of no source, or one that is still being written.
    """

    source: str
    kept: int = 0
    known: int = 0
    refused: int = 0
    strange: int = 0
    error: str = ""


async def pick_up_all(hub: Hub) -> int:
    """Look at every source once; a sick one delays no other. Returns 0: rest until the next look."""
    await pick_up(hub, tuple(load_sources(hub.settings.file_sources).values()))
    return 0


async def pick_up(hub: Hub, sources: Sequence[Source]) -> list[Picked]:
    """Look at these sources, side by side; what came is read and staged before this returns, as far as it is first."""
    picked = await asyncio.gather(*(_pick(hub, source) for source in sources))
    await stage_received(hub)
    return list(picked)


def inbox_of(hub: Hub, source: Source) -> Path:
    """The drop folder of a source."""
    return hub.settings.var / "inbox" / source.id


async def _pick(hub: Hub, source: Source) -> Picked:
    try:
        picked = await (_pick_folder(hub, source) if source.sftp is None else _pick_sftp(hub, source))
    except (Unavailable, OSError) as error:
        _log.warning("pickup_failed", extra={"bank": source.bank, "code": type(error).__name__})
        picked = Picked(source.id, error=str(error))
    hub.observe.count("paygw_file_pickups_total", source=source.id, outcome="failed" if picked.error else "done")
    return picked


async def _pick_folder(hub: Hub, source: Source) -> Picked:
    counts: Counter[str] = Counter()
    with open_inbox(inbox_of(hub, source)) as handle:
        waiting: list[tuple[Dropped, str]] = []
        for dropped in await asyncio.to_thread(list_dropped, handle, settled_s=hub.settings.file_settled_s):
            outcome, file_id = await _take(hub, source, handle, dropped)
            counts[outcome] += 1
            waiting += [(dropped, file_id)] if file_id else []
        if waiting:
            await stage_received(hub)
        for dropped, file_id in waiting:
            await _put_away(hub, handle, dropped, file_id)
    return _picked(source, counts)


async def _take(hub: Hub, source: Source, handle: int, dropped: Dropped) -> tuple[str, str]:
    if source.told(dropped.name) is None:
        return "strange", ""
    try:
        with open_dropped(handle, dropped) as data:
            received = await receive_file(hub, _ask(hub, source, dropped.name, dropped.stamp, data, way="folder"))
    except Refused as refused:
        if is_unchanged(handle, dropped):
            name = sha256(f"{dropped.name}:{dropped.stamp}".encode()).hexdigest()[:_DIGITS]
            put_away(handle, dropped, into="refused", name=name, why=_why(hub, source, refused))
        return "refused", ""
    except (OSError, Unavailable):  # gone, a link, or still being written: others are not held up
        return "strange", ""
    return (_counted(received), received.id) if is_unchanged(handle, dropped) else ("strange", "")


def _why(hub: Hub, source: Source, refused: Refused) -> str:
    """Why a file is not even kept, in both languages where it is the file's fault."""
    bad = {
        "file_empty": BadFile("empty"),
        "too_large": BadFile("too_large", most=_bytes_max(hub, source)),
    }.get(refused.code)
    return f"{bad.vi()} / {bad.en()}" if bad else f"{refused.detail} ({refused.code})"


async def _put_away(hub: Hub, handle: int, dropped: Dropped, file_id: str) -> None:
    """Into `done` or `refused` by what became of it; one that still waits to be read stays for the next look."""
    view = await get_file(hub, file_id)
    if view["state"] == "refused":
        put_away(handle, dropped, into="refused", name=file_id, why=reason_of(view))
    elif view["state"] != "received":
        put_away(handle, dropped, into="done", name=file_id)


async def _pick_sftp(hub: Hub, source: Source) -> Picked:
    counts: Counter[str] = Counter()
    if source.sftp is None:
        return Picked(source.id)
    async with open_folder(source.sftp) as folder:
        for remote in await folder.list(hub.settings.file_settled_s):
            counts[await _fetch(hub, source, folder, remote)] += 1
    return _picked(source, counts)


async def _fetch(hub: Hub, source: Source, folder: SftpFolder, remote: Remote) -> str:
    """One file of a server. One that is being written, or too large, is left alone; its size tells."""
    if source.told(remote.name) is None:
        return "strange"
    if await seen(hub, source=f"sftp:{source.id}", name=remote.name, stamp=remote.stamp):
        return "known"
    if not 0 < remote.size_bytes <= _bytes_max(hub, source):
        _log.warning("file_refused", extra={"bank": source.bank, "code": "too_large"})
        return "refused"
    with tempfile.TemporaryFile(dir=hub.settings.var) as data:
        if not await folder.read(remote, data):
            return "strange"
        received = await receive_file(hub, _ask(hub, source, remote.name, remote.stamp, data, way="sftp"))
    return _counted(received)


def _picked(source: Source, counts: Counter[str]) -> Picked:
    return Picked(
        source.id,
        kept=counts["kept"],
        known=counts["known"],
        refused=counts["refused"],
        strange=counts["strange"],
    )


def _counted(received: Received) -> str:
    return "kept" if received.new else "known"


def _bytes_max(hub: Hub, source: Source) -> int:
    """What the source's profile allows; one that cannot be read is told when the file is."""
    try:
        return profile_of(hub, source.profile).limits.bytes_max
    except BadFile:
        return FILE_BYTES_MAX


def _ask(hub: Hub, source: Source, name: str, stamp: str, data: BinaryIO, *, way: str) -> FileAsk:
    day, sequence = source.told(name) or (None, 0)
    return FileAsk(
        bank=source.bank,
        profile=source.profile,
        data=data,
        bytes_max=_bytes_max(hub, source),
        name=name,
        source=f"{way}:{source.id}",
        by=BY,
        account=source.account,
        day=day,
        sequence=sequence,
        stamp=stamp,
    )
