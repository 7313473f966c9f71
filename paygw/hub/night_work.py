"""What a night does to the books: lines told as evidence, posted as settlement, batches closed, news sent again."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

from asyncpg import Connection

from paygw.hub import callbacks
from paygw.hub.accounts import MovementAsk, record_movement
from paygw.hub.breaks import Found, close_gone, close_keys, keep_breaks
from paygw.hub.credit import Message, credit
from paygw.hub.days import calendar_of, local_day
from paygw.hub.file_lines import Reading, line_evidence, line_id
from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.settlement import LineAsk, settle_line
from paygw.hub.statements import CreditLine, read_statement
from paygw.hub.watching import watch_records
from paygw.kernel.calendar import is_working
from paygw.kernel.connector import Notice
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority
from paygw.kernel.posting import h_bank
from paygw.kernel.refs import public_id
from paygw.kernel.settlement import Destination
from paygw.store import night_book as book
from paygw.store.breaks import open_days
from paygw.store.night_credits import held_names, tied_names
from paygw.store.nights import LineRead
from paygw.store.position import AccountDay, account_days
from paygw.store.settlement import settled_names

OLD_DAYS: Final = 2  # working days after which what no file has told is asked for: T+2
STALE_DAYS: Final = 5  # working days after which unapplied money is proposed for refund
_LOOK_BACK_DAYS: Final = 60
_MONEY: Final = frozenset({"succeeded", "reversed"})
_COMPARED: Final = frozenset({"payment", "refund", "reversal"})  # with the book, where money lands on an account
WATCHED: Final = ("account_day_differs", "unidentified_credit", "unidentified_debit")

Figures = dict[str, int | str]
Lines = Sequence[LineRead]


async def repair(hub: Hub, bank: Bank, lines: Iterable[LineRead]) -> Figures:
    """Tell lines to the one credit function: the provider's file is evidence of its own authority."""
    verdicts: Figures = {}
    for line in lines:
        if line.status not in _MONEY:
            continue
        async with hub.pool.acquire() as connection:
            item = await line_evidence(connection, line)
        notice = Notice(evidence=(item,), authority=Authority.SETTLEMENT)
        verdict = (await credit(hub, bank, notice, Message())).value
        verdicts[verdict] = int(verdicts.get(verdict, 0)) + 1
    return verdicts


async def read_account_day(hub: Hub, bank: Bank, day: date, lines: Iterable[LineRead]) -> Figures:
    """Money that lands on an account: its statement is read whole, the last word on which transfers there were."""
    credited = [
        CreditLine(
            id=line_id(line),
            reference=line.bank_txn_id or None,
            amount_vnd=line.amount_vnd,
            occurred_at=line.occurred_at,
            memo=line.memo,
            virtual_account=line.virtual_account,
        )
        for line in lines
        if line.direction == "credit" and line.movement == "payment"
    ]
    read = await read_statement(hub, bank.landing.account, day, credited)
    return {"booked": read.booked, "named": read.named, "doubted": read.doubted, "waiting": read.waiting}


async def settle_day(hub: Hub, bank: Bank, day: date, read: Reading) -> Figures:
    """Post every line of the settlement once; each names its place for ever.

    The first reading of a day is batch `D`, one of other statements that came later adds its new lines as `D.2`, ...
    """
    if bank.landing.home != "provider":
        return {"skipped": "money of this bank lands on an account at once"}
    async with hub.pool.acquire() as connection:
        before = await settled_names(connection, bank.id, day.isoformat())
    batch = day.isoformat() if read.number <= 1 else f"{day.isoformat()}.{read.number}"
    counts: Figures = {"settled": 0, "known": 0, "evidence_only": 0, "homeless": 0}
    for line in read.lines:
        name = _line_name(line)
        if line.status not in _MONEY:
            continue
        if name in before:
            counts["known"] = int(counts["known"]) + 1
            continue
        async with hub.pool.acquire() as connection:
            item = await line_evidence(connection, line)
            to = await _destination(hub, connection, bank, line)
        if to is None:
            counts["homeless"] = int(counts["homeless"]) + 1
            continue
        ask = LineAsk(batch=batch, line=name, item=item, to=to, fee_vnd=line.fee_vnd or 0, settled_on=line.settled_on)
        outcome = await settle_line(hub, bank, ask)
        counts[outcome] = int(counts[outcome]) + 1
    return counts


