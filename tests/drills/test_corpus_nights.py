"""A month of lines through the real hub and its nights: every planted break is found and typed right, none besides.

Nights run on the banks' next working day, over a year end and Tết. At full size 30 days of 10,000 lines.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from paygw.hub.attempts import PayAsk, begin_attempt, record_session
from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.orders import applied
from paygw.hub.position import prove_position
from paygw.hub.quotes import FeeQuestion
from paygw.jobs.nightly import reconcile
from paygw.kernel.connector import Contact, FileKind, Notice, Session
from paygw.kernel.decide import VIETNAM, Landing
from paygw.kernel.evidence import Authority, PaymentSeen
from paygw.kernel.refs import private_id
from tests.db_fixtures import Database
from tests.drills.conftest import Figures
from tests.drills.kit.month import (
    ACCOUNTS,
    BANKS,
    BODIES,
    HOSTILE,
    LANDED,
    NET,
    BankDay,
    Change,
    Expected,
    Paid,
    days_around,
    moment,
    net_credit,
    next_of,
    plan,
    plant,
    settlement,
    statement,
    txn_of,
    with_settlement,
    working_day_after,
)
from tests.hub.test_position import planted
from tests.hub_fixtures import PORTAL, Clock, sandbox_bank

pytestmark = [pytest.mark.db, pytest.mark.drill, pytest.mark.timeout(5_400)]

_LINES = 10_000  # a day
_EACH = 60  # of every fault
_DAYS = 30
_LATE_DAYS = 10
_TOLD_TOGETHER = 50
_ONE_DONG = (("H:vcb:PAYGW", 1, "surplus"), ("U:free", -2, "shortage"))  # both on one receipt: one over, then one short
_LANDINGS = {
    NET: Landing(account=ACCOUNTS[NET], holder="KBNN"),
    LANDED: Landing(home="account", account=ACCOUNTS[LANDED], holder="KBNN"),
}
_SAME = ("ledger", "evidence", "receipts", "settlement_lines", "settlements", "movements", "breaks", "break_notes",
         "minutes", "cases", "deliveries", "bank_files", "file_lines", "night_readings")  # fmt: skip


@pytest.fixture
def five(hub: Hub) -> Hub:
    """The hub with its five banks, three of which pass lines on directly; files are given, never asked for."""
    banks = {}
    for name in BANKS:
        bank = sandbox_bank(name, landing=_LANDINGS.get(name))
        banks[name] = replace(bank, connector=replace(bank.connector, fetch_file=None))
    hub.registry_holder.now = replace(hub.registry, banks=banks)
    return hub


@dataclass(frozen=True, slots=True)
class Draw:
    """What chance says of one payment."""

    bank: str
    body: str
    copies: int
    txn: str
    at: datetime


@dataclass(slots=True)
class Month:
    """The month as it goes by: what the banks did, what must be found, files for the nights."""

    hub: Hub
    clock: Clock
    folder: Path
    rng: random.Random
    changes: Mapping[tuple[date, str], Sequence[Change]]
    files: dict[tuple[date, str], dict[FileKind, Path]] = field(default_factory=dict)
    expected: Counter[Expected] = field(default_factory=Counter)
    carried: dict[str, list[Paid]] = field(default_factory=dict)
    balances_vnd: dict[str, int] = field(default_factory=dict)
    hostile: dict[tuple[date, str], Callable[[str], bytes]] = field(default_factory=dict)
    unpaid: list[BankDay] = field(default_factory=list)  # of the collector, oldest first
    late: list[tuple[date, str, str]] = field(default_factory=list)
    lines: int = 0

    async def pay(self, day: date, count: int) -> None:
        """A day at the five banks, `count` payments in all."""
        self.clock.now = datetime(day.year, day.month, day.day, 8, tzinfo=VIETNAM)
        due = working_day_after(day)
        days = {bank: BankDay(bank, day, due, extra=self.carried.pop(bank, [])) for bank in BANKS}
        wide = asyncio.Semaphore(10)
        drawn = [self._draw(day, number) for number in range(count)]
        made = await asyncio.gather(*(self._ordered(day, number, one, wide) for number, one in enumerate(drawn)))
        orders = {paid.ref: order_id for order_id, _, paid in made}
        for _, bank, paid in made:
            days[bank].paid.append(paid)
        for bank, one in days.items():
            plant(one, self.changes.get((day, bank), ()), self.rng)
            self.carried[bank] = one.carried
            self.expected += one.expected
        await asyncio.gather(*(self._tell(one) for one in days.values()))
        heard = [orders[paid.ref] for one in days.values() for paid in one.paid if paid.heard and paid.applied]
        await asyncio.gather(*(self._apply(order_id, wide) for order_id in heard))
        for bank, one in days.items():
            self._write(one)
            self.unpaid += [one] if bank == NET else []
            self.late += [(day, bank, orders[paid.ref]) for paid in one.paid if not paid.heard]

    def _draw(self, day: date, number: int) -> Draw:
        bank = BANKS[number % len(BANKS)]
        return Draw(
            bank, self.rng.choice(BODIES), self.rng.randrange(1, 90), txn_of(self.rng, bank), moment(day, self.rng)
        )

    async def _ordered(self, day: date, number: int, drawn: Draw, wide: asyncio.Semaphore) -> tuple[str, str, Paid]:
        bank, body, reference = drawn.bank, drawn.body, f"HS-{day:%y%m%d}-{number}"
        facts = {"birth_date": "1990-05-20", "copies": drawn.copies}
        question = FeeQuestion(procedure="2.000488", as_of="2026-11-23", facts=facts)
        line = LineAsk(dossier_code=f"H26-{reference}", collecting_body=body, question=question)
        ask = OrderAsk(reference=reference, lines=(line,), return_url="https://dvc.example.vn/back")
        answer = await create_order(self.hub, PORTAL, ask, key=reference)
        order_id = private_id("ord", msgspec.json.decode(answer.body)["id"])
        assert order_id is not None
        pay = PayAsk(
            order_id=order_id,
            bank=self.hub.registry.banks[bank],
            method="wallet",
            payer_ip="127.0.0.1",
            locale="vi",
            return_url="http://hub/back",
        )
        async with wide:
            begun = await begin_attempt(self.hub, pay)
            session = Session(contact=Contact.SUCCEEDED, redirect_url="http://bank/")
            attempt = await record_session(self.hub, begun.attempt, session)
        paid = Paid(
            ref=attempt.ref,
            txn=drawn.txn,
            amount_vnd=attempt.amount_vnd,
            at=drawn.at,
            memo=attempt.ref,
            reference=reference,
        )
        return order_id, bank, paid

    async def _tell(self, day: BankDay) -> None:
        """The bank's notices, many payments each."""
        heard = [one for one in day.paid if one.heard]
        for first in range(0, len(heard), _TOLD_TOGETHER):
            evidence = tuple(
                PaymentSeen(
                    attempt_ref=one.ref,
                    bank_txn_id=one.txn,
                    amount_vnd=one.amount_vnd,
                    occurred_at=one.at,
                    merchant="PAYGW",
                    account=ACCOUNTS.get(day.bank, ""),
                )
                for one in heard[first : first + _TOLD_TOGETHER]
            )
            notice = Notice(evidence=evidence, authority=Authority.NOTICE)
            await credit(self.hub, self.hub.registry.banks[day.bank], notice, Message())

    async def _apply(self, order_id: str, wide: asyncio.Semaphore) -> None:
        async with wide:
            await applied(self.hub, order_id, portal_id=PORTAL.id)

    def _write(self, day: BankDay) -> None:
        given = self.files[day.day, day.bank] = {}
        if day.bank != LANDED:
            given["settlement"] = self._file(day, "settlement", settlement(day))
        if day.bank in ACCOUNTS:
            credited = net_credit(self._settling(day.day), day.day) if day.bank == NET else day.lines
            text, closing_vnd = statement(day, credited, self.balances_vnd.get(day.bank, 0))
            self.balances_vnd[day.bank] = closing_vnd
            given["statement"] = self._file(day, "statement", text)
        self.lines += len(day.lines)

    def _settling(self, day: date) -> list[BankDay]:
        """The collector's days that settle on a day."""
        now = [one for one in self.unpaid if one.settled_on <= day]
        self.unpaid = [one for one in self.unpaid if one.settled_on > day]
        return now

    def _file(self, day: BankDay, kind: str, text: str) -> Path:
        path = self.folder / f"{day.bank}-{day.day}-{kind}.csv"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    async def nights(self, days: Sequence[date]) -> None:
        """The nights of these days, five banks at a time."""
        for day in days:
            done = await asyncio.gather(*(self.night(day, bank) for bank in BANKS))
            assert {one["status"] for one in done} == {"done"}, done

    async def first_nights(self, days: Sequence[date]) -> None:
        """The same, for the first time: hostile files come first, and what portals only now hear of they apply."""
        for key in [key for key in self.hostile if key[0] in days]:
            await self._hostile_night(*key)
        await self.nights(days)
        late = [paid for paid in self.late if paid[0] in days]
        for day, bank, order_id in late:
            await applied(self.hub, order_id, portal_id=PORTAL.id)
            await self.night(day, bank)

    async def _hostile_night(self, day: date, bank: str) -> None:
        """A file nobody may believe leaves the night waiting, and moves nothing."""
        for kind, path in self.files[day, bank].items():
            bad = path.with_suffix(".bad")
            bad.write_bytes(self.hostile[day, bank](path.read_text(encoding="utf-8")))
            done = await reconcile(self.hub, bank, day, files={**self.files[day, bank], kind: bad})
            assert (done["status"], done["steps"]) == ("waiting", {}), done
            self.expected["control_total_differs", bank, kind, "resolved"] += 1

    async def night(self, day: date, bank: str) -> dict[str, Any]:
        """One bank's night."""
        return await reconcile(self.hub, bank, day, files=self.files[day, bank])

    async def proven(self) -> None:
        """Held is owed to the đồng, and every invariant holds."""
        proof = await prove_position(self.hub)
        assert (proof["differences"], proof["violations"]) == ([], [])

    async def found(self) -> Counter[Expected]:
        """The breaks as the plants name them."""
        by_txn = {"unapplied_overdue", "unidentified_credit", "unidentified_debit"}
        async with self.hub.pool.acquire() as connection:
            rows = await connection.fetch("SELECT kind, bank, ref, bank_txn_id, status, automatic FROM breaks")
        return Counter(
            (row["kind"], row["bank"], row["bank_txn_id"] if row["kind"] in by_txn else row["ref"], row["status"])
            for row in rows
        )

    async def state(self) -> dict[str, Any]:
        """How many rows everything has that a night may write; contents by their sums."""
        async with self.hub.pool.acquire() as connection:
            counts = {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in _SAME}  # noqa: S608 - names above
            ledger = await connection.fetch("SELECT account, sum(amount_vnd) FROM ledger GROUP BY 1 ORDER BY 1")
            minutes = await connection.fetch("SELECT bank, day, no, content_hash FROM minutes ORDER BY 1, 2, 3")
            breaks = await connection.fetch("SELECT key, status, automatic FROM breaks ORDER BY key")
        return {
            **counts,
            "sums": [*map(tuple, ledger)],
            "minutes": [*map(tuple, minutes)],
            "breaks": [*map(tuple, breaks)],
        }


