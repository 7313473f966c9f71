"""The files of a night: given, filed, or asked of the bank; all of them come in the one way files do (docs/files.md).

What was filed by others counts; what the night itself fetched is asked for again, so that a corrected file is noticed.
A dry run reads in the same bounded process and keeps nothing.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from asyncpg import Connection
from msgspec import structs

from paygw.hub import intake
from paygw.hub.file_lines import Reading, line_id
from paygw.hub.filed import Filed, filed, get_file
from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.jobs.staging import read_unkept, stage_file, staged_of_day
from paygw.kernel.connector import Contact, FileAsk, FileKind, Malformed
from paygw.kernel.errors import Refused
from paygw.store.night_book import BookRow
from paygw.store.nights import LineRead, keep_reading
from reconciliation.day_desk import Renamed
from reconciliation.model import Booked, Kind, Line, Status
from reconciliation.nightly import Late
from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import StagedLine
from reconciliation.statements.table import Given

BY: Final = "night"
FILES_VI: Final[Mapping[FileKind, str]] = {"settlement": "tệp quyết toán", "statement": "sao kê"}

_MATCHED: Final = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file a night needs; `path` where somebody gave it."""

    bank: Bank
    kind: FileKind
    day: date
    path: Path | None = None

    @property
    def account(self) -> str:
        """Whose statement: the account the money lands on, where it is named."""
        return self.bank.landing.account if self.kind == "statement" else ""

    @property
    def profile(self) -> str:
        """How it is read: the bank's option `settlement_profile` or `statement_profile`, else the sandbox's form."""
        return self.bank.secrets.options.get(f"{self.kind}_profile", f"sandbox-{self.kind}")


async def read_wanted(hub: Hub, wanted: Wanted, *, keep: bool) -> Reading | Late:
    """The lines of a day's file, noted as read unless nothing is to be kept. Raises Malformed with what is wrong."""
    there = await filed_of(hub, wanted)
    if wanted.path is not None or all(one.brought_by == BY for one in there):
        body = await _body(hub, wanted)
        if isinstance(body, Late) and not there:
            return body
        if isinstance(body, bytes) and not keep:
            return Reading(number=0, lines=_told(wanted, await _unkept(hub, wanted, body)))
        if isinstance(body, bytes):
            await _enter(hub, wanted, body)
            there = await filed_of(hub, wanted)
    if not there:
        raise Malformed(f"the file that came tells of no {wanted.kind} of {wanted.day}")
    count, most = sum(one.lines for one in there), hub.settings.night_lines_max
    if count > most:
        reason = "give the night more memory and raise PAYGW_NIGHT_LINES_MAX, or compare the day with paygw recon match"
        raise Malformed(f"the {wanted.kind} of {wanted.day} has {count} lines and a night matches {most}: {reason}")
    lines = _told(wanted, [line for one in there for line in await staged_of_day(hub, one)])
    return Reading(number=await _note(hub, wanted, there) if keep else 0, lines=lines)


async def filed_of(hub: Hub, wanted: Wanted) -> Sequence[Filed]:
    """The statements that count of this day, whoever brought them."""
    return await filed(hub, bank=wanted.bank.id, kind=wanted.kind, day=wanted.day, account=wanted.account)


def to_line(read: LineRead) -> Line | None:
    """The canonical line of matching; None for fees, interest, disputes and debits without a name.

    A statement's line without a transaction has the name under which its receipt is booked (`hub.statements`).
    """
    own = read.bank_txn_id or (f"line:{line_id(read)}" if read.kind == "statement" else "")
    kind = _MATCHED.get(read.movement)
    if kind is None:
        return None
    return Line(
        ref=read.ref,
        bank_txn_id=own,
        kind=kind,
        amount_vnd=read.amount_vnd,
        fee_vnd=read.fee_vnd,
        status=Status(read.status),
        occurred_at=read.occurred_at,
        settled_on=read.settled_on,
        virtual_account=read.virtual_account,
        memo=read.memo,
        account=read.account,
    )


def to_booked(row: BookRow) -> Booked:
    """The canonical row of the book."""
    return Booked(
        ref=row.ref,
        bank_txn_id=row.bank_txn_id,
        kind=Kind(row.kind),
        amount_vnd=row.amount_vnd,
        status=Status(row.status),
        occurred_at=row.occurred_at,
        aliases=row.aliases,
        told=row.told,
    )


