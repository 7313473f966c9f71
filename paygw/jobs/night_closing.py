"""Row 16 in a night: each open batch against what the account was paid, line by line or in net credits of any day."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

from asyncpg import Connection

from paygw.hub.breaks import Found, close_gone, close_keys, keep_breaks
from paygw.hub.file_lines import line_id
from paygw.hub.hub import Hub
from paygw.hub.night_work import Figures, Lines
from paygw.hub.registry import Bank
from paygw.hub.settlement import close_batch
from paygw.kernel.words import format_vnd
from paygw.store import night_credits as store
from paygw.store.night_book import batches_of
from paygw.store.night_credits import BatchDue
from reconciliation.netting import Due, Lot, Paid, Tie, tie

KIND: Final = "net_total_differs"
_LOOK_BACK_DAYS: Final = 31


async def close_day(
    hub: Hub, bank: Bank, day: date, lines: Lines, stated: Lines | None, *, matched: Sequence[Found]
) -> Figures:
    """Close what the statement pays; fees billed apart are figures, not postings. No statement: nothing is closed.

    A statement that tells our payments one by one is compared whole with the batches of its day. Its other lines, and
    those of earlier statements that paid nothing, are net credits: of one batch or several, gross or net of fees.
    """
    figures: Figures = {"fees_vnd": sum(line.fee_vnd or 0 for line in lines), "matched": 0, "differs": 0}
    first = day - timedelta(days=_LOOK_BACK_DAYS)
    async with hub.pool.acquire() as connection:
        due = await store.batches_due(connection, bank.id, first, day)
    if stated is None or not (hub.settings.funds == "custody" or bank.landing.holder is not None):
        return figures | {"unclosed": sum(one.begins == day for one in due)}
    free, ours = await _credits(hub, bank, day, first, stated)
    itemised = any(line.bank_txn_id in ours for line in stated)
    own = [one for one in due if itemised and one.begins == day]
    found = [one for one in matched if one.kind == KIND]
    found += await _close_itemised(hub, bank, day, own, _sums(stated, ours), figures)
    async with hub.pool.acquire() as connection:
        read = await store.statement_days(connection, bank.id, first, day)
    ties = tie([_lot(one) for one in due if one not in own], free, day, read)
    ties = [one for one in ties if one.fits or not itemised]
    await _close_ties(hub, bank, [one for one in ties if one.fits], figures)
    by_day: dict[date, list[Found]] = defaultdict(list, {day: found})
    for one in ties:
        if not one.fits:
            by_day[one.lots[0].begins].append(await _differing(hub, bank, one, figures))
    paid = {lot.batch for one in ties if one.fits for lot in one.lots}
    wait = [one for one in due if one.begins == day and one not in own and one.batch not in paid]
    await hub.transact(partial(_keep, hub, bank.id, day, by_day, wait))
    return figures


async def _credits(hub: Hub, bank: Bank, day: date, first: date, stated: Lines) -> tuple[list[Paid], frozenset[str]]:
    """The lines that may be net credits, oldest first; and the transactions on them that are ours, one by one."""
    async with hub.pool.acquire() as connection:
        earlier = await store.untied_lines(connection, bank.id, first, day)
        tied = await store.tied_names(connection, bank.id, day)
        names = {one.name for one in earlier} | {line.bank_txn_id for line in stated}
        ours = await store.our_transactions(connection, bank.id, names - {""})
    today = [line for line in stated if line.bank_txn_id not in ours and line_id(line) not in tied]
    free = [Paid(day=one.day, name=one.name, amount_vnd=one.amount_vnd) for one in earlier if one.name not in ours]
    free += [Paid(day=day, name=line_id(line), amount_vnd=_signed(line.direction, line.amount_vnd)) for line in today]
    return free, frozenset(ours)


def _sums(stated: Lines, ours: frozenset[str]) -> tuple[int, int]:
    """What a statement that tells our payments one by one comes to: all of it, and those lines alone."""
    signed = [(line.bank_txn_id in ours, _signed(line.direction, line.amount_vnd)) for line in stated]
    return sum(vnd for _, vnd in signed), sum(vnd for own, vnd in signed if own)


async def _close_itemised(
    hub: Hub, bank: Bank, day: date, own: Iterable[BatchDue], sums: tuple[int, int], figures: Figures
) -> list[Found]:
    """The batches of a day whose statement tells every payment: its sum is theirs, gross or less their fees.

    Where it is not, our own lines are looked at alone: what nobody claims beside them is a break of its own.
    """
    whole_vnd, ours_vnd = sums
    found = []
    for one in own:
        async with hub.pool.acquire() as connection:
            closed = await batches_of(connection, bank.id, day)
        others_vnd = sum(other.net_vnd for other in closed if other.batch != one.batch)
        left_vnd = whole_vnd - others_vnd
        if left_vnd not in {one.gross_vnd, one.gross_vnd - one.fee_vnd} and ours_vnd - others_vnd == one.gross_vnd:
            left_vnd = one.gross_vnd
        netted = one.gross_vnd - one.fee_vnd == left_vnd and one.gross_vnd != left_vnd
        outcome = await close_batch(hub, bank, one.batch, fee_vnd=one.fee_vnd if netted else 0, net_vnd=left_vnd)
        figures[outcome] = int(figures[outcome]) + 1
        if outcome == "differs":
            found.append(_found(one.batch, one.lines, Due(gross_vnd=one.gross_vnd, fee_vnd=one.fee_vnd), left_vnd))
    return found


async def _close_ties(hub: Hub, bank: Bank, ties: Iterable[Tie], figures: Figures) -> None:
    for one in ties:
        await hub.transact(partial(_close_tie, hub, bank, one))
        figures["matched"] = int(figures["matched"]) + len(one.lots)


async def _close_tie(hub: Hub, bank: Bank, one: Tie, connection: Connection) -> None:
    """Batches with the credits that pay them, their breaks with them: all in one transaction."""
    netted = one.paid_vnd != one.due.gross_vnd
    for lot in one.lots:
        fee_vnd = lot.due.fee_vnd if netted else 0
        await close_batch(hub.within(connection), bank, lot.batch, fee_vnd=fee_vnd, net_vnd=lot.due.gross_vnd - fee_vnd)
    told = [(paid.day, paid.name, paid.amount_vnd) for paid in one.credits]
    await store.tie_credits(connection, bank.id, [lot.batch for lot in one.lots], told, hub.clock())
    keys = [_found(lot.batch, 0, lot.due, None).key(bank.id, lot.begins) for lot in one.lots]
    await close_keys(hub, connection, keys)


async def _differing(hub: Hub, bank: Bank, one: Tie, figures: Figures) -> Found:
    """A batch whose credits are not its sum: no money of it leaves. One without a credit is only told."""
    (lot,) = one.lots
    if one.credits:
        await close_batch(hub, bank, lot.batch, fee_vnd=0, net_vnd=one.paid_vnd)
    figures["differs"] = int(figures["differs"]) + 1
    return _found(lot.batch, lot.due.lines, lot.due, one.paid_vnd if one.credits else None)


async def _keep(
    hub: Hub, bank: str, day: date, by_day: dict[date, list[Found]], wait: Iterable[BatchDue], connection: Connection
) -> None:
    """Open what differs; close what no longer does. What a later night said of a batch that waits here still stands."""
    for of_day, found in sorted(by_day.items()):
        await keep_breaks(hub, connection, bank, of_day, found)
    still = [*by_day[day], *(_found(one.batch, one.lines, _lot(one).due, None) for one in wait)]
    await close_gone(hub, connection, bank, day, kinds=(KIND,), found=still)


def _found(batch: str, lines: int, due: Due, paid_vnd: int | None) -> Found:
    came = "no credit of it came" if paid_vnd is None else f"the account was paid {format_vnd(paid_vnd)}"
    sums = f"{lines} lines come to {format_vnd(due.gross_vnd)}, fees {format_vnd(due.fee_vnd)}"
    return Found(
        kind=KIND,
        subject=batch,
        detail=f"batch {batch}: {sums}; {came}. Nothing of it is paid out.",
        ref=batch,
        book_amount_vnd=due.gross_vnd,
        statement_amount_vnd=paid_vnd,
    )


def _lot(one: BatchDue) -> Lot:
    due = Due(gross_vnd=one.gross_vnd, fee_vnd=one.fee_vnd, lines=one.lines)
    return Lot(batch=one.batch, begins=one.begins, first=one.first, last=one.last, due=due)


def _signed(direction: str, amount_vnd: int) -> int:
    return amount_vnd if direction == "credit" else -amount_vnd
