"""Refunds on their way: intent is committed, then the bank is talked to, then what it said is evidence like any other.

A refund keeps the one reference it was given. Silence is `unknown`: the bank is asked by schedule, and sent the same
reference again only where its protocol makes that harmless. Without proof that nothing left, nothing is taken back.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from asyncpg import Connection

from paygw.hub.credit import Message, credit, credit_item
from paygw.hub.hub import Hub
from paygw.hub.moving import decision_of, keep, keep_moved, scene_of
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.refunds import get_refund_in, lock_live_refund
from paygw.hub.registry import Bank
from paygw.kernel.connector import Answer, AnswerDialogue, Contact, HttpRequest, Notice, RefundAsk
from paygw.kernel.decide import Fact
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority, RefundNewsStatus, RefundSeen
from paygw.kernel.news import touched
from paygw.kernel.posting import h_bank
from paygw.kernel.receipts import Receipt, Refund, RefundStatus, find_refund, with_refund
from paygw.kernel.refs import public_id
from paygw.kernel.refunds import Moved, fail_refund, failed_by_channel, send_refund
from paygw.kernel.settlement import require_spendable
from paygw.store.attempts import created_at_of
from paygw.store.cases import open_case
from paygw.store.refunds import (
    Claimed,
    RefundRow,
    claim_refunds,
    holds_lease,
    read_refund,
    release_refund,
)
from paygw.store.refunds import choose_channel as store_channel
from paygw.store.settlement import lock_account, read_spendable
from paygw.store.situations import Locked

_LEFT = frozenset({RefundStatus.SENDING, RefundStatus.SUCCEEDED, RefundStatus.RETURNED})


@dataclass(frozen=True, slots=True)
class _Sending:
    """A refund whose intent is durable: whom to tell, and what."""

    bank: Bank
    ask: RefundAsk


async def work_refunds(hub: Hub, bank: str | None = None, *, limit: int = 10) -> int:
    """Send what is funded, ask about what is under way, at one bank or at all, side by side; how many were due."""
    lease_s = hub.settings.bank_deadline_s * 3
    async with hub.pool.acquire() as connection:
        due = await claim_refunds(connection, bank, now=hub.clock(), lease_s=lease_s, limit=limit)
    await asyncio.gather(*(_tend(hub, claimed) for claimed in due))
    return len(due)


async def _tend(hub: Hub, claimed: Claimed) -> None:
    await (_send if claimed.status is RefundStatus.FUNDED else _enquire)(hub, claimed)


async def _send(hub: Hub, claimed: Claimed) -> None:
    sending = await hub.transact(partial(_intend, hub, claimed))
    if sending is None or sending.bank.connector.refund is None:
        return
    dialogue = sending.bank.connector.refund(sending.ask, sending.bank.secrets)
    answer = await hub.talk.ask(sending.bank.id, "refund", dialogue)
    if answer.contact is Contact.NOT_SENT:
        await hub.transact(partial(_take_back_intent, hub, claimed))
        return
    await _heard(hub, claimed, sending.bank, answer)


async def _intend(hub: Hub, claimed: Claimed, connection: Connection) -> _Sending | None:
    """Commit that the refund is being sent; None when it goes another way, or cannot go now."""
    locked, row = await lock_live_refund(connection, claimed.id)
    if row.refund.status is not RefundStatus.FUNDED or not await holds_lease(connection, claimed):
        return None
    receipt = locked.situation.purse[row.refund.receipt_id]
    bank = hub.registry.banks.get(receipt.bank)
    carried = bank is not None and bank.connector.refund is not None and receipt.home == "provider"
    if bank is None or not carried or (failed_by_channel(receipt) and not row.by_channel):
        await _by_hand(connection, claimed, receipt)
        return None
    try:
        moved = send_refund(locked.situation.purse, receipt.id, claimed.id, "provider")
    except Refused:  # frozen: it waits for the end of the conflict or dispute
        await release_refund(connection, claimed, next_at=_next_at(hub, claimed))
        return None
    await keep_moved(hub, connection, locked, moved)
    return _Sending(bank, await _ask(hub, connection, locked, claimed.id))


async def _by_hand(connection: Connection, claimed: Claimed, receipt: Receipt) -> None:
    detail = "this refund goes by transfer or by the holder, or by its channel once more; two persons instruct it"
    await open_case(connection, key=f"refund:{claimed.id}", kind="refund", detail=detail, receipt_id=receipt.id)
    await release_refund(connection, claimed, next_at=None)


async def _ask(hub: Hub, connection: Connection, locked: Locked, refund_id: str) -> RefundAsk:
    row = await read_refund(connection, refund_id)
    if row is None:
        raise Refused("not_found", "There is no such refund here.")
    receipt = locked.situation.purse[row.refund.receipt_id]
    refund = find_refund(receipt, refund_id)
    attempt = next((a for a in locked.situation.attempts if a.id == receipt.attempt_id), None)
    return RefundAsk(
        refund_ref=row.ref,
        attempt_ref=attempt.ref if attempt else "",
        bank_txn_id=row.bank_txn_id or "",
        original_vnd=receipt.amount_vnd,
        amount_vnd=refund.sendable_vnd,
        reason=f"Hoan tra {row.ref[-12:]}",
        paid_at=receipt.received_at,
        now=hub.clock(),
        asked_at=row.decided_at,
        created_at=await created_at_of(connection, attempt.id) if attempt else None,
        has_twin=any(
            other.id != refund_id and other.status in _LEFT and other.sendable_vnd == refund.sendable_vnd
            for other in receipt.refunds
        ),
    )


async def _take_back_intent(hub: Hub, claimed: Claimed, connection: Connection) -> None:
    """Nothing left, proved: the refund is funded as before; if its receipt was taken back meanwhile, it has failed."""
    locked, row = await lock_live_refund(connection, claimed.id)
    if row.refund.status is not RefundStatus.SENDING or not await holds_lease(connection, claimed):
        return
    receipt = locked.situation.purse[row.refund.receipt_id]
    if receipt.taken_back_vnd:
        moved = fail_refund(locked.situation.purse, receipt.id, claimed.id)
        fact = Fact("refund.failed", f"refund.failed:{claimed.id}", receipt_id=receipt.id, refund_id=claimed.id)
        failed = decision_of(locked, moved)
        await keep(hub, connection, locked, replace(failed, situation=touched(failed.situation), facts=(fact,)))
    else:
        waits = replace(find_refund(receipt, claimed.id), status=RefundStatus.FUNDED, route=None)
        purse = locked.situation.purse.put(with_refund(receipt, waits))
        await keep_moved(hub, connection, locked, Moved(purse))
    await release_refund(connection, claimed, next_at=_next_at(hub, claimed))


async def _heard(hub: Hub, claimed: Claimed, bank: Bank, answer: Answer) -> None:
    """Evidence goes where all evidence goes; an answer without any leaves the outcome unknown."""
    if answer.evidence:
        await credit(hub, bank, Notice(evidence=answer.evidence, authority=Authority.QUERY), Message())
    async with hub.pool.acquire() as connection:
        next_at = _next_at(hub, claimed)
        await release_refund(connection, claimed, next_at=next_at, silent=not answer.evidence)
        if not answer.evidence and next_at is None:
            detail = "the bank does not say what became of this refund"
            await open_case(connection, key=f"refund:{claimed.id}:silent", kind="refund", detail=detail)


async def _enquire(hub: Hub, claimed: Claimed) -> None:
    """What became of a refund under way, also after a crash between intent and answer."""
    sending = await hub.transact(partial(_look, hub, claimed))
    if sending is None:
        return
    bank, ask = sending.bank, sending.ask
    answer = Answer(contact=Contact.UNKNOWN)
    if bank.connector.query_refund is not None:
        answer = await hub.talk.ask(bank.id, "query_refund", bank.connector.query_refund(ask, bank.secrets))
    if not answer.evidence and bank.connector.refund is not None and await _may_repeat(hub, claimed, sending):
        answer = await hub.talk.ask(bank.id, "refund", bank.connector.refund(ask, bank.secrets))
    await _heard(hub, claimed, bank, answer)


async def _look(hub: Hub, claimed: Claimed, connection: Connection) -> _Sending | None:
    locked, row = await lock_live_refund(connection, claimed.id)
    if row.refund.status is not RefundStatus.SENDING or not await holds_lease(connection, claimed):
        return None
    bank = hub.registry.banks.get(locked.situation.purse[row.refund.receipt_id].bank)
    if bank is None or row.refund.route != "provider":
        await release_refund(connection, claimed, next_at=None)
        return None
    return _Sending(bank, await _ask(hub, connection, locked, claimed.id))


async def _may_repeat(hub: Hub, claimed: Claimed, sending: _Sending) -> bool:
    """Where the connector says that the same reference is paid once, and the money is still ours to give."""
    if sending.bank.connector.refund is None:
        return False
    opening = _first(sending.bank.connector.refund(sending.ask, sending.bank.secrets))
    if opening is None or not opening.repeatable:
        return False

    async def unharmed(connection: Connection) -> bool:
        locked, row = await lock_live_refund(connection, claimed.id)
        receipt = locked.situation.purse[row.refund.receipt_id]
        under_way = row.refund.status is RefundStatus.SENDING and await holds_lease(connection, claimed)
        return under_way and not receipt.frozen and not receipt.taken_back_vnd

    return await hub.transact(unharmed)


def _first(dialogue: AnswerDialogue) -> HttpRequest | None:
    """The request a dialogue would begin with; building it sends nothing."""
    try:
        return next(dialogue)
    except StopIteration:
        return None
    finally:
        dialogue.close()


def _next_at(hub: Hub, claimed: Claimed) -> datetime | None:
    delays = hub.settings.enquiry_delays_s
    asked = claimed.enquiries
    return hub.clock() + timedelta(seconds=delays[asked]) if asked < len(delays) else None


async def choose_channel(hub: Hub, refund_id: str, *, persons: TwoPersons) -> None:
    """Let the provider try a funded refund although it failed with one of the same receipt. Raises `refund_state`."""

    async def work(connection: Connection) -> None:
        _, row = await lock_live_refund(connection, refund_id)
        if row.refund.status is not RefundStatus.FUNDED:
            raise Refused("refund_state", f"The refund is {row.refund.status}; only a funded one is sent.")
        await decided_by_two(connection, persons, "refund.channel", public_id("rfd", refund_id))
        await store_channel(connection, refund_id, at=hub.clock())

    await hub.transact(work)


async def instruct_refund(
    hub: Hub, refund_id: str, route: Literal["transfer", "holder"], *, persons: TwoPersons
) -> None:
    """Send a funded refund by our own transfer (custody; the account must hold it) or by the holder (routing).

    Raises Refused: `refund_state`, `receipt_not_settled`, `account_short`, `account_owes_fee`, `receipt_frozen`.
    """

    async def work(connection: Connection) -> None:
        locked, row = await lock_live_refund(connection, refund_id)
        receipt = locked.situation.purse[row.refund.receipt_id]
        if (route == "transfer") != (hub.settings.funds == "custody"):
            raise Refused("refund_route", "In custody we transfer, in routing the holder pays.")
        moved = send_refund(locked.situation.purse, receipt.id, refund_id, route)
        if route == "transfer":
            await _require_spendable(connection, receipt, find_refund(receipt, refund_id))
        await decided_by_two(connection, persons, f"refund.{route}", public_id("rfd", refund_id))
        await keep_moved(hub, connection, locked, moved)

    await hub.transact(work)


async def _require_spendable(connection: Connection, receipt: Receipt, refund: Refund) -> None:
    """M-2; a refund is not held up by a fee (M-17 is about disbursement)."""
    await lock_account(connection, h_bank(receipt.account))
    stands = await read_spendable(connection, receipt.account)
    require_spendable(
        balance_vnd=stands.balance_vnd, in_flight_vnd=stands.in_flight_vnd, amount_vnd=refund.sendable_vnd, due_vnd=0
    )


async def report_refund(
    hub: Hub, refund_id: str, status: RefundNewsStatus, *, persons: TwoPersons
) -> dict[str, object]:
    """What two persons found of a refund that no bank answers for, with the document: evidence like any other."""

    async def work(connection: Connection) -> dict[str, object]:
        await lock_live_refund(connection, refund_id)
        await decided_by_two(connection, persons, "refund.report", public_id("rfd", refund_id), status=status.value)
        await tell_refund(hub, connection, refund_id, status)
        return await get_refund_in(connection, refund_id)

    return await hub.transact(work)


async def tell_refund(hub: Hub, connection: Connection, refund_id: str, status: RefundNewsStatus) -> None:
    """The outcome of a refund that we or a holder paid, through the one credit function."""
    locked, row = await lock_live_refund(connection, refund_id)
    seen = _seen(hub, locked, row, status)
    scene = scene_of(hub, locked.situation.purse[row.refund.receipt_id], Authority.QUERY)
    await credit_item(hub, connection, seen, scene, message=Message())


def _seen(hub: Hub, locked: Locked, row: RefundRow, status: RefundNewsStatus) -> RefundSeen:
    receipt = locked.situation.purse[row.refund.receipt_id]
    refund = find_refund(receipt, row.refund.id)
    return RefundSeen(refund_ref=row.ref, status=status, amount_vnd=refund.sendable_vnd, occurred_at=hub.clock())