async def foresee_day(hub: Hub, bank: Bank, day: date, lines: Lines) -> Figures:
    """What `settle_day` would post, were the lines all told as evidence; writes nothing."""
    if bank.landing.home != "provider":
        return {"to_settle": 0}
    async with hub.pool.acquire() as connection:
        before = await settled_names(connection, bank.id, day.isoformat())
    money = [line for line in lines if line.status in _MONEY]
    new = {_line_name(line): line for line in money if _line_name(line) not in before}
    signed = (line.amount_vnd if line.direction == "credit" else -line.amount_vnd for line in new.values())
    return {"to_settle": len(new), "to_settle_vnd": sum(signed), "known": len({*map(_line_name, money)} & before)}


def _line_name(line: LineRead) -> str:
    return f"{line.movement}:{line.bank_txn_id or line.ref}:{line.status}"


async def _destination(hub: Hub, connection: Connection, bank: Bank, line: LineRead) -> Destination | None:
    """Our account (custody); in routing the holder that was configured, or the body the order pays.

    None where nobody can be named: money without an order stays with the provider until two persons identify it.
    """
    if hub.settings.funds == "custody":
        return Destination(account=bank.landing.account) if bank.landing.account else None
    if bank.landing.holder:
        return Destination(account=bank.landing.account, holder=bank.landing.holder)
    ref = line.ref if line.movement != "refund" else await book.attempt_of_refund(connection, line.ref)
    body = await book.body_of_attempt(connection, bank.id, ref) if ref else None
    return Destination(holder=f"retained@{body}") if body else None


async def watch_day(
    hub: Hub, bank: Bank, day: date, lines: Lines, stated: Lines, *, matched: Sequence[Found]
) -> Figures:
    """What is overdue or does not add up: untold money, unapplied money, days, lines nobody claims.

    `matched` are the breaks that matching found: those of the kinds watched here stay open.
    """
    today = local_day(hub.clock())
    opened = await _watch_untold(hub, bank, day, working_days_before(today, OLD_DAYS))
    opened += await watch_records(hub, bank, owed_until=working_days_before(today, STALE_DAYS))
    async with hub.pool.acquire() as connection:
        stale = await book.stale_unapplied(connection, bank.id, working_days_before(today, STALE_DAYS))
        days = await account_days(connection, bank=bank.id, day=day)
        rows = await book.book_around(connection, bank.id, day)
        tied = await tied_names(connection, bank.id, day) | await held_names(connection, bank.id, day)
        before = await open_days(connection, bank.id, "account_day_differs")
        even = [of_day for of_day in before if of_day != day and not any(
            map(_differs, await account_days(connection, bank=bank.id, day=of_day)))]  # fmt: skip
    for one in stale:
        late = Found(
            kind="unapplied_overdue",
            subject=one.subject,
            detail=f"unapplied since {one.day} ({one.reason or 'no order'}): refund, order or treasury",
            bank_txn_id=one.bank_txn_id,
            book_amount_vnd=one.amount_vnd,
        )
        opened += await hub.transact(partial(keep_breaks, hub, bank=bank.id, day=one.day, found=[late]))
    known = {line.bank_txn_id for line in lines} | {name for row in rows for name in (row.bank_txn_id, *row.aliases)}
    strange = [line for line in stated if line.bank_txn_id not in known - {""} and line_id(line) not in tied]
    found = [one for one in matched if one.kind in WATCHED]
    on_account = bank.landing.home == "account"
    found += [_unclaimed(line) for line in strange if not (on_account and line.movement in _COMPARED)]
    for debit in (line for line in strange if line.direction == "debit"):
        await _book_debit(hub, bank, debit)
    found += [_uneven(one) for one in days if _differs(one)]
    opened += await hub.transact(partial(_keep, hub, bank.id, day, found, WATCHED))
    keys = [Found(kind="account_day_differs", subject="day", detail="").key(bank.id, of_day) for of_day in even]
    await hub.transact(partial(close_keys, hub, keys=keys))
    return {"opened": opened, "stale": len(stale), "unclaimed": len(found)}


