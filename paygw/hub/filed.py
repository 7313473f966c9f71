"""What was filed: a file as people see it, the statements and lines of a day, and which files are missing."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from asyncpg import Record

from paygw.hub.days import calendar_of
from paygw.hub.hub import Hub
from paygw.hub.views import instant
from paygw.kernel.calendar import is_working, next_working_day
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.kernel.refs import public_id
from paygw.outside.sources import Source
from paygw.store.files import FileKind, LineRow, day_statements, list_files, read_file, statement_lines

View = dict[str, Any]
Chain = Literal["first", "whole", "gap", "differs"]

_PAGE: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A statement that counts. `chain`: how it joins the one before it on its account.

    `first`: nothing before it; `whole`: next number, and opening is the closing before; `gap`: a number is missing;
    `differs`: it opens with another balance than the one before closed with.
    """

    file_id: UUID
    n: int
    bank: str
    kind: FileKind
    account: str
    day: date
    part: str
    number: int
    sequence: int
    opening_vnd: int | None
    closing_vnd: int | None
    credit_vnd: int
    debit_vnd: int
    lines: int
    content_hash: str
    brought_by: str
    chain: Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledLine:
    """A line that counts, its memo in clear. `key` is the same in every version of the file that holds it."""

    row: LineRow
    account: str
    memo: str

    @property
    def key(self) -> str:
        """Identity of the line within its statement."""
        return self.row.key


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFile:
    """A file that was to come and is not staged. `late` once its hour has passed; `refused` tells why one was."""

    source: str
    bank: str
    account: str
    kind: FileKind
    day: date
    due_at: datetime
    late: bool
    refused: str


async def filed(hub: Hub, *, bank: str, kind: FileKind, day: date, account: str = "") -> tuple[Filed, ...]:
    """The statements of a bank's day that count, of one account or of all; in the order of account, number, part."""
    async with hub.pool.acquire() as connection:
        rows = await day_statements(connection, bank, kind, day, account=account)
    names = [name for name in Filed.__slots__ if name != "chain"]
    return tuple(Filed(**{name: row[name] for name in names}, chain=_chain(row)) for row in rows)


async def filed_lines(hub: Hub, statement: Filed) -> list[FiledLine]:
    """The lines of a statement in the order of its file."""
    found: list[FiledLine] = []
    after = 0
    while True:
        async with hub.pool.acquire() as connection:
            rows = await statement_lines(connection, statement.file_id, statement.n, after=after, limit=_PAGE)
        found += [FiledLine(row=row, account=statement.account, memo=_memo(hub, row)) for row in rows]
        if len(rows) < _PAGE:
            return found
        after = rows[-1].n


async def missing_files(hub: Hub, sources: Iterable[Source], day: date) -> list[MissingFile]:
    """Which expected files of a business day are not staged, soonest due first. Their hour is local time."""
    found: list[MissingFile] = []
    for source in sources:
        calendar = calendar_of(source.calendar)
        if source.expected == "no" or (source.expected == "working_days" and not is_working(calendar, day)):
            continue
        if await filed(hub, bank=source.bank, kind=source.kind, day=day, account=source.account):
            continue
        due_at = datetime.combine(next_working_day(calendar, day), source.due_at, VIETNAM)
        found.append(
            MissingFile(
                source=source.id,
                bank=source.bank,
                account=source.account,
                kind=source.kind,
                day=day,
                due_at=due_at,
                late=hub.clock() >= due_at,
                refused=await _refused(hub, source, day),
            )
        )
    return sorted(found, key=lambda one: one.due_at)


async def get_file(hub: Hub, file_id: str) -> View:
    """One file, without its bytes. Raises Refused `not_found`."""
    async with hub.pool.acquire() as connection:
        row = await read_file(connection, UUID(file_id))
    if row is None:
        raise Refused("not_found", "There is no such file.")
    return file_view(row)


async def find_files(hub: Hub, *, bank: str = "", state: str = "", after: str | None = None, limit: int) -> View:
    """A page of files, newest first. Raises Refused `bad_cursor`."""
    before = _read_cursor(after) if after else None
    async with hub.pool.acquire() as connection:
        rows = await list_files(connection, bank=bank, state=state, before=before, limit=limit + 1)
    page = rows[:limit]
    more = len(rows) > limit
    return {"items": [file_view(row) for row in page], "next": _cursor(page[-1]) if more else None}


def file_view(row: Record) -> View:
    """A file as people and programs see it; `problem` (RFC 9457) tells why it was refused or put aside."""
    view: View = {
        "id": public_id("fil", str(row["id"])),
        "bank": row["bank"],
        "profile": row["profile"],
        "name": row["name"],
        "digest": row["digest"],
        "size_bytes": row["size_bytes"],
        "source": row["source"],
        "brought_by": row["brought_by"],
        "account": f"…{row['account'][-4:]}" if row["account"] else "",
        "day": row["day"].isoformat() if row["day"] else None,
        "sequence": row["sequence"],
        "state": row["state"],
        "statements": row["statements"],
        "lines": int(row["lines"]),
        "credit_vnd": int(row["credit_vnd"]),
        "debit_vnd": int(row["debit_vnd"]),
        "received_at": instant(row["received_at"]),
        "decided_at": instant(row["decided_at"]) if row["decided_at"] else None,
        "problem": None,
    }
    if row["reason_code"]:
        line = row["reason_line"]
        view["problem"] = {
            "type": "/problems/file_refused",
            "title": "The file is not taken",
            "detail": row["reason_vi"],
            "detail_en": row["reason_en"],
            "code": row["reason_code"],
            "errors": [{"pointer": f"/lines/{line}", "code": row["reason_code"]}] if line else [],
        }
    return view


def memo_place(file_id: UUID, n: int) -> str:
    """Where the memo of a line is sealed for."""
    return f"file_lines/{file_id}/{n}/memo"


def _memo(hub: Hub, row: LineRow) -> str:
    return "" if row.memo is None else hub.vault.open(row.memo, where=memo_place(row.file_id, row.n)).decode()


def _chain(row: Record) -> Chain:
    if row["kind"] != "statement" or row["before_day"] is None:
        return "first"
    number, before = row["number"], row["before_number"]
    if number and before and number not in {1, before, before + 1}:
        return "gap"
    if None not in {row["opening_vnd"], row["before_closing_vnd"]} and row["opening_vnd"] != row["before_closing_vnd"]:
        return "differs"
    return "whole"


async def _refused(hub: Hub, source: Source, day: date) -> str:
    """Why the newest refused file of a source was refused, if it was said to be of that day or of none."""
    page = await find_files(hub, bank=source.bank, state="refused", limit=20)
    for view in page["items"]:
        if view["profile"] == source.profile and view["day"] in {None, day.isoformat()}:
            return str(view["problem"]["detail"])
    return ""


def _cursor(row: Record) -> str:
    return urlsafe_b64encode(f"{row['received_at'].isoformat()}|{row['id']}".encode()).rstrip(b"=").decode()


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        at, uid = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split("|")
        return datetime.fromisoformat(at), UUID(uid)
    except (Base64Error, ValueError, UnicodeDecodeError):
        raise Refused("bad_cursor", "Use the `next` of the page before as it is.") from None
