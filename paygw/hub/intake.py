"""Files come in, are staged whole, replaced by newer ones, and asked for by day. Parsing happens elsewhere (jobs).

received ──▶ staged ──▶ superseded      a newer sequence of the same statements came
├──────▶ superseded                 it says what is known, or an older sequence
└──────▶ refused ──▶ received       read again, after a profile was mended
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO, Final, Literal
from uuid import UUID

import asyncpg
import msgspec
from asyncpg import Connection

from paygw.hub.acceptable import bank_id
from paygw.hub.filed import file_view
from paygw.hub.hub import Hub
from paygw.hub.ordering import Answered, replay
from paygw.hub.writing import new_id
from paygw.kernel.errors import Alarm, Refused, Unavailable
from paygw.outside.sources import NAME_CHARS_MAX, load_sources
from paygw.store.cases import open_case
from paygw.store.creating import KeyRow, find_key, keep_key
from paygw.store.files import (
    ClaimedFile,
    Current,
    LineRow,
    NewFile,
    Reason,
    StatementRow,
    Stored,
    add_file,
    add_piece,
    add_statement,
    claim_file,
    claim_this,
    copy_lines,
    current_statement,
    decide_file,
    known_file,
    lock_account,
    lock_received,
    read_again,
    read_file,
    read_piece,
    seen_file,
    stored_lines,
    supersede,
    withdrawn_lines,
)

FILE_BYTES_MAX: Final = 20 * 1024 * 1024
"""Of a file in one piece, and of any file whose profile allows no more."""

ROUTE: Final = "POST /v1/files"

_CREATED: Final = 201
_COPY_ROWS: Final = 5_000
_LEASE_S: Final = 180.0
_RACES_MAX: Final = 3
_TAKEN: Final = Reason(
    code="sequence_taken",
    vi="Đã có tệp khác nội dung cùng số lần gửi; hãy gửi lại với số lần gửi lớn hơn.",
    en="Another file with the same sequence says otherwise: send it again with a higher sequence.",
)
_REPEATS: Final = Reason(
    code="repeats", vi="Nội dung đã có từ một tệp trước.", en="An earlier file already says the same."
)
_OLDER: Final = Reason(
    code="older", vi="Đã có số lần gửi mới hơn của tệp này.", en="A newer sequence of this file is already here."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAsk:
    """A file and what is said of it. `source` is the way it came, `by` who brought it, `name` is shown only."""

    bank: str
    profile: str
    data: bytes | BinaryIO
    name: str
    source: str
    by: str
    bytes_max: int = FILE_BYTES_MAX
    account: str = ""
    day: date | None = None
    sequence: int = 0
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is kept; `new` is False when the same bytes were brought before."""

    id: str
    new: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A statement to be staged, and its lines as rows: asked for once per try."""

    row: StatementRow
    lines: Callable[[], Iterator[LineRow]]


Weight = Literal["first", "newer", "repeats", "older", "taken"]
Became = Literal["staged", "superseded", "refused", "decided"]


async def receive_file(hub: Hub, ask: FileAsk) -> Received:
    """Keep a file byte for byte, sealed. The same bytes for the same purpose are the same file.

    Raises Refused: `file_empty`, `too_large`, `bank_unknown`, `invalid_value`.
    """
    with _opened(ask.data) as stream:
        new = await asyncio.to_thread(_new_file, hub, ask, stream)
        return await hub.transact(partial(_receive, hub, new, stream))


async def receive_upload(hub: Hub, ask: FileAsk, *, key: str) -> Answered:
    """The same for a request with an Idempotency-Key: 201 with the file's view, or the answer of before."""
    with _opened(ask.data) as stream:
        new = _new_file(hub, ask, stream)
    said = (new.bank, new.profile, new.digest, new.name, new.account, new.day, new.sequence)
    fingerprint = sha256(msgspec.json.encode(said)).digest()
    row = KeyRow(principal=ask.by, route=ROUTE, key=key, fingerprint=fingerprint, status=_CREATED, answer=b"")
    try:
        return await hub.transact(partial(_upload, hub, new, row))
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "idempotency_pk":
            raise
        async with hub.pool.acquire() as connection:
            return await replay(connection, row)


async def seen(hub: Hub, *, source: str, name: str, stamp: str) -> bool:
    """Whether a file of that name, time and size was taken from a source before."""
    async with hub.pool.acquire() as connection:
        return await seen_file(connection, source=source, name=name, stamp=stamp)


