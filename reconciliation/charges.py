"""What a provider may charge: rules given by a person or learned (tariff.py), and the break of a line off its rule.

A rule is a fixed part and parts per million of the amount, rounded, within bounds.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from paygw.kernel.words import format_vnd
from reconciliation.desk import Desk
from reconciliation.errors import BadFile
from reconciliation.model import Break, BreakKind, Kind
from reconciliation.passes import BATCH
from reconciliation.rows import Row

Rounding = Literal["down", "half_up", "half_even", "up"]

PPM: Final = 1_000_000
FEE_MAX_VND: Final = 10**15
_HALF: Final = PPM // 2
ROUND: Final[dict[Rounding, int]] = {"down": 0, "half_up": _HALF, "half_even": _HALF, "up": PPM - 1}


class Tariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`prefix` names the bank by the letters its transaction ids begin with; empty for every bank."""

    prefix: str = ""
    fixed_vnd: int = 0
    rate_ppm: int = 0
    min_vnd: int = 0
    max_vnd: int = FEE_MAX_VND
    rounding: Rounding = "half_up"

    def fee_vnd(self, amount_vnd: int) -> int:
        """The fee of one payment."""
        part, rest = divmod(amount_vnd * self.rate_ppm + ROUND[self.rounding], PPM)
        part -= self.rounding == "half_even" and rest == 0 and part % 2 == 1 and self.rate_ppm > 0
        return min(max(self.fixed_vnd + part, self.min_vnd), self.max_vnd)


def read_tariffs(path: Path) -> tuple[Tariff, ...]:
    """Tariffs from a file. Raises BadFile."""
    return parse_tariffs(path.read_bytes(), str(path))


def parse_tariffs(text: str | bytes, name: str) -> tuple[Tariff, ...]:
    """Tariffs from a JSON array of objects with the fields of `Tariff`. Raises BadFile that says the name."""
    try:
        return msgspec.json.decode(text, type=tuple[Tariff, ...])
    except msgspec.MsgspecError as error:
        raise BadFile(name, 0, f"not a tariff: {error}") from error


def tariff_of(txn: str, tariffs: Sequence[Tariff]) -> Tariff | None:
    """The rule of a transaction: its bank's, else the one of every bank, if there is one."""
    named = {one.prefix: one for one in tariffs}
    return named.get("".join(_leading_letters(txn))) or named.get("")


def off_tariff(lines: Iterable[Row], tariffs: Sequence[Tariff]) -> Iterator[tuple[Row, int]]:
    """Payment lines whose fee is not their tariff's, with what it should be."""
    for line in lines:
        rule = tariff_of(line.bank_txn_id, tariffs) if line.kind is Kind.PAYMENT and line.succeeded else None
        if rule is not None and line.fee_vnd not in {None, rule.fee_vnd(line.amount_vnd)}:
            yield line, rule.fee_vnd(line.amount_vnd)


def charged_otherwise(desk: Desk) -> set[int]:
    """Lines whose fee the tariff cannot tell: of another amount than we booked, or of a batch."""
    return {
        line.id
        for match in desk.matches
        for line in match.lines
        if match.how is BATCH or sum(row.amount_vnd for row in match.book) != line.amount_vnd
    }


def fee_break(row: Row, due_vnd: int) -> Break:
    """The break of one line: amounts are the fees."""
    took_vnd = row.fee_vnd or 0
    return Break(
        break_kind=BreakKind.FEE_DIFFERS,
        ref=row.ref,
        bank_txn_id=row.bank_txn_id,
        book_amount_vnd=due_vnd,
        statement_amount_vnd=took_vnd,
        detail=f"The provider took a fee of {format_vnd(took_vnd)}, the tariff says {format_vnd(due_vnd)}.",
    )


def _leading_letters(txn: str) -> Iterator[str]:
    for letter in txn:
        if not (letter.isascii() and letter.isalpha()):
            return
        yield letter
