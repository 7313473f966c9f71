"""What may be done about each kind of break: what happens by itself, what two persons may decide, by when.

The kinds are those of docs/contract.md section 9 and the hub's own; the rules are the table of docs/money.md section 8.
Days are working days of the agencies' calendar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from paygw.kernel.calendar import Calendar, add_working_days, is_working

ESCALATED_AFTER_DAYS: Final = 5  # T+5: nobody has solved it, the chief is told
AGES: Final = ((1, "0-1"), (3, "2-3"), (7, "4-7"), (30, "8-30"))
OLDEST: Final = ">30"
_COUNTED_DAYS_MAX: Final = 1_000


class Automatic(StrEnum):
    """What the night does by itself about a break; nothing it does moves money on one person's word."""

    NONE = "none"
    BOOK = "book"  # the line is evidence: query or file, through the one credit function
    IGNORE = "ignore"  # known by its key: logged, closed
    STATEMENT = "statement"  # the statement decides
    RESEND = "resend"  # the callback goes out again
    CLAIM = "claim"  # booked as it is in the books of the operator, and claimed from the bank
    PAGE = "page"  # somebody is called at once, payouts from the account stop
    REMIND = "remind"
    PROPOSE = "propose"  # a proposal waits for a second person


class Action(StrEnum):
    """What two persons may decide; each is a row of the money rules or moves nothing."""

    EXPLAIN = "explain"  # a document explains it; nothing moves
    BOOK_LINE = "book_line"  # rows 18, 21: an operator's entry that names its document
    DISPROVE = "disprove"  # row 19
    IDENTIFY = "identify"  # row 21: unidentified money gets its order
    REFUND = "refund"  # row 9: unapplied money goes back to its payer
    UNCLAIMED = "unclaimed"  # row 24
    THAW = "thaw"  # what is booked is right
    RELEASE = "release"  # the obligation may be paid again
    CLOSE_BATCH = "close_batch"  # row 16, with the right figures
    MOVEMENT = "movement"  # rows 16, 21b to 21d, 25


@dataclass(frozen=True, slots=True)
class Policy:
    """How a kind of break is handled: by itself, within so many working days, by these actions of two persons."""

    automatic: Automatic
    days: int
    actions: tuple[Action, ...]


_A = Action
_EXPLAIN: Final = (_A.EXPLAIN,)
_CREDITED: Final = (_A.IDENTIFY, _A.REFUND, _A.UNCLAIMED, _A.EXPLAIN)
_STRANGE: Final = (_A.BOOK_LINE, _A.IDENTIFY, _A.REFUND, _A.UNCLAIMED, _A.MOVEMENT, _A.EXPLAIN)
_DEBITED: Final = (_A.MOVEMENT, _A.EXPLAIN)
POLICIES: Final[Mapping[str, Policy]] = {
    "missing_in_book": Policy(Automatic.BOOK, 1, (_A.BOOK_LINE, _A.EXPLAIN)),
    "missing_at_bank": Policy(Automatic.NONE, 2, (_A.DISPROVE, _A.EXPLAIN)),
    "amount_differs": Policy(Automatic.NONE, 2, (_A.THAW, _A.REFUND, _A.DISPROVE, _A.EXPLAIN)),
    "status_differs": Policy(Automatic.BOOK, 1, (_A.BOOK_LINE, _A.DISPROVE, _A.EXPLAIN)),
    "duplicate_at_bank": Policy(Automatic.IGNORE, 2, (_A.REFUND, _A.EXPLAIN)),
    "duplicate_in_book": Policy(Automatic.NONE, 1, (_A.DISPROVE, _A.EXPLAIN)),
    "paid_twice": Policy(Automatic.PROPOSE, 2, (_A.REFUND, _A.IDENTIFY, _A.EXPLAIN)),
    "reference_differs": Policy(Automatic.NONE, 2, (_A.IDENTIFY, _A.THAW, _A.EXPLAIN)),
    "refund_missing_at_bank": Policy(Automatic.NONE, 2, _EXPLAIN),
    "refund_missing_in_book": Policy(Automatic.BOOK, 1, (_A.BOOK_LINE, _A.EXPLAIN)),
    "refund_amount_differs": Policy(Automatic.NONE, 2, _EXPLAIN),
    "refund_without_original": Policy(Automatic.NONE, 2, (_A.BOOK_LINE, _A.EXPLAIN)),
    "reversal_unknown": Policy(Automatic.BOOK, 1, (_A.BOOK_LINE, _A.RELEASE, _A.EXPLAIN)),
    "fee_differs": Policy(Automatic.CLAIM, 5, _EXPLAIN),
    "net_total_differs": Policy(Automatic.NONE, 1, (_A.CLOSE_BATCH, _A.EXPLAIN)),
    "out_of_period": Policy(Automatic.NONE, 2, _EXPLAIN),
    "unknown_account": Policy(Automatic.NONE, 2, _EXPLAIN),
    "unidentified_credit": Policy(Automatic.NONE, 2, _STRANGE),
    "unidentified_debit": Policy(Automatic.PAGE, 0, _DEBITED),
    "not_applied_at_portal": Policy(Automatic.RESEND, 3, _EXPLAIN),
    "control_total_differs": Policy(Automatic.NONE, 1, _EXPLAIN),
    # The hub's own
    "suspected_same": Policy(Automatic.STATEMENT, 2, (_A.IDENTIFY, _A.EXPLAIN)),
    "assertion_above": Policy(Automatic.STATEMENT, 1, (_A.BOOK_LINE, _A.EXPLAIN)),
    "evidence_conflict": Policy(Automatic.BOOK, 2, (_A.THAW, _A.DISPROVE, _A.EXPLAIN)),
    "unapplied_overdue": Policy(Automatic.PROPOSE, 5, _CREDITED),
    "give_back_overdue": Policy(Automatic.REMIND, 5, _DEBITED),
    "position_differs": Policy(Automatic.PAGE, 0, _EXPLAIN),
    "account_day_differs": Policy(Automatic.NONE, 1, (_A.IDENTIFY, _A.DISPROVE, _A.EXPLAIN)),
    "file_late": Policy(Automatic.REMIND, 1, _EXPLAIN),
}


def due_on(kind: str, opened: date, calendar: Calendar) -> date:
    """The working day on which a break of this kind should be solved."""
    return add_working_days(calendar, opened, POLICIES[kind].days)


def escalated(opened: date, today: date, calendar: Calendar) -> bool:
    """Whether so many working days have passed that the chief is told."""
    return working_days_between(calendar, opened, today) >= ESCALATED_AFTER_DAYS


def working_days_between(calendar: Calendar, first: date, last: date) -> int:
    """Working days after `first` up to and with `last`; 0 when there are none, at most 1,000."""
    days = min(max((last - first).days, 0), _COUNTED_DAYS_MAX)
    return sum(is_working(calendar, date.fromordinal(first.toordinal() + n)) for n in range(1, days + 1))


def age_class(days: int) -> str:
    """The class of an age in days, as the metrics have it."""
    return next((name for most, name in AGES if days <= most), OLDEST)