def morning(day: date) -> datetime:
    """When the nights run."""
    return datetime(day.year, day.month, day.day, 10, tzinfo=VIETNAM)


async def go_by(month: Month, database: Database, busy: Sequence[date], count: int) -> Mapping[str, float]:
    """Every day is paid, and reconciled on the banks' next working day; how long what took."""
    days = with_settlement(busy)
    took: dict[str, float] = defaultdict(float)
    waiting: list[date] = []
    for day in days:
        began = time.monotonic()
        await month.pay(day, count if day in busy else 0)
        took["pay_s"] += time.monotonic() - began
        if day == days[0]:
            await _analyzed(database)
        waiting.append(day)
        due = working_day_after(day)
        if due == next_of(day) or next_of(day) not in days:
            month.clock.now, began = morning(due), time.monotonic()
            await month.first_nights(waiting)
            waiting.clear()
            took["nights_s"] += time.monotonic() - began
            began = time.monotonic()
            await month.proven()
            took["proofs_s"] += time.monotonic() - began
    return took


async def _analyzed(database: Database) -> None:
    """What the server does by itself within a minute: a month in minutes is faster than that."""
    connection = await asyncpg.connect(**database.owner.connect_args())
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def test_a_month_of_nights(
    five: Hub, database: Database, scaled: Callable[..., int], tmp_path: Path, figures: Figures
) -> None:
    clock = five.clock
    assert isinstance(clock, Clock)
    rng = random.Random(20_270_206)  # noqa: S311 - the same seed gives the same month
    days, each = days_around(min(_DAYS, scaled(400, least=8))), scaled(_EACH, least=2)
    month = Month(five, clock, tmp_path, rng, plan(days, each=each, rng=rng))
    places = rng.sample(sorted(month.changes), k=min(each * 2, len(month.changes)))
    month.hostile = {place: HOSTILE[n % len(HOSTILE)] for n, place in enumerate(places)}

    took = dict(await go_by(month, database, days, scaled(_LINES, least=100)))
    days = with_settlement(days)
    clock.now = morning(working_day_after(days[-1], _LATE_DAYS))  # everything that is overdue is overdue by now
    began = time.monotonic()
    await month.nights(days)
    took["late_look_s"] = time.monotonic() - began

    found = await month.found()
    assert (sorted((found - month.expected).elements()), sorted((month.expected - found).elements())) == ([], [])
    before = await month.state()
    began = time.monotonic()
    await month.nights(days)
    took["again_s"] = time.monotonic() - began
    assert await month.state() == before
    for number, (account, vnd, kind) in enumerate(_ONE_DONG):
        await planted(database, account, vnd, key=f"planted-{number}")
        proof = await prove_position(five)
        assert [(one["kind"], one["amount_vnd"]) for one in proof["differences"]] == [(kind, 1)]
    kinds = Counter(kind for kind, *_ in month.expected.elements())
    figures(
        days=len(days),
        lines=month.lines,
        planted=dict(sorted(kinds.items())),
        hostile_files=len(places),
        **{name: round(value, 1) for name, value in took.items()},
    )
