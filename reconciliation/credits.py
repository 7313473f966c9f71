"""Net credits of a bank or treasury statement, each against the lines it pays for.

No column says which lines a credit pays, so the grouping is the one under which most credits tally: by settlement day
or some days before the credit, alone or with the letters in front of the transaction or reference, and with the account
where both files name it. A
credit may be gross or net of fees; refunds and reversals are netted. Breaks found before may explain a gap: `gaps.py`.
What is left is `net_total_differs`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

import ibis
from ibis.expr.types import StringValue, Table

from paygw.kernel.words import format_vnd
from reconciliation.desk import Match
from reconciliation.engine import fetch_rows
from reconciliation.files import Loaded
from reconciliation.gaps import Effect, Gap, best_gaps
from reconciliation.model import Break, BreakKind, Kind, Status
from reconciliation.netting import LATE_DAYS, Due, paying, signed
from reconciliation.passes import CREDIT
from reconciliation.relate import rows_where
from reconciliation.rows import Row, day_number

Group = tuple[date, str]

_LETTERS: Final = "^[A-Za-z]+"
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The columns whose letters stand beside the settlement day: of the lines, and of the credits; and the account."""

    line: str | None = None
    credit: str | None = None
    account: bool = False

    def of_table(self, table: Table) -> StringValue:
        """The name of each line's group."""
        name = ibis.literal("") if self.line is None else table[self.line].re_extract(_LETTERS, 0)
        return name + "@" + table.account if self.account else name

    def of_line(self, row: Row) -> str:
        """The same in memory."""
        return self._name(row, self.line)

    def of_credit(self, row: Row) -> str:
        """The name of the group a credit pays."""
        return self._name(row, self.credit)

    def _name(self, row: Row, column: str | None) -> str:
        name = "" if column is None else letters(getattr(row, column))
        return f"{name}@{row.account}" if self.account else name


_NAMES: Final = ("bank_txn_id", "ref")
_GROUPINGS: Final = (Grouping(), *(Grouping(line=line, credit=credit) for line in _NAMES for credit in _NAMES))
_BY_ACCOUNT: Final = tuple(replace(grouping, account=True) for grouping in _GROUPINGS)


@dataclass(slots=True)
class Tied:
    """Breaks and matches of the credits."""

    breaks: list[Break] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)


def compare_credits(bank: Loaded, third: Loaded, effects: Sequence[Effect], *, lag_days: int) -> Tied:
    """Tie credits to groups of lines; `effects` are what earlier breaks would change, counted the other way."""
    moved = rows_where(third, third.table.status == Status.SUCCEEDED.value)
    known = (*_GROUPINGS, *(_BY_ACCOUNT if bank.has("account") and third.has("account") else ()))
    dues = [(_due(bank.table, grouping), grouping) for grouping in known]
    tried = [(due, _paid(moved, grouping, days), grouping) for days in range(LATE_DAYS + 1) for due, grouping in dues]
    due, paid, grouping = max(tried, key=lambda one: _tallied(one[0], one[1]))
    grouped = [(_place(effect, grouping, lag_days), effect) for effect in effects]
    gaps = best_gaps(grouped, lambda gap: _tallied(due, paid, gap))
    tied = Tied()
    last = max((group[0] for group in paid), default=date.min)
    owed: dict[str, tuple[Due, Gap]] = {}  # by name: days of more refunds than payments, which the next credits pay for
    for group in sorted(due.keys() | paid.keys()):
        own, rows = (due.get(group, Due()), gaps.get(group, (0, 0))), paid.get(group, [])
        together = _and(own, owed.get(group[1]))
        if not rows and own[0].lines and together[0].gross_vnd - together[0].fee_vnd + together[1][1] <= 0:
            owed[group[1]] = together
            continue
        counted = own if together == own or paying(own[0], _amounts(rows), own[1]) else together
        if counted is together:
            owed.pop(group[1], None)
        _judge(tied, group, counted[0], rows, counted[1], last)
    return tied


def _and(one: tuple[Due, Gap], other: tuple[Due, Gap] | None) -> tuple[Due, Gap]:
    """What two groups come to."""
    if other is None:
        return one
    (due, gap), (more, shift) = one, other
    together = Due(
        gross_vnd=due.gross_vnd + more.gross_vnd,
        fee_vnd=due.fee_vnd + more.fee_vnd,
        lines=due.lines + more.lines,
    )
    return together, (gap[0] + shift[0], gap[1] + shift[1])


