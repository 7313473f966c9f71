"""Control totals and balances: what a file says of itself must be what its lines make, counted as they go by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec

from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.identity import facts_of
from reconciliation.statements.staged import Direction, Made, StagedLine, Statement


@dataclass(frozen=True, slots=True)
class Written:
    """What a line adds to the totals of its columns."""

    amount_vnd: int
    fee_vnd: int = 0
    fee_vat_vnd: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """A running balance: the line, what it moved, the balance after it."""

    line: int
    moved_vnd: int
    balance_vnd: int


class Tally:
    """Sums, content and running balances of a statement's lines; no line is kept."""

    def __init__(self) -> None:
        self._lines = self._credit_vnd = self._debit_vnd = self._net_vnd = 0
        self._amount_vnd = self._fee_vnd = self._fee_vat_vnd = 0
        self._content = sha256()
        self._first: _Step | None = None
        self._last: _Step | None = None
        self._all_balanced = True
        self._oldest_first: BadFile | None = None  # where this order breaks
        self._newest_first = True

    def add(self, line: StagedLine, written: Written | None = None) -> None:
        """Count a line."""
        credit = line.amount_vnd if line.direction is Direction.CREDIT else 0
        debit = line.amount_vnd - credit
        moves = line.status is not Status.FAILED and line.status is not Status.PENDING
        said = written or Written(line.amount_vnd, line.fee_vnd or 0)
        self._lines += 1
        self._credit_vnd += credit
        self._debit_vnd += debit
        self._net_vnd += credit - debit if moves else 0
        self._amount_vnd += said.amount_vnd
        self._fee_vnd += said.fee_vnd
        self._fee_vat_vnd += said.fee_vat_vnd
        self._content.update(msgspec.json.encode(facts_of(line)))
        self._step(line, credit - debit)

    def totals(self) -> dict[str, int]:
        """What a file may say of its lines, by the name of the fact."""
        return {
            "lines": self._lines,
            "total_vnd": self._amount_vnd,
            "fee_vnd": self._fee_vnd,
            "fee_vat_vnd": self._fee_vat_vnd,
            "credit_vnd": self._credit_vnd,
            "debit_vnd": self._debit_vnd,
        }

    def _step(self, line: StagedLine, moved_vnd: int) -> None:
        if line.balance_vnd is None:
            self._all_balanced = False
            return
        before, now = self._last, _Step(line.line, moved_vnd, line.balance_vnd)
        self._first, self._last = self._first or now, now
        if before is None:
            return
        after_vnd = before.balance_vnd + moved_vnd
        if self._oldest_first is None and after_vnd != now.balance_vnd:
            self._oldest_first = BadFile("balance_step", line.line, found=after_vnd, said=now.balance_vnd)
        self._newest_first = self._newest_first and now.balance_vnd + before.moved_vnd == before.balance_vnd

    def closed(self, statement: Statement) -> Statement:
        """The statement with its sums, content and the balances its lines show: opening + entries = closing.

        Raises BadFile: balance, and balance_step for a line that fits neither the file's order nor its reverse.
        """
        opening, closing = statement.opening_vnd, statement.closing_vnd
        if self._first is not None and self._last is not None and self._all_balanced:
            first, last = self._ends(self._first, self._last)
            began = first.balance_vnd - first.moved_vnd
            if opening is not None and opening != began:
                found = opening + first.moved_vnd
                raise BadFile("balance_step", first.line, found=found, said=first.balance_vnd)
            opening = began
            closing = last.balance_vnd if closing is None else closing
        net_vnd = self._net_vnd
        if opening is not None and closing is not None and opening + net_vnd != closing:
            raise BadFile("balance", found=opening + net_vnd, said=closing)
        place = (statement.kind, statement.account, statement.day, statement.part, opening, closing)
        content = sha256(msgspec.json.encode(place) + self._content.digest()).hexdigest()
        made = Made(
            lines=self._lines,
            credit_vnd=self._credit_vnd,
            debit_vnd=self._debit_vnd,
            net_vnd=net_vnd,
            content=content,
        )
        return replace(statement, opening_vnd=opening, closing_vnd=closing, made=made)

    def _ends(self, first: _Step, last: _Step) -> tuple[_Step, _Step]:
        if self._oldest_first is None:
            return first, last
        if self._newest_first:
            return last, first
        raise self._oldest_first


def tallied(statement: Statement) -> tuple[Tally, Statement]:
    """A statement whose lines are in memory, counted and closed. Raises BadFile."""
    tally = Tally()
    for line in statement.lines:
        tally.add(line)
    return tally, tally.closed(statement)


def check_totals(told: Mapping[str, int | None], made: Mapping[str, int]) -> None:
    """What a file says of its lines, by name, against what they make; a sum may be told without its sign."""
    for name, said in told.items():
        if said is not None and said not in {made[name], -made[name]}:
            raise BadFile("control_total", name=name, said=said, found=made[name])