def _unclaimed(line: LineRead) -> Found:
    credit_line = line.direction == "credit"
    return Found(
        kind="unidentified_credit" if credit_line else "unidentified_debit",
        subject=line_id(line),
        detail="a line of the statement that neither the provider's file nor the book knows",
        ref=line.ref,
        bank_txn_id=line.bank_txn_id,
        statement_amount_vnd=line.amount_vnd,
    )


def _differs(even: AccountDay) -> bool:
    return even.receipts_vnd != even.credits_vnd


def _uneven(even: AccountDay) -> Found:
    return Found(
        kind="account_day_differs",
        subject="day",
        detail=f"{even.receipts} receipts here, {even.lines} credits on the statement",
        book_amount_vnd=even.receipts_vnd,
        statement_amount_vnd=even.credits_vnd,
    )


async def _book_debit(hub: Hub, bank: Bank, line: LineRead) -> None:
    """Row 21b: what left our own account unexplained stands on UBD until two persons solve it."""
    if hub.settings.funds == "custody" and bank.landing.account:
        ask = MovementAsk(
            event="unidentified_debit",
            key=f"{bank.landing.account}:{line_id(line)}",
            holding=h_bank(bank.landing.account),
            amount_vnd=line.amount_vnd,
        )
        await record_movement(hub, ask)


async def _watch_untold(hub: Hub, bank: Bank, day: date, until: date) -> int:
    """From T+2 on, what we have and no file has told; what a later file told is closed again."""
    async with hub.pool.acquire() as connection:
        missing = await book.untold(connection, bank.id, day, until)
        before = await open_days(connection, bank.id, "missing_at_bank")
    found: dict[date, list[Found]] = {known: [] for known in before}
    for one in missing:
        told = Found(
            kind="missing_at_bank",
            subject=one.subject,
            detail="booked here, in no settlement file of its day or since",
            ref=one.ref,
            bank_txn_id=one.bank_txn_id,
            book_amount_vnd=one.amount_vnd,
        )
        found.setdefault(one.day, []).append(told)
    opened = 0
    for of_day, several in sorted(found.items()):
        opened += await hub.transact(partial(_keep, hub, bank.id, of_day, several, ("missing_at_bank",)))
    return opened


async def resend_day(hub: Hub, bank: Bank, day: date) -> Figures:
    """A paid order its portal has not applied in time: a break, and the news goes out again, once."""
    before = hub.clock() - timedelta(seconds=hub.settings.portal_applies_s)
    async with hub.pool.acquire() as connection:
        orders = await book.unapplied_at_portals(connection, bank.id, day, before)
    sent = 0
    found = []
    for order in orders:
        one = Found(
            kind="not_applied_at_portal",
            subject=order.order_id,
            detail=f"portal {order.portal_id} has not applied this paid order",
            ref=order.reference,
            book_amount_vnd=order.amount_vnd,
        )
        found.append(one)
        sent += await hub.transact(partial(_resend, hub, bank.id, day, order.order_id, one))
    kinds = ("not_applied_at_portal",)
    await hub.transact(partial(close_gone, hub, bank=bank.id, day=day, kinds=kinds, found=found))
    return {"unapplied": len(orders), "sent": sent}


async def _resend(hub: Hub, bank: str, day: date, order_id: str, one: Found, connection: Connection) -> int:
    if not await keep_breaks(hub, connection, bank, day, [one]):
        return 0
    chosen = callbacks.selection(order=public_id("ord", order_id))
    return await callbacks.replay(hub.within(connection), chosen, principal="night")


async def _keep(
    hub: Hub, bank: str, day: date, found: list[Found], kinds: tuple[str, ...], connection: Connection
) -> int:
    opened = await keep_breaks(hub, connection, bank, day, found)
    await close_gone(hub, connection, bank, day, kinds=kinds, found=found)
    return opened


def working_days_before(day: date, count: int) -> date:
    """The day so many working days of the banks earlier; weekdays where the calendar of a year is not known."""
    calendar = calendar_of("bank")
    for _ in range(_LOOK_BACK_DAYS):
        if not count:
            break
        day -= timedelta(days=1)
        try:
            count -= is_working(calendar, day)
        except Refused:
            count -= 1
    return day