def in_our_words(lines: Sequence[LineRead], renamed: Iterable[Renamed]) -> Iterator[LineRead]:
    """The lines, those that are rows of ours under other names or in other parts as these rows; fees stay theirs."""
    firsts = {one.lines[0]: one for one in renamed}
    parts = {place for one in firsts.values() for place in one.lines}
    for place, line in enumerate(lines):
        one = firsts.get(place)
        if one is None and place not in parts:
            yield line
        elif one is not None:
            fee_vnd = sum(lines[part].fee_vnd or 0 for part in one.lines)
            for n, row in enumerate(one.rows):
                yield _as_booked(line, row, fee_vnd=0 if n else fee_vnd)


def _as_booked(line: LineRead, row: Booked, *, fee_vnd: int) -> LineRead:
    comes_in = row.kind is Kind.PAYMENT or (row.kind is Kind.REFUND and row.status is Status.REVERSED)
    return structs.replace(
        line,
        ref=row.ref,
        bank_txn_id=row.bank_txn_id or line.bank_txn_id,
        movement=row.kind.value,
        amount_vnd=row.amount_vnd,
        fee_vnd=fee_vnd,
        status=row.status.value,
        direction="credit" if comes_in else "debit",
    )


async def _body(hub: Hub, wanted: Wanted) -> bytes | Late:
    """As it was given, or as the bank hands it out."""
    bank, kind, day = wanted.bank, wanted.kind, wanted.day
    if wanted.path is not None:
        return await asyncio.to_thread(wanted.path.read_bytes)
    ask = bank.connector.fetch_file
    if ask is None:
        said = f"no {kind} of {day} was filed: see paygw files, or give --{kind} FILE"
        return Late(file=kind, reason=f"chưa có {FILES_VI[kind]} ngày {day} / {said}")
    got = await hub.talk.fetch_file(bank.id, ask(FileAsk(kind=kind, day=day, now=hub.clock()), bank.secrets))
    if got.contact is Contact.SUCCEEDED:
        return got.body
    said = f"the {kind} of {day} is not there ({got.contact.value})"
    return Late(file=kind, reason=f"ngân hàng chưa có {FILES_VI[kind]} ngày {day} / {said}")


async def _unkept(hub: Hub, wanted: Wanted, body: bytes) -> list[StagedLine]:
    try:
        read = await read_unkept(hub, body, wanted.profile, Given(account=wanted.account, day=wanted.day))
    except BadFile as bad:
        raise Malformed(bad.en()) from bad
    return [line for one in read.statements if one.kind == wanted.kind for line in one.lines]


async def _enter(hub: Hub, wanted: Wanted, body: bytes) -> None:
    """Keep the bytes and stage them at once. Raises Malformed where they are refused."""
    given = wanted.path
    ask = intake.FileAsk(
        bank=wanted.bank.id,
        profile=wanted.profile,
        data=body,
        name=given.name if given else f"{wanted.kind} {wanted.day}",
        source="cli" if given else "bank",
        by="operator" if given else BY,
        account=wanted.account,
        day=wanted.day,
    )
    try:
        received = await intake.receive_file(hub, ask)
    except Refused as refused:
        raise Malformed(refused.detail) from refused
    await stage_file(hub, received.id)
    view = await get_file(hub, received.id)
    if view["state"] == "refused":
        raise Malformed(f"{intake.reason_of(view)} ({view['id']})")


async def _note(hub: Hub, wanted: Wanted, there: Iterable[Filed]) -> int:
    statements = [(one.file_id, one.n) for one in there]

    async def work(connection: Connection) -> int:
        return await keep_reading(
            connection, wanted.bank.id, wanted.day, wanted.kind, statements=statements, now=hub.clock()
        )

    return await hub.transact(work)


def _told(wanted: Wanted, lines: Sequence[StagedLine]) -> tuple[LineRead, ...]:
    """The lines as a night needs them. Raises Malformed where a settlement tells of something nobody can book."""
    strange = [line for line in lines if wanted.kind == "settlement" and line.to_line() is None]
    if strange:
        raise Malformed(f"line {strange[0].line} is a {strange[0].kind}: {len(strange)} such lines need a person")
    return tuple(_read(wanted, no, line) for no, line in enumerate(lines, start=1))


def _read(wanted: Wanted, no: int, line: StagedLine) -> LineRead:
    matched = line.to_line()
    return LineRead(
        bank=wanted.bank.id,
        day=wanted.day,
        kind=wanted.kind,
        no=no,
        ref=line.ref,
        bank_txn_id=line.bank_txn_id,
        movement=matched.kind.value if matched else line.kind.value,
        amount_vnd=line.amount_vnd,
        fee_vnd=line.fee_vnd,
        status=matched.status.value if matched else line.status.value,
        direction=line.direction.value,
        account=line.account,
        occurred_at=line.booked_at,
        settled_on=line.settled_on,
        virtual_account=line.virtual_account,
        memo=line.memo,
    )
