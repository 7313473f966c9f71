"""A month of five banks and twenty collecting bodies: paid through the hub, told of by files with planted faults.

Three banks pass every line on to the body it belongs to (direct settlement, six of ten payments); one collects for the
treasury and credits the net of its fees; of one the money lands on an account at once. What each plant must come to is
written down beside it, as (kind, name, how it ends).
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final, Literal

from paygw.hub.days import calendar_of
from paygw.kernel.calendar import is_working
from paygw.kernel.decide import VIETNAM

Ends = Literal["open", "resolved"]
Expected = tuple[str, str, str, Ends]  # kind, bank, name, how it ends

DIRECT: Final = ("vcb", "bidv", "ctg")
NET: Final = "mb"
LANDED: Final = "tcb"
BANKS: Final = (*DIRECT, NET, LANDED)
BODIES: Final = tuple(f"CQ{number:02d}.99" for number in range(1, 21))
MIDDLES: Final = (date(2027, 1, 1), date(2027, 2, 6))  # the new year, and Tết
ACCOUNTS: Final = {NET: "0011004567", LANDED: "1903550001"}
FEE_VND: Final = 1_100


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """One payment as the bank has it; `heard` if the hub was told before the file, `told` if its day's file tells."""

    ref: str
    txn: str
    amount_vnd: int
    at: datetime
    memo: str = ""
    kind: str = "payment"
    status: str = "succeeded"
    heard: bool = True
    told: bool = True
    reference: str = ""  # the portal's, of the order it pays
    applied: bool = True  # by the portal: at once, or when the night has told it

    @property
    def fee_vnd(self) -> int:
        """What the provider takes."""
        return FEE_VND if self.kind == "payment" else 0


@dataclass(slots=True)
class BankDay:
    """What a bank did in a day: its payments, lines besides them, and what its account saw besides."""

    bank: str
    day: date
    settled_on: date
    paid: list[Paid] = field(default_factory=list)
    extra: list[Paid] = field(default_factory=list)
    strangers: list[Paid] = field(default_factory=list)
    carried: list[Paid] = field(default_factory=list)  # told by the next day's file
    gap_vnd: int = 0
    expected: Counter[Expected] = field(default_factory=Counter)

    @property
    def lines(self) -> list[Paid]:
        """What the settlement tells, in order of time."""
        return sorted((one for one in (*self.paid, *self.extra) if one.told), key=lambda one: (one.at, one.txn))

    def expect(self, kind: str, name: str, ends: Ends) -> None:
        """Write down what must be found."""
        self.expected[kind, self.bank, name, ends] += 1


