"""Reads a provider's settlement file: CSV with a trailer of control totals, checked to the last line.

The columns are those of docs/api/sandbox-bank.md section 8; a provider's own names for them are given as options
`column.<ours> = <theirs>`, its delimiter as `delimiter`. Every function raises Malformed and nothing else.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from io import StringIO
from typing import Final, cast

from paygw.kernel.connector import Malformed, SettledKind, SettlementFile, SettlementLine
from paygw.kernel.wire import AMOUNT_MAX_VND, TEXT_MAX_CHARS

COLUMNS: Final = ("ref", "bank_txn_id", "kind", "amount_vnd", "fee_vnd", "status", "occurred_at", "settled_on")
TRAILER: Final = "TRAILER"
LINES_MAX: Final = 2_000_000
_KINDS: Final = frozenset({"payment", "refund", "reversal"})
_DELIMITERS: Final = frozenset({",", ";", "|", "\t"})
_DIGITS_MAX: Final = 13


def read_settlement(body: bytes, options: Mapping[str, str]) -> SettlementFile:
    """The lines of one day. Raises Malformed where a total, a line or a column is not what the file claims."""
    delimiter = options.get("delimiter", ",")
    if delimiter not in _DELIMITERS:
        raise Malformed("delimiter: one of , ; | or a tab")
    try:
        rows = csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
        head, *content = [row for row in rows if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as fault:
        raise Malformed("not a CSV file in UTF-8") from fault
    places = _places(head, options)
    if not content or content[-1][0] != TRAILER or len(content) > LINES_MAX:
        raise Malformed("the file has no trailer at its end")
    *lines, trailer = content
    read = tuple(_lines(lines, places))
    count = _whole(_cell(trailer, 1, "trailer count"), "trailer count")
    total_vnd = _whole(_cell(trailer, 3, "trailer total"), "trailer total")
    fees_vnd = _whole(_cell(trailer, 4, "trailer fees"), "trailer fees")
    if count != len(read) or total_vnd != sum(line.amount_vnd for line in read):
        raise Malformed("count or total of the trailer is not that of the lines")
    if fees_vnd != sum(line.fee_vnd for line in read):
        raise Malformed("the fees of the trailer are not those of the lines")
    return SettlementFile(lines=read, count=count, total_vnd=total_vnd)


def _places(head: Sequence[str], options: Mapping[str, str]) -> Mapping[str, int]:
    names = [name.strip() for name in head]
    wanted = {name: options.get(f"column.{name}", name) for name in COLUMNS}
    missing = [theirs for theirs in wanted.values() if names.count(theirs) != 1]
    if missing:
        raise Malformed(f"each of these columns must be there once: {', '.join(missing)}")
    return {name: names.index(theirs) for name, theirs in wanted.items()}


def _lines(rows: Sequence[Sequence[str]], places: Mapping[str, int]) -> Iterator[SettlementLine]:
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        cells = {name: _cell(row, place, name) for name, place in places.items()}
        line = _line(cells)
        identity = (line.kind, line.bank_txn_id or line.ref, line.status)
        if identity in seen:
            raise Malformed("a line is there twice")
        seen.add(identity)
        yield line


def _line(cells: Mapping[str, str]) -> SettlementLine:
    kind, amount_vnd = cells["kind"], _whole(cells["amount_vnd"], "amount_vnd")
    if kind not in _KINDS or amount_vnd == 0 or not (cells["ref"] or cells["bank_txn_id"]):
        raise Malformed("a line without kind, amount or reference")
    return SettlementLine(
        ref=cells["ref"],
        bank_txn_id=cells["bank_txn_id"],
        kind=cast("SettledKind", kind),
        amount_vnd=amount_vnd,
        fee_vnd=_whole(cells["fee_vnd"], "fee_vnd"),
        status=cells["status"],
        occurred_at=_moment(cells["occurred_at"]),
        settled_on=_day(cells["settled_on"]),
    )


def _cell(row: Sequence[str], place: int, name: str) -> str:
    """A cell; the apostrophe that keeps spreadsheets from running it is taken off again."""
    if place >= len(row) or len(row[place]) > TEXT_MAX_CHARS:
        raise Malformed(f"{name} is missing or too long")
    text = row[place].strip()
    return text[1:] if text[:1] == "'" and text[1:2] in {"=", "+", "-", "@"} else text


def _whole(text: str, name: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else -1
    if not 0 <= value <= AMOUNT_MAX_VND:
        raise Malformed(f"{name} is no whole amount")
    return value


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise Malformed("occurred_at is no time") from fault
    raise Malformed("occurred_at has no offset")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as fault:
        raise Malformed("settled_on is no day") from fault
