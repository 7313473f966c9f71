"""From the bytes of a bank's file to the lines of a night: totals checked, every cell bounded, nothing guessed."""

import csv
from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from io import StringIO
from typing import Final

from paygw.hub.registry import Bank
from paygw.kernel.connector import FileKind, Malformed
from paygw.kernel.decide import VIETNAM
from paygw.kernel.settled import read_settlement
from paygw.store.nights import FileKept, LineRead
from reconciliation.model import Booked, Kind, Line, Status

STATEMENT_COLUMNS: Final = (
    "account", "bank_txn_id", "direction", "amount_vnd", "balance_vnd", "booked_at", "ref", "memo",
)  # fmt: skip
_TRAILER: Final = "TRAILER"
_CELL_CHARS_MAX: Final = 500
_LINES_MAX: Final = 2_000_000
_DIGITS_MAX: Final = 15
_DEBITS: Final = {"REFUND": "refund", "REVERSAL": "reversal"}


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


def to_booked(row: object) -> Booked:
    """The canonical row of the book."""
    return Booked(
        ref=getattr(row, "ref", ""),
        bank_txn_id=getattr(row, "bank_txn_id", ""),
        kind=Kind(getattr(row, "kind", "")),
        amount_vnd=getattr(row, "amount_vnd", 0),
        status=Status(getattr(row, "status", "")),
        occurred_at=getattr(row, "occurred_at"),  # noqa: B009 - a row of the store
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
    """The account statement of docs/api/sandbox-bank.md section 8, balances carried from line to line."""
    try:
        rows = [row for row in csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as fault:
        raise Malformed("not a CSV file in UTF-8") from fault
    if not rows or tuple(rows[0]) != STATEMENT_COLUMNS or rows[-1][0] != _TRAILER or len(rows) > _LINES_MAX:
        raise Malformed(f"a statement has the columns {', '.join(STATEMENT_COLUMNS)} and a trailer at its end")
    trailer, lines = rows[-1], rows[1:-1]
    if any(len(row) != len(STATEMENT_COLUMNS) for row in rows):
        raise Malformed("a line has too few or too many cells")
    read = tuple(_stated(bank, day, no, row) for no, row in enumerate(lines, start=1))
    if trailer[5] != day.isoformat() or _whole(trailer[1]) != len(read):
        raise Malformed("the day or the number of lines in the trailer is not that of the file")
    if _whole(trailer[3]) != sum(line.amount_vnd for line in read):
        raise Malformed("the total in the trailer is not that of the lines")
    net_vnd = sum(line.amount_vnd if line.direction == "credit" else -line.amount_vnd for line in read)
    if _signed(trailer[6]) + net_vnd != _signed(trailer[4]):
        raise Malformed("the balance before and the lines do not make the balance after")
    return read


def _stated(bank: Bank, day: date, no: int, row: Sequence[str]) -> LineRead:
    account, txn, direction, amount, _, at, ref, memo = (_cell(cell) for cell in row)
    if direction not in {"credit", "debit"} or not txn:
        raise Malformed(f"line {no} has no direction or no reference of the bank")
    occurred = _moment(at)
    if occurred.astimezone(VIETNAM).date() != day:
        raise Malformed(f"line {no} belongs to another day")
    back = memo == "REFUND"
    return LineRead(
        bank=bank.id,
        day=day,
        kind="statement",
        no=no,
        ref=ref,
        bank_txn_id=txn,
        movement=_DEBITS.get(memo, "payment") if direction == "debit" or back else "payment",
        amount_vnd=_whole(amount),
        fee_vnd=0,
        status="reversed" if back and direction == "credit" else "succeeded",
        direction=direction,
        account=account,
        occurred_at=occurred,
        settled_on=None,
        memo=memo,
    )


def _cell(text: str) -> str:
    if len(text) > _CELL_CHARS_MAX:
        raise Malformed("a cell is too long")
    plain = text.strip()
    return plain[1:] if plain[:1] == "'" and plain[1:2] in {"=", "+", "-", "@"} else plain


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Malformed("an amount or a count is no whole number")
    return int(text)


def _signed(text: str) -> int:
    return -_whole(text[1:]) if text[:1] == "-" else _whole(text)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as fault:
        raise Malformed("booked_at is no time") from fault
    if at.tzinfo is None:
        raise Malformed("booked_at has no offset")
    return at
