"""Breaks that no file shows: what the records of a bank's money hold and should not hold for long.

Looked at by every night of the bank, whatever its day: each is opened under the day it began, and closes by itself when
its cause is gone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from typing import Final

from asyncpg import Connection

from paygw.hub.breaks import Found, close_gone, keep_breaks
from paygw.hub.days import local_day
from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.transfers import is_observer, owners
from paygw.kernel.decide import VIETNAM
from paygw.kernel.observed import accounts_of
from paygw.store import watch as store
from paygw.store.breaks import open_days
from paygw.store.cases import close_case

KINDS: Final = ("suspected_same", "assertion_above", "evidence_conflict", "give_back_overdue")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A break and the day it began."""

    day: date
    found: Found


async def watch_records(hub: Hub, bank: Bank, *, owed_until: date) -> int:
    """Open what is new and close what is gone; how many were opened. Debts of after `owed_until` are not due yet."""
    return await hub.transact(partial(_watch, hub, bank, owed_until))


async def _watch(hub: Hub, bank: Bank, owed_until: date, connection: Connection) -> int:
    seen = [
        *await _waiting(hub, connection, bank),
        *await _asserted(hub, connection, bank),
        *await _conflicts(hub, connection, bank),
        *await _debts(connection, bank, owed_until),
    ]
    return sum([await _keep(hub, connection, bank.id, kind, seen) for kind in KINDS])


async def _keep(hub: Hub, connection: Connection, bank: str, kind: str, seen: Iterable[_Seen]) -> int:
    """The breaks of a kind by their days; those days are looked at too on which one is open."""
    by_day: dict[date, list[Found]] = {day: [] for day in await open_days(connection, bank, kind)}
    for one in seen:
        if one.found.kind == kind:
            by_day.setdefault(one.day, []).append(one.found)
    opened = 0
    for day, found in sorted(by_day.items()):
        opened += await keep_breaks(hub, connection, bank, day, found)
        await close_gone(hub, connection, bank, day, kinds=(kind,), found=found)
    return opened


async def _waiting(hub: Hub, connection: Connection, bank: Bank) -> list[_Seen]:
    """Observations of the bank's account that are no receipt; of an account of several banks the first one watches."""
    account = bank.landing.account
    if bank not in owners(hub, account)[:1]:
        return []
    return [
        _Seen(
            one.day,
            Found(
                kind="suspected_same",
                subject=one.subject,
                detail=f"{one.subject.partition(':')[0]} told it, not booked; {one.near} receipts of this amount near",
                ref=one.ref,
                bank_txn_id=one.bank_txn_id,
                statement_amount_vnd=one.amount_vnd,
            ),
        )
        for one in await store.waiting_observations(connection, account)
    ]


async def _asserted(hub: Hub, connection: Connection, bank: Bank) -> list[_Seen]:
    """Cumulative figures above the receipts; the cases of those that the receipts have reached are closed."""
    seen = []
    for one in await store.asserted_totals(connection, bank.id):
        if one.known_vnd >= one.total_vnd:
            for key in one.keys:
                await close_case(connection, key, at=hub.clock())
            continue
        found = Found(
            kind="assertion_above",
            subject=f"{one.ref}:{one.total_vnd}",
            detail="the provider's total of this payment is above its receipts",
            ref=one.ref,
            book_amount_vnd=one.known_vnd,
            statement_amount_vnd=one.total_vnd,
        )
        seen.append(_Seen(one.day, found))
    return seen


async def _conflicts(hub: Hub, connection: Connection, bank: Bank) -> list[_Seen]:
    account = bank.landing.account
    observers = [
        one.id
        for one in hub.registry.banks.values()
        if account and is_observer(one) and account in accounts_of(one.secrets.options)
    ]
    mine = observers if bank in owners(hub, account)[:1] else []
    return [
        _Seen(
            one.day,
            Found(
                kind="evidence_conflict",
                subject=one.subject,
                detail=one.detail,
                ref=one.ref,
                bank_txn_id=one.bank_txn_id,
                book_amount_vnd=one.amount_vnd,
            ),
        )
        for one in await store.conflicts(connection, bank.id, mine)
    ]


async def _debts(connection: Connection, bank: Bank, until: date) -> list[_Seen]:
    """RB, CLAIM and DUE that their party still owes; the party is the name in the account."""
    before = datetime.combine(until, time.max, VIETNAM)
    return [
        _Seen(
            local_day(one.since),
            Found(
                kind="give_back_overdue",
                subject=f"{one.account}|{one.subject}",
                detail=f"{one.account.split(':')[1]} has to give back {one.amount_vnd} đồng ({one.account})",
                ref=one.account,
                book_amount_vnd=one.amount_vnd,
            ),
        )
        for one in await store.old_debts(connection, bank.id, bank.landing.account, before)
    ]