async def claim(hub: Hub, file_id: str = "") -> ClaimedFile | None:
    """The oldest file nobody reads, or a file by its id whoever reads it; leased, a larger one for longer."""
    take = partial(claim_this, file_id=UUID(file_id)) if file_id else claim_file
    return await hub.transact(partial(take, now=hub.clock(), lease_s=_LEASE_S))


async def content_of(hub: Hub, file: ClaimedFile) -> AsyncIterator[bytes]:
    """The bytes of a file as they came, piece by piece. Raises Alarm if they are not all there."""
    piece, n, size_bytes = hub.vault.open(file.content, where=_place(file.id)), 1, 0
    while True:
        size_bytes += len(piece)
        yield piece
        if size_bytes >= file.size_bytes:
            return
        n += 1
        async with hub.pool.acquire() as connection:
            sealed = await read_piece(connection, file.id, n)
        if sealed is None:
            raise Alarm(f"file {file.id} lacks its piece {n}")
        piece = hub.vault.open(sealed, where=_place(file.id, n))


async def stage(hub: Hub, file_id: UUID, parts: Sequence[Part]) -> Became:
    """Stage every statement of a file in one transaction, or put the file aside. `decided`: another reader did it.

    A statement that says what is known is left out; a newer sequence takes the place of the one before, and a case is
    opened when it withdraws or changes lines. Raises Alarm when stored lines do not make the counts and sums told.
    """
    for _ in range(_RACES_MAX):
        try:
            return await hub.transact(partial(_stage, hub, file_id, parts))
        except asyncpg.UniqueViolationError:  # another file took the same place meanwhile
            continue
    raise Unavailable("files of the same account are being staged by others")


async def refuse(hub: Hub, file_id: UUID, reason: Reason) -> bool:
    """Refuse a file whole; False when it was decided before."""

    async def work(connection: Connection) -> bool:
        if await lock_received(connection, file_id) is None:
            return False
        await decide_file(connection, file_id, "refused", hub.clock(), reason=reason)
        return True

    return await hub.transact(work)


async def again(hub: Hub, file_id: str) -> None:
    """Read a refused file once more. Raises Refused `not_found`, `file_state`."""

    async def work(connection: Connection) -> None:
        if await read_file(connection, UUID(file_id)) is None:
            raise Refused("not_found", "There is no such file.")
        if not await read_again(connection, UUID(file_id)):
            raise Refused("file_state", "Only a refused file is read again.")

    await hub.transact(work)


def require_bank(hub: Hub, bank: str) -> str:
    """A bank of the registry or of the sources. Raises Refused `bank_unknown`, `invalid_value`."""
    name = bank_id(bank)
    known = {source.bank for source in load_sources(hub.settings.file_sources).values()}
    if name not in hub.registry.banks and name not in known:
        raise Refused("bank_unknown", "There is no such bank: add it with `paygw bank add`, or to the file sources.")
    return name


@contextmanager
def _opened(data: bytes | BinaryIO) -> Iterator[BinaryIO]:
    """A file at its beginning; one that was brought open stays open."""
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    stream.seek(0)
    yield stream


def _new_file(hub: Hub, ask: FileAsk, stream: BinaryIO) -> NewFile:
    digest, size_bytes, first = sha256(), 0, b""
    while piece := stream.read(FILE_BYTES_MAX):
        first = first or piece
        digest.update(piece)
        size_bytes += len(piece)
        if size_bytes > ask.bytes_max:
            raise Refused("too_large", f"A file has at most {ask.bytes_max} bytes; a profile's `limits` may say more.")
    if not first:
        raise Refused("file_empty", "The file is empty.")
    uid = UUID(new_id())
    name = "".join(char for char in ask.name if char.isprintable())[-NAME_CHARS_MAX:]
    return NewFile(
        id=uid,
        bank=require_bank(hub, ask.bank),
        profile=ask.profile,
        name=name,
        digest=digest.hexdigest(),
        size_bytes=size_bytes,
        content=hub.vault.seal(first, where=_place(uid)),
        source=ask.source,
        stamp=ask.stamp,
        brought_by=ask.by,
        account=ask.account,
        day=ask.day,
        sequence=ask.sequence,
        received_at=hub.clock(),
    )


def _place(file_id: UUID, n: int = 1) -> str:
    return f"bank_files/{file_id}/content" if n == 1 else f"bank_file_pieces/{file_id}/{n}"