def _amounts(rows: Sequence[Row]) -> list[tuple[Row, int]]:
    return [(row, signed(row)) for row in rows]


def letters(text: str) -> str:
    """The letters a text begins with."""
    return text[: next((n for n, one in enumerate(text) if not (one.isascii() and one.isalpha())), len(text))]


def _due(table: Table, grouping: Grouping) -> dict[Group, Due]:
    lines = table.filter((table.status == Status.SUCCEEDED.value) & table.settled_on.notnull())
    signed = ibis.ifelse(lines.kind == Kind.PAYMENT.value, lines.amount_vnd, -lines.amount_vnd)
    found = lines.group_by(day=lines.settled_on, name=grouping.of_table(lines)).aggregate(
        gross_vnd=signed.sum(),
        fee_vnd=lines.fee_vnd.fill_null(0).sum(),
        lines=lines.count(),
    )
    return {
        (row["day"], row["name"]): Due(
            gross_vnd=int(row["gross_vnd"]),  # a sum is a decimal of the engine
            fee_vnd=int(row["fee_vnd"]),
            lines=row["lines"],
        )
        for row in fetch_rows(found)
    }


def _paid(moved: Sequence[Row], grouping: Grouping, days: int) -> dict[Group, list[Row]]:
    """Credits by the group they pay, `days` before the credit."""
    found: dict[Group, list[Row]] = defaultdict(list)
    for row in sorted(moved, key=lambda row: row.order):
        found[(row.settled_on or _day(row)) - timedelta(days=days), grouping.of_credit(row)].append(row)
    return found


def _tallied(due: Mapping[Group, Due], paid: Mapping[Group, list[Row]], gaps: Mapping[Group, Gap] | None = None) -> int:
    shifts = gaps or {}
    return sum(due[group].holds(_sum(rows), shifts.get(group, (0, 0))) for group, rows in paid.items() if group in due)


def _place(effect: Effect, grouping: Grouping, lag_days: int) -> Group:
    """The group an effect belongs to; a row without a settlement day settles after the usual lag."""
    row = effect.row
    usual = _day(row) + timedelta(days=lag_days)
    return (usual if effect.usual_day or row.settled_on is None else row.settled_on), grouping.of_line(row)


def _judge(tied: Tied, group: Group, due: Due, rows: list[Row], gap: Gap, last: date) -> None:
    payers = paying(due, _amounts(rows), gap)
    named = [row for row in rows if row.ref] or rows
    counted = list(payers) or (named if due.lines else [])
    tied.breaks += [_stranger(row) for row in rows if row not in counted]
    if payers:
        tied.matches.append(Match(how=CREDIT, state="confirmed", book=(), lines=payers))
    elif due.lines and (rows or group[0] < last) and not due.holds(_sum(counted), gap):
        tied.breaks.append(_differs(group, due, counted, gap))


def _differs(group: Group, due: Due, rows: Sequence[Row], gap: Gap) -> Break:
    net_vnd = due.gross_vnd - due.fee_vnd + gap[1]
    came = f"the credit is {format_vnd(_sum(rows))}" if rows else "no credit came"
    return Break(
        break_kind=BreakKind.NET_TOTAL_DIFFERS,
        ref=rows[0].ref if rows else "",
        bank_txn_id=rows[0].bank_txn_id if rows else "",
        book_amount_vnd=net_vnd,
        statement_amount_vnd=_sum(rows) if rows else None,
        detail=f"{due.lines} lines settled on {group[0]} come to {format_vnd(net_vnd)} net of fees; {came}.",
    )


def _stranger(row: Row) -> Break:
    credit = signed(row) >= 0
    return Break(
        break_kind=BreakKind.UNIDENTIFIED_CREDIT if credit else BreakKind.UNIDENTIFIED_DEBIT,
        ref=row.ref,
        bank_txn_id=row.bank_txn_id,
        book_amount_vnd=None,
        statement_amount_vnd=row.amount_vnd,
        detail="The third file has it; no line of the statement explains it.",
    )


def _sum(rows: Sequence[Row]) -> int:
    return sum(signed(row) for row in rows)


def _day(row: Row) -> date:
    return _EPOCH + timedelta(days=day_number(row.at_s))
