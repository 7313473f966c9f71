"""What reading a file yields: its statements with checked totals, each with lines fit for identity and matching.

A file may hold several statements (accounts, days). Lines are richer than `reconciliation.model.Line`; `to_line` makes
one of every line that matching compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final, Literal

from reconciliation.model import Kind, Line, Status

VIETNAM: Final = timezone(timedelta(hours=7))
AMOUNT_MAX_VND: Final = 10**15
CELL_CHARS_MAX: Final = 4_096
MIB: Final = 1024 * 1024
FILE_BYTES_MAX: Final = 20 * MIB  # unless a profile says otherwise
ROWS_MAX: Final = 200_000  # the same

FileKind = Literal["statement", "notification", "settlement"]


class Direction(StrEnum):
    """Which way money went, seen from the account."""

    CREDIT = "credit"
    DEBIT = "debit"


class LineKind(StrEnum):
    """What a line is about. `DEBIT`: money that left and nobody has named yet."""

    PAYMENT = "payment"
    REFUND = "refund"
    RETURN = "return"  # a refund or payout that came back
    REVERSAL = "reversal"  # a payment taken back
    DISPUTE = "dispute"
    FEE = "fee"
    INTEREST = "interest"
    DEBIT = "debit"


_MATCHED: Final = {
    LineKind.PAYMENT: (Kind.PAYMENT, Status.SUCCEEDED),
    LineKind.REFUND: (Kind.REFUND, Status.SUCCEEDED),
    LineKind.RETURN: (Kind.REFUND, Status.REVERSED),
    LineKind.REVERSAL: (Kind.REVERSAL, Status.SUCCEEDED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedLine:
    """One line. `line` is its place in the file (from 1); amounts are whole đồng above zero, `direction` the sign."""

    line: int
    account: str
    bank_txn_id: str
    ref: str
    kind: LineKind
    direction: Direction
    amount_vnd: int
    fee_vnd: int | None
    status: Status
    booked_at: datetime
    value_date: date
    memo: str = ""
    balance_vnd: int | None = None
    virtual_account: str = ""
    settled_on: date | None = None

    def remembering(self, memo: str) -> "StagedLine":
        """The same line with a memo; what stood there goes behind it unless it is said in it."""
        rest = self.memo if self.memo and self.memo not in memo else ""
        return replace(self, memo=f"{memo} {rest}".strip())

    def to_line(self) -> Line | None:
        """The canonical line of matching; None for fees, interest, disputes and debits without a name."""
        known = _MATCHED.get(self.kind)
        if known is None:
            return None
        kind, status = known
        return Line(
            ref=self.ref,
            bank_txn_id=self.bank_txn_id,
            kind=kind,
            amount_vnd=self.amount_vnd,
            fee_vnd=self.fee_vnd,
            status=status if self.status is Status.SUCCEEDED else self.status,
            occurred_at=self.booked_at,
            settled_on=self.settled_on,
            virtual_account=self.virtual_account,
            memo=self.memo,
            account=self.account,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the lines of a statement come to, in đồng; `net_vnd` is credits less debits of what succeeded.

    `content` is the same for two files that say the same.
    """

    lines: int = 0
    credit_vnd: int = 0
    debit_vnd: int = 0
    net_vnd: int = 0
    content: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one account (or merchant) did on one day. `part` tells statements of one day apart (a page, an id).

    `number` is the bank's running number, 0 where it counts none; `sequence` the version of a re-sent file, 0 where
    the file says none. `lines` is empty where whoever read the file took them one by one.
    """

    kind: FileKind
    account: str
    day: date
    part: str = ""
    number: int = 0
    sequence: int = 0
    opening_vnd: int | None = None
    closing_vnd: int | None = None
    pending: int = 0  # lines that are announced and not booked; they move nothing and are left out
    made: Made = Made()
    not_read: tuple[str, ...] = ()  # header cells that no column of the profile names
    lines: tuple[StagedLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A file read whole and found consistent."""

    profile: str
    statements: tuple[Statement, ...]


def with_lines(staged: StagedFile, lines: Sequence[StagedLine]) -> StagedFile:
    """A file with the lines that were handed on while it was read, each with its statement's account."""
    whole: list[Statement] = []
    at = 0
    for one in staged.statements:
        own = lines[at : at + one.made.lines]
        at += one.made.lines
        whole.append(replace(one, lines=tuple(replace(line, account=one.account or line.account) for line in own)))
    return replace(staged, statements=tuple(whole))