def days_around(count: int) -> tuple[date, ...]:
    """So many days, half of them around the new year and half around Tết."""
    half = count // 2
    return tuple(middle + timedelta(days=n - half // 2) for middle in MIDDLES for n in range(half))


def with_settlement(days: Sequence[date]) -> tuple[date, ...]:
    """These days, and after each row of them the days until the last of it is settled."""
    last = {working_day_after(day) for day in days}
    between = {day + timedelta(days=n) for day in days for n in range((working_day_after(day) - day).days)}
    return tuple(sorted({*days, *last, *between}))


def moment(day: date, rng: random.Random) -> datetime:
    """Some second of a day, away from midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + timedelta(seconds=rng.randrange(1_800, 84_000))


def txn_of(rng: random.Random, bank: str) -> str:
    """A bank's own reference."""
    return f"{bank.upper()}{rng.randrange(10**12):012d}"


def settlement(day: BankDay) -> str:
    """The provider's file, in the sandbox's form."""
    settled_on = day.settled_on
    rows = [
        (one.ref, one.txn, one.kind, one.amount_vnd, one.fee_vnd, one.status, one.at.isoformat(), settled_on)
        for one in day.lines
    ]
    amounts_vnd, fees_vnd = sum(row[3] for row in rows), sum(row[4] for row in rows)
    head = ("ref", "bank_txn_id", "kind", "amount_vnd", "fee_vnd", "status", "occurred_at", "settled_on")
    return _csv([head, *rows, ("TRAILER", len(rows), "", amounts_vnd, fees_vnd, "", "", settled_on)])


def statement(day: BankDay, credited: Iterable[Paid], opening_vnd: int) -> tuple[str, int]:
    """The account's statement and its closing balance."""
    account, balance_vnd = ACCOUNTS[day.bank], opening_vnd
    rows = []
    for one in sorted((*credited, *day.strangers), key=lambda one: (one.at, one.txn)):
        credit = one.kind == "payment"
        balance_vnd += one.amount_vnd if credit else -one.amount_vnd
        way = "credit" if credit else "debit"
        rows.append((account, one.txn, way, one.amount_vnd, balance_vnd, one.at.isoformat(), one.ref, one.memo))
    total_vnd = sum(row[3] for row in rows)
    head = ("account", "bank_txn_id", "direction", "amount_vnd", "balance_vnd", "booked_at", "ref", "memo")
    trailer = ("TRAILER", len(rows), "", total_vnd, balance_vnd, day.day, opening_vnd, "")
    return _csv([head, *rows, trailer]), balance_vnd


def net_credit(due: Sequence[BankDay], day: date) -> list[Paid]:
    """What the collector pays for the days that settle now: one sum less its fees, in the afternoon."""
    sign = {"payment": 1, "refund": -1, "reversal": -1}
    moved = [line for one in due for line in one.lines if line.status == "succeeded"]
    net_vnd = sum(sign[line.kind] * line.amount_vnd - line.fee_vnd for line in moved)
    at = datetime(day.year, day.month, day.day, 16, tzinfo=VIETNAM)
    name = f"QT{day:%Y%m%d}"
    gap_vnd = sum(one.gap_vnd for one in due)
    return [Paid(ref=name, txn=name, amount_vnd=net_vnd + gap_vnd, at=at)] if net_vnd else []


def _csv(rows: Iterable[Sequence[object]]) -> str:
    return "".join(",".join(str(cell) for cell in row) + "\r\n" for row in rows)


def plan(days: Sequence[date], *, each: int, rng: random.Random) -> Mapping[tuple[date, str], Sequence["Change"]]:
    """Which faults, `each` times each, and as often what must not be taken for one, are planted in which bank's day."""
    found: dict[tuple[date, str], list[Change]] = {(day, bank): [] for day in days for bank in BANKS}
    for change, banks in (*PLANTS.items(), *NOISE.items()):
        places = [key for key in found if key[1] in banks and _fits(change, key[0], days)]
        for key in rng.sample(places, min(each, len(places))) + rng.choices(places, k=max(0, each - len(places))):
            found[key].append(change)
    return found


def _fits(change: "Change", day: date, days: Sequence[date]) -> bool:
    """What goes over midnight needs a next day; a credit that is short, a day that settles alone."""
    if change is over_midnight:
        return next_of(day) in days
    alone = sum(working_day_after(one) == working_day_after(day) for one in days) == 1
    return change is not short_credit or alone


def working_day_after(day: date, count: int = 1) -> date:
    """The banks' next working day, or a later one."""
    while count:
        day = next_of(day)
        count -= is_working(calendar_of("bank"), day)
    return day


def next_of(day: date) -> date:
    """The day after."""
    return day + timedelta(days=1)


def plant(day: BankDay, changes: Sequence["Change"], rng: random.Random) -> None:
    """Make a day's faults, each in a payment of its own."""
    for change, at in zip(changes, rng.sample(range(len(day.paid)), len(day.paid)), strict=False):
        change(day, at, rng)


def silent(day: BankDay, at: int, rng: random.Random) -> None:
    """The notice was lost; the file proves the payment, and its portal applies it when the night has told it so."""
    del rng
    day.paid[at] = replace(day.paid[at], heard=False)
    day.expect("status_differs", day.paid[at].ref, "resolved")
    day.expect("not_applied_at_portal", day.paid[at].reference, "resolved")


def unapplied(day: BankDay, at: int, rng: random.Random) -> None:
    """Its portal never applies what was paid."""
    del rng
    day.paid[at] = replace(day.paid[at], applied=False)
    day.expect("not_applied_at_portal", day.paid[at].reference, "open")


def unbooked(day: BankDay, at: int, rng: random.Random) -> None:
    """A payment under a reference that is nobody's: booked, and unapplied until somebody names it."""
    one = replace(day.paid[at], ref=f"KHAC{rng.randrange(10**9):09d}", txn=txn_of(rng, day.bank), memo="chuyen tien")
    day.extra.append(one)
    day.expect("missing_in_book", one.ref, "resolved")
    day.expect("unapplied_overdue", one.txn, "open")


def untold(day: BankDay, at: int, rng: random.Random) -> None:
    """Heard, and in no file."""
    del rng
    day.paid[at] = replace(day.paid[at], told=False)
    day.expect("missing_at_bank", day.paid[at].ref, "open")


def other_amount(day: BankDay, at: int, rng: random.Random) -> None:
    """The file has one đồng more or less than the notice said."""
    one = day.paid[at]
    day.paid[at] = replace(one, told=False)
    day.extra.append(replace(one, amount_vnd=one.amount_vnd + rng.choice((-1, 1)), heard=True))
    day.expect("amount_differs", one.ref, "open")
    day.expect("evidence_conflict", one.ref, "open")


def twice(day: BankDay, at: int, rng: random.Random) -> None:
    """Paid again ten minutes later by another transaction."""
    one = day.paid[at]
    second = replace(one, txn=txn_of(rng, day.bank), at=one.at + timedelta(minutes=10))
    day.extra.append(second)
    day.expect("paid_twice", one.ref, "open")
    day.expect("unapplied_overdue", second.txn, "open")


def doubled(day: BankDay, at: int, rng: random.Random) -> None:
    """One line stands in the file twice."""
    del rng
    day.extra.append(day.paid[at])
    day.expect("duplicate_at_bank", day.paid[at].ref, "open")


def other_reference(day: BankDay, at: int, rng: random.Random) -> None:
    """The file has the same transaction under another reference."""
    one = day.paid[at]
    day.paid[at] = replace(one, told=False)
    day.extra.append(replace(one, ref=f"LECH{rng.randrange(10**9):09d}"))
    day.expect("reference_differs", one.ref, "open")


def unknown_refund(day: BankDay, at: int, rng: random.Random) -> None:
    """The bank gave back what nobody asked it to."""
    one = day.paid[at]
    refund = replace(one, kind="refund", ref=f"HOAN{rng.randrange(10**9):09d}", txn=txn_of(rng, day.bank))
    day.extra.append(refund)
    day.expect("refund_missing_in_book", refund.ref, "open")


def taken_back(day: BankDay, at: int, rng: random.Random) -> None:
    """The bank took a payment back; the file proves that."""
    del rng
    one = day.paid[at]
    day.extra.append(replace(one, kind="reversal", at=one.at + timedelta(minutes=30)))
    day.expect("reversal_unknown", one.ref, "resolved")


def short_credit(day: BankDay, at: int, rng: random.Random) -> None:
    """The net credit is one đồng off."""
    del at
    if not day.gap_vnd:
        day.gap_vnd = rng.choice((-1, 1))
        day.expect("net_total_differs", day.day.isoformat(), "open")


def stranger_credit(day: BankDay, at: int, rng: random.Random) -> None:
    """Money on the account that nobody knows."""
    one = replace(day.paid[at], ref="", txn=txn_of(rng, day.bank), amount_vnd=rng.randrange(1, 900), memo="khong ro")
    day.strangers.append(one)
    day.expect("unidentified_credit", one.txn, "open")


def stranger_debit(day: BankDay, at: int, rng: random.Random) -> None:
    """Money off the account that nobody ordered."""
    one = replace(day.paid[at], ref="", txn=txn_of(rng, day.bank), amount_vnd=rng.randrange(1, 900), kind="debit")
    day.strangers.append(replace(one, memo="phi"))
    day.expect("unidentified_debit", one.txn, "open")


def over_midnight(day: BankDay, at: int, rng: random.Random) -> None:
    """Paid two seconds before midnight: the bank tells of it in the next day's file."""
    one = day.paid[at]
    late = datetime(day.day.year, day.day.month, day.day.day, 23, 59, 58, tzinfo=VIETNAM)
    day.paid[at] = replace(one, at=late, told=False)
    day.carried.append(replace(one, at=late + timedelta(seconds=rng.randrange(3, 30))))


def failed(day: BankDay, at: int, rng: random.Random) -> None:
    """A try that came to nothing, as the file says too."""
    one = day.paid[at]
    day.extra.append(replace(one, ref=f"HONG{rng.randrange(10**9):09d}", txn=txn_of(rng, day.bank), status="failed"))


Change = Callable[[BankDay, int, random.Random], None]
PLANTS: Final[Mapping[Change, tuple[str, ...]]] = {
    silent: BANKS,
    unapplied: BANKS,
    unbooked: (*DIRECT, NET),
    untold: (*DIRECT, NET),
    other_amount: DIRECT,
    twice: (*DIRECT, NET),
    doubled: DIRECT,
    other_reference: DIRECT,
    unknown_refund: DIRECT,
    taken_back: DIRECT,
    short_credit: (NET,),
    stranger_credit: (NET,),
    stranger_debit: (NET, LANDED),
}
NOISE: Final[Mapping[Change, tuple[str, ...]]] = {over_midnight: BANKS, failed: (*DIRECT, NET)}


def cut_off(text: str) -> bytes:
    """Without its last hundred bytes."""
    return text.encode()[:-100]


def another_total(text: str) -> bytes:
    """A trailer that is one line short."""
    *lines, trailer = text.splitlines()
    cells = trailer.split(",")
    cells[1] = str(int(cells[1]) - 1)
    return "\r\n".join([*lines, ",".join(cells), ""]).encode()


def thousands(text: str) -> bytes:
    """An amount with a mark of thousands."""
    head, first, *lines = text.splitlines()
    cells = first.split(",")
    cells[3] = f"{int(cells[3]) // 1_000}.{int(cells[3]) % 1_000:03d}"
    return "\r\n".join([head, ",".join(cells), *lines, ""]).encode()


def garbage(text: str) -> bytes:
    """Bytes of another encoding."""
    return text.encode("utf-16")


HOSTILE: Final[tuple[Callable[[str], bytes], ...]] = (cut_off, another_total, thousands, garbage)
