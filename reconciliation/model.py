"""The canonical rows every source is brought into, and the kinds of breaks (docs/contract.md section 9).

A parser of a bank's file yields `Line`s, the hub's book yields `Booked`s; matching knows nothing else. Amounts are
whole đồng and never below 0: `kind` says the direction. Times are aware; `settled_on` is a day in Vietnam.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What moved: a payment in, a refund out, or a payment the provider took back."""

    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"


class Status(StrEnum):
    """What became of it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """One row of the book: what the hub believes."""

    ref: str
    bank_txn_id: str
    kind: Kind
    amount_vnd: int
    status: Status
    occurred_at: datetime
    virtual_account: str = ""
    aliases: tuple[str, ...] = ()  # other ids the bank or an aggregator gave the same transaction
    account: str = ""
    told: bool = False  # a file of another day told it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a settlement file or statement: what a bank says. `fee_vnd` and `settled_on` may be unknown."""

    ref: str
    bank_txn_id: str
    kind: Kind
    amount_vnd: int
    fee_vnd: int | None
    status: Status
    occurred_at: datetime
    settled_on: date | None
    virtual_account: str = ""
    memo: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What a file's own header or trailer says: number of lines and sum of `amount_vnd`, each None if not said."""

    lines: int | None = None
    total_vnd: int | None = None


BOOK_COLUMNS: Final = ("ref", "bank_txn_id", "kind", "amount_vnd", "status", "occurred_at")
STATEMENT_COLUMNS: Final = (
    "ref",
    "bank_txn_id",
    "kind",
    "amount_vnd",
    "fee_vnd",
    "status",
    "occurred_at",
    "settled_on",
)
# May be there or not, in any order. A column on none of these lists is not read, and the summary names it.
BOOK_OPTIONAL: Final = ("virtual_account", "aliases", "account")
STATEMENT_OPTIONAL: Final = ("virtual_account", "memo", "account")
ALIAS_SEPARATOR: Final = ";"


class BreakKind(StrEnum):
    """Every difference has one of these names; `reconciliation/words.py` says each in plain words."""

    MISSING_IN_BOOK = "missing_in_book"
    MISSING_AT_BANK = "missing_at_bank"
    AMOUNT_DIFFERS = "amount_differs"
    STATUS_DIFFERS = "status_differs"
    DUPLICATE_AT_BANK = "duplicate_at_bank"
    DUPLICATE_IN_BOOK = "duplicate_in_book"
    PAID_TWICE = "paid_twice"
    REFERENCE_DIFFERS = "reference_differs"
    REFUND_MISSING_AT_BANK = "refund_missing_at_bank"
    REFUND_MISSING_IN_BOOK = "refund_missing_in_book"
    REFUND_AMOUNT_DIFFERS = "refund_amount_differs"
    REFUND_WITHOUT_ORIGINAL = "refund_without_original"
    REVERSAL_UNKNOWN = "reversal_unknown"
    FEE_DIFFERS = "fee_differs"
    NET_TOTAL_DIFFERS = "net_total_differs"
    OUT_OF_PERIOD = "out_of_period"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNIDENTIFIED_CREDIT = "unidentified_credit"
    UNIDENTIFIED_DEBIT = "unidentified_debit"
    NOT_APPLIED_AT_PORTAL = "not_applied_at_portal"
    CONTROL_TOTAL_DIFFERS = "control_total_differs"


_RUN_BY_SHEETS: Final = ("=", "+", "-", "@", "\t", "\r")  # docs/reliability.md section 6

BREAK_COLUMNS: Final = (
    "break_kind",
    "ref",
    "bank_txn_id",
    "book_amount_vnd",
    "statement_amount_vnd",
    "detail",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One difference. An amount is None where that side has no row; `detail` is a sentence without personal data."""

    break_kind: BreakKind
    ref: str
    bank_txn_id: str
    book_amount_vnd: int | None
    statement_amount_vnd: int | None
    detail: str

    def cells(self) -> Iterator[str]:
        """The columns of `BREAK_COLUMNS` as a CSV file has them; a text that a spreadsheet would run is disarmed."""
        yield self.break_kind.value
        yield _disarmed(self.ref)
        yield _disarmed(self.bank_txn_id)
        yield "" if self.book_amount_vnd is None else str(self.book_amount_vnd)
        yield "" if self.statement_amount_vnd is None else str(self.statement_amount_vnd)
        yield _disarmed(self.detail)


def _disarmed(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(_RUN_BY_SHEETS) else text


class Role(StrEnum):
    """What a third file is."""

    PORTAL = "portal"
    LINES = "lines"
    CREDITS = "credits"
