"""What is left of both files after the clean matches, as rows in memory."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from reconciliation.model import Kind, Status

Side = Literal["book", "bank"]

DAY_S: Final = 86_400
VIETNAM_S: Final = 7 * 3_600  # seconds ahead of UTC, no daylight saving


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of one side. `at_s` counts seconds since 1970 in UTC; `fee_vnd` and `settled_on` are the bank's alone."""

    id: int
    ref: str
    bank_txn_id: str
    kind: Kind
    amount_vnd: int
    status: Status
    at_s: int
    fee_vnd: int | None = None
    settled_on: date | None = None
    virtual_account: str = ""
    aliases: tuple[str, ...] = ()
    memo: str = ""
    account: str = ""
    told: bool = False  # of the book: a file of another day told this row

    @property
    def succeeded(self) -> bool:
        """Whether money moved and stayed."""
        return self.status is Status.SUCCEEDED

    @property
    def order(self) -> tuple[int, str, str, int, str, int]:
        """A total order that does not depend on where the row stood in its file."""
        return (self.at_s, self.ref, self.bank_txn_id, self.amount_vnd, self.status, self.fee_vnd or 0)


def reversed_row(row: Row) -> Row:
    """The same payment, taken back."""
    return replace(row, status=Status.REVERSED)


def seconds_from_midnight(at_s: int) -> int:
    """Distance to the nearest midnight in Vietnam."""
    into_day = (at_s + VIETNAM_S) % DAY_S
    return min(into_day, DAY_S - into_day)


def day_number(at_s: int) -> int:
    """Days since 1970 in Vietnam."""
    return (at_s + VIETNAM_S) // DAY_S
