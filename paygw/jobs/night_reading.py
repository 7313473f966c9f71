"""From the bytes of a bank's file to the lines of a night: totals checked, every cell bounded, nothing guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from hashlib import sha256

from paygw.hub.filed import Filed
from paygw.hub.registry import Bank
from paygw.kernel.connector import FileKind, Malformed
from paygw.kernel.decide import VIETNAM
from paygw.kernel.settled import read_settlement
from paygw.store.night_book import BookRow
from paygw.store.nights import FileKept, LineRead
from reconciliation.model import Booked, Kind, Line, Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Profile
from reconciliation.statements.read import load_profiles
from reconciliation.statements.read import read_file as read_statements
from reconciliation.statements.staged import StagedFile, StagedLine
from reconciliation.statements.table import Given

FiledRead = tuple[Filed, Sequence[StagedLine]]


def read_file(bank: Bank, kind: FileKind, day: date, body: bytes, now: datetime) -> FileKept:
    """A file of a day with its lines. Raises Malformed with what is wrong."""
    lines = _settlement(bank, day, body) if kind == "settlement" else _statement(bank, day, body)
    return FileKept(
        bank=bank.id,
        day=day,
        kind=kind,
        digest=sha256(body).digest(),
        content=body,
        total_vnd=sum(line.amount_vnd for line in lines),
        fetched_at=now,
        lines=lines,
    )


def of_filed(
    bank: Bank, kind: FileKind, day: date, filed: Sequence[tuple[Filed, Sequence[StagedLine]]], now: datetime
) -> FileKept:
    """Statements that were filed (docs/files.md) as a file of the night; their bytes stay, sealed, where they are.

    Raises Malformed where a settlement tells of something that the night cannot book.
    """
    lines = [line for _, found in filed for line in found]
    strange = [line for line in lines if kind == "settlement" and line.to_line() is None]
    if strange:
        raise Malformed(f"line {strange[0].line} is a {strange[0].kind}: {len(strange)} such lines need a person")
    told = [statement.content_hash for statement, _ in filed]
    return FileKept(
        bank=bank.id,
        day=day,
        kind=kind,
        digest=sha256("".join(told).encode()).digest(),
        content="\n".join(f"bank_files {statement.file_id}" for statement, _ in filed).encode(),
        total_vnd=sum(line.amount_vnd for line in lines),
        fetched_at=now,
        lines=tuple(_stated(bank, day, no, line, kind) for no, line in enumerate(lines, start=1)),
    )


def to_line(read: LineRead) -> Line:
    """The canonical line of matching."""
    return Line(
        ref=read.ref,
        bank_txn_id=read.bank_txn_id,
        kind=Kind(read.movement),
        amount_vnd=read.amount_vnd,
        fee_vnd=read.fee_vnd,
        status=Status(read.status),
        occurred_at=read.occurred_at,
        settled_on=read.settled_on,
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
    )


def _settlement(bank: Bank, day: date, body: bytes) -> tuple[LineRead, ...]:
    parse = bank.connector.parse_settlement or read_settlement
    found = parse(body, bank.secrets.options)
    strays = [line for line in found.lines if line.occurred_at.astimezone(VIETNAM).date() != day]
    if strays:
        raise Malformed(f"{len(strays)} lines belong to another day than {day}")
    return tuple(
        LineRead(
            bank=bank.id,
            day=day,
            kind="settlement",
            no=no,
            ref=line.ref,
            bank_txn_id=line.bank_txn_id,
            movement=line.kind,
            amount_vnd=line.amount_vnd,
            fee_vnd=line.fee_vnd,
            status=line.status,
            direction="credit" if _comes_in(line.kind, line.status) else "debit",
            account="",
            occurred_at=line.occurred_at,
            settled_on=line.settled_on,
            memo="",
        )
        for no, line in enumerate(found.lines, start=1)
    )


def _comes_in(kind: str, status: str) -> bool:
    return kind == "payment" or (kind == "refund" and status == "reversed")


def _statement(bank: Bank, day: date, body: bytes) -> tuple[LineRead, ...]:
    """By the bank's profile of files; option `statement_profile`, the sandbox's where none is given."""
    name = bank.secrets.options.get("statement_profile", "sandbox-statement")
    profile = _profiles().get(name)
    if profile is None:
        raise Malformed(f"there is no profile of files called {name}")
    try:
        found = _read(body, profile, Given(day=day), bank)
    except BadFile as fault:
        raise Malformed(str(fault)) from fault
    lines = [line for statement in found.statements for line in statement.lines if statement.kind == "statement"]
    return tuple(_stated(bank, day, no, line) for no, line in enumerate(lines, start=1))


def _read(body: bytes, profile: Profile, given: Given, bank: Bank) -> StagedFile:
    """A day without lines does not say whose account it is of: it is of the one we asked for."""
    try:
        return read_statements(body, profile, given)
    except BadFile as fault:
        if fault.code != "account_missing":
            raise
    return read_statements(body, profile, replace(given, account=bank.landing.account or bank.id))


def _stated(bank: Bank, day: date, no: int, line: StagedLine, kind: FileKind = "statement") -> LineRead:
    matched = line.to_line()
    return LineRead(
        bank=bank.id,
        day=day,
        kind=kind,
        no=no,
        ref=line.ref,
        bank_txn_id=line.bank_txn_id,
        movement=matched.kind.value if matched else "payment",
        amount_vnd=line.amount_vnd,
        fee_vnd=line.fee_vnd or 0,
        status=matched.status.value if matched else line.status.value,
        direction=line.direction.value,
        account=line.account,
        occurred_at=line.booked_at,
        settled_on=line.settled_on,
        memo=line.memo,
    )


@cache
def _profiles() -> Mapping[str, Profile]:
    return load_profiles()
