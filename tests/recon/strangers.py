"""A stranger's corpus: clean rows in styles of their own, refunds that trail their payment, and plants of each kind.

Written from section 9 of the contract alone; names, tariffs, lags and volumes are a style's, so that nothing may be
learned from one generator.
"""

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from reconciliation.charges import Tariff
from reconciliation.model import Booked, Break, BreakKind, Kind, Line, Status
from tests.recon.corpus import VIETNAM
from tests.recon.stories import as_booked

Names = frozenset[str]
Writer = Callable[[random.Random, int], str]

FEW: Final = (8_000, 20_000, 37_500, 50_000, 100_000, 115_000, 150_000, 300_000, 1_000_000, 1_205_000)
REFS: Final[Mapping[str, Writer]] = {
    "dvc": lambda _, n: f"DVC-2026-{n:07}",
    "figures": lambda _, n: str(20_260_000_000 + n),
    "uuid": lambda rng, _: str(uuid.UUID(int=rng.getrandbits(128))),
    "dossier": lambda _, n: f"G22.99.{n % 64:02}-260{n % 10}-{n:06}",
    "lower": lambda _, n: f"ord_{n:06x}",
}
TXNS: Final[Mapping[str, Writer]] = {
    "ft": lambda _, n: f"FT26{n:010}",
    "figures": lambda rng, _: str(rng.randrange(10**11, 10**12)),
    "uuid": lambda rng, _: uuid.UUID(int=rng.getrandbits(128)).hex,
    "banks": lambda rng, n: f"{rng.choice(('VCB', 'BIDV', 'CTG', 'MB'))}{n:09}",
    "dash": lambda _, n: f"TXN-{n:08}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one stranger writes. `lag_days` is from payment to settlement; a negative one is the next working day."""

    refs: str = "dvc"
    txns: str = "ft"
    tariff: Tariff = field(default_factory=lambda: Tariff(fixed_vnd=1_100))
    lag_days: int = 1
    days: int = 7
    lines: int = 1_000
    each: int = 4
    amounts: range | tuple[int, ...] = FEW
    first: date = date(2026, 6, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A break that must be found under one of the names of its rows."""

    kind: BreakKind
    refs: Names
    txns: Names

    def fits(self, one: Break) -> bool:
        """Whether a break is this plant."""
        return one.break_kind is self.kind and one.ref in self.refs and one.bank_txn_id in self.txns


class Stranger:
    """One corpus as it grows."""

    def __init__(self, style: Style, seed: int) -> None:
        """Clean rows and all plants."""
        self.style, self.rng, self.serial = style, random.Random(seed), 0  # noqa: S311 - the same corpus each time
        self.book: list[Booked] = []
        self.lines: list[Line] = []
        self.planted: list[Plant] = []
        for _ in range(style.lines):
            self.clean(self.payment())
        for plant in PLANTS:
            for _ in range(style.each):
                plant(self, self.payment())
        self.rng.shuffle(self.book)
        self.rng.shuffle(self.lines)

    def payment(self) -> Line:
        """A succeeded payment at a moment of the corpus."""
        rng, style = self.rng, self.style
        day = style.first + timedelta(days=rng.randrange(style.days))
        at = datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + timedelta(seconds=rng.randrange(300, 86_100))
        return self.other(ref=REFS[style.refs](rng, self.serial + 1), at=at, amount_vnd=rng.choice(style.amounts))

    def other(self, *, ref: str, at: datetime, amount_vnd: int, kind: Kind = Kind.PAYMENT) -> Line:
        """A transaction of its own; what is not paid in costs nothing."""
        self.serial += 1
        return Line(
            ref=ref,
            bank_txn_id=TXNS[self.style.txns](self.rng, self.serial),
            kind=kind,
            amount_vnd=amount_vnd,
            fee_vnd=self.style.tariff.fee_vnd(amount_vnd) if kind is Kind.PAYMENT else 0,
            status=Status.SUCCEEDED,
            occurred_at=at,
            settled_on=None,
        )

    def back(self, paid: Line, *, kind: Kind = Kind.REFUND, part: int = 1) -> Line:
        """A refund or reversal some hours later: of the last day it happens after all others."""
        at = paid.occurred_at + timedelta(minutes=self.rng.randrange(60, 1_200))
        return self.other(ref=paid.ref, at=at, amount_vnd=paid.amount_vnd // part, kind=kind)

    def ours(self, *rows: Line) -> None:
        """Book rows."""
        self.book += as_booked(rows)

    def theirs(self, *lines: Line) -> None:
        """Lines of the bank, some seconds later and settled on their day."""
        for one in lines:
            at = one.occurred_at + timedelta(seconds=self.rng.randrange(90))
            self.lines.append(replace(one, occurred_at=at, settled_on=one.settled_on or self._settled(at.date())))

    def both(self, *rows: Line) -> None:
        """The same on both sides."""
        self.ours(*rows)
        self.theirs(*rows)

    def plant(self, kind: BreakKind, *rows: Line) -> None:
        """Remember a break by the names of its rows."""
        names = frozenset(row.ref for row in rows), frozenset(row.bank_txn_id for row in rows)
        self.planted.append(Plant(kind=kind, refs=names[0], txns=names[1]))

    def clean(self, paid: Line) -> None:
        """One row of each side, or what looks like a break and is none."""
        chance = self.rng.randrange(100)
        if chance < 6:
            failed = replace(paid, status=Status.FAILED if chance else Status.PENDING)
            (self.both, self.ours, self.theirs)[chance % 3](failed)
        elif chance < 10:
            parts = chance - 5
            self.both(paid, *(self.back(paid, part=parts) for _ in range(min(parts, 2))))
        elif chance < 12:
            self.both(paid, self.back(paid, kind=Kind.REVERSAL))
        elif chance < 14:
            before = self.other(ref=paid.ref, at=paid.occurred_at - timedelta(minutes=5), amount_vnd=paid.amount_vnd)
            self.both(replace(before, status=Status.FAILED), paid)
        else:
            self.both(paid)

    def _settled(self, day: date) -> date:
        if self.style.lag_days >= 0:
            return day + timedelta(days=self.style.lag_days)
        return day + timedelta(days=max(1, 7 - day.weekday()) if day.weekday() > 3 else 1)


def _either(stranger: Stranger, kind: BreakKind, ours: Line, theirs: Line) -> None:
    stranger.ours(ours)
    stranger.theirs(theirs)
    stranger.plant(kind, ours, theirs)


def _status(stranger: Stranger, paid: Line) -> None:
    succeeded, other = Status.SUCCEEDED, stranger.rng.choice([Status.FAILED, Status.PENDING, Status.REVERSED])
    here, there = stranger.rng.sample([succeeded, other], 2)
    _either(stranger, BreakKind.STATUS_DIFFERS, replace(paid, status=here), replace(paid, status=there))


def _twice(stranger: Stranger, paid: Line) -> None:
    later = paid.occurred_at + timedelta(minutes=stranger.rng.randrange(3, 60))
    again = stranger.other(ref=paid.ref, at=later, amount_vnd=paid.amount_vnd)
    stranger.both(paid)
    stranger.theirs(again)
    if stranger.rng.random() < 0.5:
        stranger.ours(again)
    stranger.plant(BreakKind.PAID_TWICE, paid, again)


def _refund(
    kind: BreakKind, *, here: bool, there: bool, gap_vnd: int = 0, paid_too: bool = True
) -> Callable[..., None]:
    def plant(stranger: Stranger, paid: Line) -> None:
        back = stranger.back(paid)
        if paid_too:
            stranger.both(paid)
        if here:
            stranger.ours(back)
        if there:
            stranger.theirs(replace(back, amount_vnd=back.amount_vnd - gap_vnd))
        stranger.plant(kind, back)

    return plant


def _line_alone(kind: BreakKind, change: Callable[[Stranger, Line], Line]) -> Callable[[Stranger, Line], None]:
    def plant(stranger: Stranger, paid: Line) -> None:
        line = change(stranger, paid)
        stranger.theirs(line)
        stranger.plant(kind, line)

    return plant


def _reversed(stranger: Stranger, paid: Line) -> None:
    taken = stranger.back(paid, kind=Kind.REVERSAL)
    stranger.both(paid)
    stranger.theirs(taken)
    stranger.plant(BreakKind.REVERSAL_UNKNOWN, taken)


def _double(stranger: Stranger, paid: Line) -> None:
    stranger.both(paid)
    stranger.theirs(paid)
    stranger.plant(BreakKind.DUPLICATE_AT_BANK, paid)


def _double_here(stranger: Stranger, paid: Line) -> None:
    stranger.both(paid)
    stranger.ours(paid)
    stranger.plant(BreakKind.DUPLICATE_IN_BOOK, paid)


def _absent(stranger: Stranger, paid: Line) -> None:
    stranger.ours(paid)
    stranger.plant(BreakKind.MISSING_AT_BANK, paid)


def _changed(kind: BreakKind, change: Callable[[Stranger, Line], Line]) -> Callable[[Stranger, Line], None]:
    return lambda stranger, paid: _either(stranger, kind, paid, change(stranger, paid))


def _far(stranger: Stranger, paid: Line) -> Line:
    days = stranger.rng.choice((-140, -100, 120, 200))
    return replace(paid, settled_on=paid.occurred_at.date() + timedelta(days=days))


PLANTS: Final[tuple[Callable[[Stranger, Line], None], ...]] = (
    _line_alone(BreakKind.MISSING_IN_BOOK, lambda _, paid: paid),
    _absent,
    _changed(
        BreakKind.AMOUNT_DIFFERS,
        lambda own, paid: replace(paid, amount_vnd=paid.amount_vnd + own.rng.choice((-1, 1, 5_000))),
    ),
    _status,
    _double,
    _double_here,
    _twice,
    _changed(BreakKind.REFERENCE_DIFFERS, lambda own, paid: replace(paid, ref=own.payment().ref)),
    _refund(BreakKind.REFUND_MISSING_AT_BANK, here=True, there=False),
    _refund(BreakKind.REFUND_MISSING_IN_BOOK, here=False, there=True),
    _refund(BreakKind.REFUND_AMOUNT_DIFFERS, here=True, there=True, gap_vnd=1_000),
    _refund(BreakKind.REFUND_WITHOUT_ORIGINAL, here=False, there=True, paid_too=False),
    _refund(BreakKind.REFUND_WITHOUT_ORIGINAL, here=True, there=True, paid_too=False),
    _reversed,
    _changed(
        BreakKind.FEE_DIFFERS,
        lambda own, paid: replace(paid, fee_vnd=(paid.fee_vnd or 0) + own.rng.choice((1, 500, 1_100))),
    ),
    _changed(BreakKind.OUT_OF_PERIOD, _far),
    _line_alone(BreakKind.UNIDENTIFIED_CREDIT, lambda _, paid: replace(paid, ref="")),
    _line_alone(BreakKind.UNIDENTIFIED_DEBIT, lambda _, paid: replace(paid, ref="", kind=Kind.REFUND, fee_vnd=0)),
)
