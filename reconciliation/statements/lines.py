"""One row of a table to one line, by the columns and words of a profile."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Final, TypeVar

from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Column, Profile
from reconciliation.statements.rows import Row
from reconciliation.statements.staged import VIETNAM, Direction, LineKind, StagedLine
from reconciliation.statements.text import fold
from reconciliation.statements.totals import Written
from reconciliation.statements.values import Cell, check_currency, identifier, read_amount, read_moment

_FEES: Final[tuple[Column, ...]] = ("fee_vnd", "fee_vat_vnd")
Word = TypeVar("Word", LineKind, Direction, Status)

DIRECTION_OF: Final[Mapping[LineKind, Direction]] = {
    LineKind.PAYMENT: Direction.CREDIT,
    LineKind.REFUND: Direction.DEBIT,
    LineKind.RETURN: Direction.CREDIT,
    LineKind.REVERSAL: Direction.DEBIT,
    LineKind.DISPUTE: Direction.DEBIT,
    LineKind.FEE: Direction.DEBIT,
    LineKind.INTEREST: Direction.CREDIT,
    LineKind.DEBIT: Direction.DEBIT,
}
_SHEET_FORMS: Final = ("yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm")  # a day and a clock that a workbook knows as such
_fold_word: Final = lru_cache(maxsize=1_024)(fold)
_ARMED: Final = ("=", "+", "-", "@")


class Reader:
    """A profile made ready for one header: where each column stands, and the folded words."""

    def __init__(self, profile: Profile, header: Mapping[Column, int]) -> None:
        self._profile = profile
        self._header = header
        self._moments = (*profile.dates, *_SHEET_FORMS)
        self._days = (*profile.dates, "yyyy-MM-dd")
        self._kinds = _folded(profile.kinds)
        self._directions = _folded(profile.directions)
        self._statuses = _folded(profile.statuses)
        self._memo_kinds = [(fold(word), kind) for kind, words in profile.memo_kinds.items() for word in words]

    def line(self, row: Row) -> tuple[StagedLine, Written]:
        """The line of a row as wide as the header, and what it adds to the totals of its columns. Raises BadFile."""
        for column in self._profile.required:
            if self._cell(row, column) == "":
                raise BadFile("field_missing", row.line, column=self._profile.columns[column][0])
        check_currency(self._text(row, "currency"), row.line, self._profile.amounts.unit)
        memo = self._text(row, "memo")
        status = self._word(row, "status", self._statuses) or Status.SUCCEEDED
        kind = self._word(row, "kind", self._kinds)
        amount_vnd, direction = self._amount(row, kind)
        if kind is LineKind.REFUND and status is Status.REVERSED:
            kind, status, direction = LineKind.RETURN, Status.SUCCEEDED, Direction.CREDIT
        booked_at, value_date = self._when(row)
        told_vnd = self._money(row, "amount_vnd")
        fees = [self._money(row, name) for name in _FEES]
        line = StagedLine(
            line=row.line,
            account=self._id(row, "account"),
            bank_txn_id=self._id(row, "bank_txn_id"),
            ref=self._id(row, "ref"),
            kind=kind or self._named(direction, memo),
            direction=direction,
            amount_vnd=amount_vnd,
            fee_vnd=self._fee(row, fees, amount_vnd if told_vnd is None or told_vnd > 0 else told_vnd),
            status=status,
            booked_at=booked_at,
            value_date=value_date,
            memo=memo,
            balance_vnd=self._money(row, "balance_vnd"),
            virtual_account=self._id(row, "virtual_account"),
            settled_on=self._day(row, "settled_on"),
        )
        fee_vnd, fee_vat_vnd = (fee or 0 for fee in fees)
        return line, Written(amount_vnd if told_vnd is None else told_vnd, fee_vnd, fee_vat_vnd)

    def _cell(self, row: Row, column: Column) -> Cell:
        place = self._header.get(column)
        return "" if place is None else row.cells[place]

    def is_line(self, row: Row) -> bool:
        """Whether a row says when and how much, whatever word it begins with."""
        when: tuple[Column, ...] = ("booked_at", "value_date")
        much: tuple[Column, ...] = ("amount_vnd", "debit_vnd", "credit_vnd")
        return any(self._near(row, name) for name in when) and any(self._near(row, name) for name in much)

    def _near(self, row: Row, column: Column) -> bool:
        place = self._header.get(column)
        return place is not None and place < len(row.cells) and row.cells[place] != ""

    def _id(self, row: Row, column: Column) -> str:
        cell = self._cell(row, column)
        if self._profile.disarmed and isinstance(cell, str):
            return self._text(row, column)
        text = identifier(cell, row.line)
        return "" if text == "-" else text

    def _text(self, row: Row, column: Column) -> str:
        text = str(self._cell(row, column))
        text = " ".join(text.split()) if "\n" in text else text
        disarmed = self._profile.disarmed and text.startswith("'") and text[1:].lstrip().startswith(_ARMED)
        return text[1:] if disarmed else text

    def _word(self, row: Row, column: Column, words: Mapping[str, Word]) -> Word | None:
        text = self._text(row, column)
        if not text or not words:
            return None
        found = words.get(_fold_word(text)) or words.get(text)
        if found is None:
            raise BadFile("word", row.line, column=self._profile.columns[column][0], text=text)
        return found

    def _money(self, row: Row, column: Column) -> int | None:
        cell, amounts = self._cell(row, column), self._profile.amounts
        return None if cell == "" else read_amount(cell, row.line, marks=amounts.marks, unit=amounts.unit)

    def _amount(self, row: Row, kind: LineKind | None) -> tuple[int, Direction]:
        """Above zero, and the direction: of two columns, of the sign, of a word, or of the kind."""
        amount = self._money(row, "amount_vnd")
        if amount is not None and amount < 0 and kind is not None and DIRECTION_OF[kind] is Direction.DEBIT:
            amount = -amount  # a refund with its sign: kind and sign say the same
        if amount is None:
            debit, credit = self._money(row, "debit_vnd") or 0, self._money(row, "credit_vnd") or 0
            debit = -debit if self._profile.amounts.debit_negative else debit
            if bool(debit) == bool(credit):
                raise BadFile("two_directions", row.line)
            amount, direction = (credit, Direction.CREDIT) if credit else (debit, Direction.DEBIT)
        elif self._profile.amounts.signed:
            amount, direction = abs(amount), Direction.CREDIT if amount > 0 else Direction.DEBIT
        else:
            told = self._word(row, "direction", self._directions)
            direction = told or (DIRECTION_OF[kind] if kind else Direction.CREDIT)
            if told is None and "direction" in self._header and self._directions:
                raise BadFile("field_missing", row.line, column=self._profile.columns["direction"][0])
        if amount <= 0:
            raise BadFile("amount_sign", row.line, text=str(amount))
        return amount, direction

    def _fee(self, row: Row, fees: list[int | None], written_vnd: int) -> int | None:
        """The fee with its tax, and amount - fee = net, as they are written, where a net is told."""
        if fees == [None] * len(fees):
            return None
        fee_vnd, net_vnd = sum(fee or 0 for fee in fees), self._money(row, "net_vnd")
        if fee_vnd < 0:
            raise BadFile("amount_sign", row.line, text=str(fee_vnd))
        made_vnd = written_vnd - fee_vnd
        if net_vnd is not None and net_vnd not in {made_vnd, -made_vnd}:
            raise BadFile("control_total", row.line, name="net_vnd", said=net_vnd, found=made_vnd)
        return fee_vnd

    def _when(self, row: Row) -> tuple[datetime, date]:
        value_date = self._day(row, "value_date")
        cell, clock = self._cell(row, "booked_at"), self._text(row, "booked_time")
        if cell == "" and value_date is None:
            raise BadFile("field_missing", row.line, column="booked_at")
        if cell == "":
            cell = self._cell(row, "value_date")
        if clock:
            cell = f"{cell:%Y-%m-%d} {clock}" if isinstance(cell, datetime) else f"{cell} {clock}"
        booked_at = read_moment(cell, row.line, self._moments)
        return booked_at, value_date or booked_at.astimezone(VIETNAM).date()

    def _day(self, row: Row, column: Column) -> date | None:
        cell = self._cell(row, column)
        return None if cell == "" else read_moment(cell, row.line, self._days).date()

    def _named(self, direction: Direction, memo: str) -> LineKind:
        """What a line without a kind is, by how its memo begins and where the money went."""
        text = fold(memo)
        for word, kind in self._memo_kinds:
            if text.startswith(word) and DIRECTION_OF[kind] is direction:
                return kind
        return LineKind.PAYMENT if direction is Direction.CREDIT else LineKind.DEBIT


def _folded(words: Mapping[Word, tuple[str, ...]]) -> dict[str, Word]:
    """By folded word, and by the word itself where nothing is left of it (`+`, `-`)."""
    return {fold(word) or word: name for name, listed in words.items() for word in listed}