async def _receive(hub: Hub, new: NewFile, stream: BinaryIO, connection: Connection) -> Received:
    if await add_file(connection, new):
        if new.size_bytes > FILE_BYTES_MAX:
            await _add_pieces(hub, new, stream, connection)
        return Received(str(new.id), new=True)
    known = await known_file(connection, new)
    if known is None:
        raise Unavailable("the same file is being brought by others")
    return Received(str(known), new=False)


async def _add_pieces(hub: Hub, new: NewFile, stream: BinaryIO, connection: Connection) -> None:
    """All that follows the first piece. Raises Unavailable if the file is no longer what its digest says."""
    stream.seek(0)
    digest = sha256(stream.read(FILE_BYTES_MAX))
    n = 1
    while piece := stream.read(FILE_BYTES_MAX):
        n += 1
        digest.update(piece)
        await add_piece(connection, new.id, n, hub.vault.seal(piece, where=_place(new.id, n)))
    if digest.hexdigest() != new.digest:
        raise Unavailable("the file changed while it was taken: it is taken at the next look")


async def _upload(hub: Hub, new: NewFile, row: KeyRow, connection: Connection) -> Answered:
    if await find_key(connection, principal=row.principal, route=row.route, key=row.key) is not None:
        return await replay(connection, row)
    received = await _receive(hub, new, io.BytesIO(), connection)
    kept = await read_file(connection, UUID(received.id))
    if kept is None:
        raise Unavailable("the file was undone")
    body = msgspec.json.encode(file_view(kept))
    await keep_key(connection, msgspec.structs.replace(row, answer=body))
    return Answered(_CREATED, body)


async def _stage(hub: Hub, file_id: UUID, parts: Sequence[Part], connection: Connection) -> Became:
    if await lock_received(connection, file_id) is None:
        return "decided"
    for bank, account in sorted({(part.row.bank, part.row.account) for part in parts}):
        await lock_account(connection, bank, account)
    weighed = [
        (part, old, _weigh(old, part.row)) for part in parts for old in [await current_statement(connection, part.row)]
    ]
    now = hub.clock()
    weights = {weight for _, _, weight in weighed}
    if "taken" in weights:
        await decide_file(connection, file_id, "refused", now, reason=_TAKEN)
        return "refused"
    if not weights & {"first", "newer"}:
        await decide_file(connection, file_id, "superseded", now, reason=_OLDER if "older" in weights else _REPEATS)
        return "superseded"
    for part, old, weight in weighed:
        if weight in {"first", "newer"}:
            await _keep(connection, part, old, now)
    await decide_file(connection, file_id, "staged", now)
    return "staged"


def _weigh(old: Current | None, new: StatementRow) -> Weight:
    """What a statement is to the one in its place; `new.sequence` is 0 where the file tells none."""
    if old is None:
        return "first"
    if old.content_hash == new.content_hash:
        return "repeats"
    if new.sequence == 0 or new.sequence > old.sequence:
        return "newer"
    return "older" if new.sequence < old.sequence else "taken"


async def _keep(connection: Connection, part: Part, old: Current | None, now: datetime) -> None:
    row = replace(part.row, sequence=part.row.sequence or (old.sequence + 1 if old else 1))
    if old is not None:
        await supersede(connection, old, row.file_id, now)
    await add_statement(connection, row)
    lines, stored = part.lines(), Stored()
    while batch := list(islice(lines, _COPY_ROWS)):
        await copy_lines(connection, batch)
        stored += await stored_lines(connection, row, first=batch[0].n, last=batch[-1].n)
    if stored != Stored(row.lines, row.credit_vnd, row.debit_vnd):
        raise Alarm(f"file {row.file_id} was not staged as it was read")
    if old is None:
        return
    gone = await _withdrawn(connection, old, row)
    if gone:
        detail = f"{gone} lines of {row.kind} {row.day} were withdrawn or changed by a file sent again"
        await open_case(connection, key=f"file:{row.file_id}:{row.n}", kind="file", detail=detail)


async def _withdrawn(connection: Connection, old: Current, new: StatementRow) -> int:
    """How many lines of the older version the newer one lacks or tells otherwise, a slice of it at a time."""
    gone, after = 0, 0
    while True:
        found, last = await withdrawn_lines(connection, old, new, after=after, limit=_COPY_ROWS)
        gone += found
        if last is None:
            return gone
        after = last


def reason_of(view: dict[str, Any]) -> str:
    """Why a file was refused or put aside, in both languages, from its view; '' where it was not."""
    problem = view.get("problem")
    return f"{problem['detail']} / {problem['detail_en']}" if problem else ""
